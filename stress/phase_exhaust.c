/*
 * exhaust and fragment: all memory is handed out in blocks of one order, by all cores at once,
 * until none is left for any; then it is given back in the worst of orders.
 */
#include <lib/fail.h>
#include <stress/phases.h>

enum {
    MOST_BLOCKS = 32768, /* to fill memory with: more would take a round's whole time */
    EDGE_TURNS = 256,
    BLOCKS_A_STRIPE = 16,
};

/* The lowest order for which filling all memory takes a bearable number of blocks. */
static unsigned fill_order(const struct run *run)
{
    uint32_t its_most = run->arena.allocator->most_blocks;
    uint32_t most = its_most && its_most < MOST_BLOCKS ? its_most : MOST_BLOCKS;
    unsigned order = 0;

    while (order < MAX_ORDER && run->arena.inserted_pages >> order > most)
        order++;
    return order;
}

/*
 * Free every held block in this core's stripes, or only those that are the upper of two buddies.
 * Most of them are another core's. All are of one order, so a block's place says where its head is.
 */
static void sweep(struct run *run, struct core *core, bool odd)
{
    struct arena *arena = &run->arena;
    unsigned order = run->round_order;
    uint64_t first = (arena->start + order_pages(order) - 1) >> order;

    for (uint64_t block = first; block < arena->end >> order; block++) {
        pfn_t pfn = block << order;
        bool mine = block / BLOCKS_A_STRIPE % run->core_count == core->number;
        if (mine && (!odd || block % 2) && arena_held_order(arena, pfn) >= 0)
            arena_free(arena, core, pfn);
    }
}

static uint32_t refused; /* 1 + the core that was refused first in this filling; 0: none. Atomic */

/* Core 0 draws an order for all. */
static void choose_order(struct run *run, struct core *core, unsigned lowest, unsigned highest)
{
    if (core->number == 0) {
        run->round_order =
            lowest + (unsigned)prng_below(&run->random, (uint64_t)highest - lowest + 1);
        __atomic_store_n(&refused, 0, __ATOMIC_RELAXED);
    }
    run_meet(run);
}

/*
 * Nothing is freed while memory fills. So when a core has been refused nobody who asks afterwards
 * may be given anything: else the block was there, on its way from one list to another.
 */
static void check_refusal(const struct run *run, const struct core *core, uint32_t first)
{
    const unsigned needed = PROMISE_COALESCES | PROMISE_TRUE_OOM;

    if (first && (run->arena.allocator->promises & needed) == needed)
        fail("false-oom",
             "order %u on core %u: core %u was given a block later, and none was freed",
             run->round_order, first - 1, core->number);
}

static void fill(struct run *run, struct core *core)
{
    uint32_t none = 0;

    for (;;) {
        uint32_t first = __atomic_load_n(&refused, __ATOMIC_ACQUIRE);
        core_step(core, run->round_order);
        if (arena_allocate(&run->arena, core, run->round_order) == INVALID_PFN)
            break;
        check_refusal(run, core, first);
    }
    __atomic_compare_exchange_n(&refused, &none, core->number + 1, false, __ATOMIC_RELEASE,
                                __ATOMIC_RELAXED);
}

/*
 * With nothing else running: what there is room for must be given, and arena_allocate() sees to it
 * that nothing else is.
 */
static void check_room(struct run *run, struct core *core, unsigned order)
{
    run->arena.alone = true;
    pfn_t pfn = arena_allocate(&run->arena, core, order);
    if (pfn != INVALID_PFN)
        arena_free(&run->arena, core, pfn);
    run->arena.alone = false;
}

/* At the edge: each core gives a block back and asks for it again, as all others do. */
static void crowd_at_the_edge(struct run *run, struct core *core)
{
    pfn_t mine = INVALID_PFN;

    for (unsigned i = 0; i < EDGE_TURNS; i++) {
        if (mine != INVALID_PFN)
            arena_free(&run->arena, core, mine);
        mine = arena_allocate(&run->arena, core, run->round_order);
        core_step(core, run->round_order);
    }
}

static void round_exhaust(struct run *run, struct core *core)
{
    choose_order(run, core, fill_order(run), MAX_ORDER);
    fill(run, core);
    run_meet(run);
    if (core->number == 0)
        check_room(run, core, run->round_order);
    run_meet(run);
    crowd_at_the_edge(run, core);
    run_meet(run);
    sweep(run, core, false);
}

static void round_fragment(struct run *run, struct core *core)
{
    unsigned lowest = fill_order(run);

    choose_order(run, core, lowest, lowest + 3 < MAX_ORDER ? lowest + 3 : MAX_ORDER - 1);
    fill(run, core);
    run_meet(run);
    sweep(run, core, true);
    run_meet(run);
    for (unsigned order = 0; core->number == 0 && order <= MAX_ORDER; order++)
        check_room(run, core, order);
    run_meet(run);
    crowd_at_the_edge(run, core);
    run_meet(run);
    sweep(run, core, false);
}

const struct phase phase_exhaust = {
    .name = "exhaust",
    .promises = PROMISE_SMP_SAFE,
    .weight = 3,
    .floor = {.overlapped = 50, .passed = 50, .cross_frees = 100, .out_of_memory = 2},
    .round = round_exhaust,
};

const struct phase phase_fragment = {
    .name = "fragment",
    .promises = PROMISE_SMP_SAFE,
    .weight = 2,
    .floor = {.overlapped = 50, .passed = 50, .cross_frees = 100, .out_of_memory = 2},
    .round = round_fragment,
};
