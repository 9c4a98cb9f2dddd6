/*
 * exhaust and fragment: all memory is handed out in blocks of one order, by all cores at once,
 * until none is left for any; then it is given back in the worst of orders.
 *
 * How many blocks that may take is found out by trying, since a free list that is searched makes
 * the time grow with their square: few at first, four times as many in the next round if that
 * leaves time. If memory is too large for an order in so few blocks, the allocator is made anew
 * with less of it for the round.
 */
#include <arch/cpu.h>
#include <lib/fail.h>
#include <stress/phases.h>

enum {
    LEAST_BLOCKS = 64,
    FIRST_BLOCKS = 1024,
    MOST_BLOCKS = 32768, /* more would take a round's whole time, of any allocator */
    GROWTH = 4,          /* ... which multiplies the time by 16 if lists are searched */
    EDGE_TURNS = 256,
    BLOCKS_A_STRIPE = 16,
};

/* Core 0's, for the rounds of a phase; `late` is for all. */
static struct {
    uint64_t most_blocks;  /* that a round may fill memory with */
    uint64_t round_blocks; /* that this round fills it with */
    uint64_t limit_pages;  /* what the allocator has of memory; UINT64_MAX: all */
    uint64_t began;        /* cycles */
    uint64_t took;         /* cycles that filling took in the last round */
    uint64_t late;         /* cycles: when this round should be over */
} filling;

static void prepare_filling(struct run *run)
{
    (void)run;
    filling.most_blocks = FIRST_BLOCKS;
    filling.limit_pages = UINT64_MAX;
    filling.began = 0;
}

/* What a round may take, so that there are several in a phase. */
static uint64_t bearable(const struct run *run)
{
    return (run->phase_end - run->phase_start) / 4;
}

static bool is_late(void)
{
    return cpu_cycles() > filling.late;
}

/* Learn from the last round: one that was filled as far as it may be, and took little, or too long.
 */
static void adapt(const struct run *run)
{
    uint32_t its_most = run->arena.allocator->most_blocks;
    uint64_t most = its_most && its_most < MOST_BLOCKS ? its_most : MOST_BLOCKS;
    uint64_t now = cpu_cycles(), took = now - filling.began;
    bool full = filling.round_blocks * 2 > filling.most_blocks;

    if (filling.began && took > bearable(run) && filling.most_blocks > LEAST_BLOCKS)
        filling.most_blocks /= GROWTH;
    else if (filling.began && full && filling.took * GROWTH * GROWTH < bearable(run))
        filling.most_blocks *= GROWTH;
    if (filling.most_blocks > most)
        filling.most_blocks = most;
    filling.began = now;
    filling.late = now + bearable(run);
}

/* One of the orders up to `highest` that orders= gives a weight; the largest if there is none. */
static unsigned draw_wanted_order(struct run *run, unsigned highest)
{
    const uint32_t *weights = run->options->orders;
    unsigned count = 0;

    for (unsigned order = 0; order <= highest; order++)
        count += weights[order] > 0;
    if (!count)
        return highest;
    uint64_t drawn = prng_below(&run->random, count);
    unsigned order = 0;
    while (!weights[order] || drawn-- > 0)
        order++;
    return order;
}

/* Give the allocator so much of memory that `most_blocks` blocks of the order fill it. */
static void limit_memory(struct run *run, unsigned order)
{
    struct arena *arena = &run->arena;
    uint64_t wanted = filling.most_blocks << arena_taken_order(arena, order);
    uint64_t limit = wanted < run->all_pages ? wanted : UINT64_MAX;

    filling.round_blocks = limit == UINT64_MAX ? run->all_pages >> order : filling.most_blocks;
    if (limit == filling.limit_pages)
        return;
    filling.limit_pages = limit;
    arena_rebuild(arena, limit);
}

static void release_filling(struct run *run, struct core *core)
{
    if (core->number != 0 || filling.limit_pages == UINT64_MAX)
        return;
    filling.limit_pages = UINT64_MAX;
    arena_rebuild(&run->arena, UINT64_MAX);
}

/*
 * Free every held block in this core's stripes, or only those that are the upper of two buddies.
 * Most of them are another core's. All are of one order, so a block's place says where its head is.
 */
static void sweep(struct run *run, struct core *core, bool odd)
{
    struct arena *arena = &run->arena;
    unsigned order = arena_taken_order(arena, run->round_order);
    uint64_t first = (arena->start + order_pages(order) - 1) >> order;

    for (uint64_t block = first; block < arena->end >> order; block++) {
        pfn_t pfn = block << order;
        bool mine = block / BLOCKS_A_STRIPE % run->core_count == core->number;
        if (mine && (!odd || block % 2) && arena_held_order(arena, pfn) >= 0)
            arena_free(arena, core, pfn);
    }
}

static uint32_t refused; /* 1 + the core that was refused first in this filling; 0: none. Atomic */

/* Core 0 draws an order for all, up to `highest`. */
static void choose_order(struct run *run, struct core *core, unsigned highest)
{
    if (core->number == 0) {
        run->round_order = draw_wanted_order(run, highest);
        adapt(run);
        limit_memory(run, run->round_order);
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
        fail(RULE_FALSE_OOM,
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
        if (is_late())
            return;
    }
    if (core->number == 0)
        filling.took = cpu_cycles() - filling.began;
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

    for (unsigned i = 0; i < EDGE_TURNS && (i < 2 || !is_late()); i++) {
        if (mine != INVALID_PFN)
            arena_free(&run->arena, core, mine);
        mine = arena_allocate(&run->arena, core, run->round_order);
        core_step(core, run->round_order);
    }
}

static void round_exhaust(struct run *run, struct core *core)
{
    choose_order(run, core, run->arena.largest_order);
    fill(run, core);
    run_meet(run);
    if (core->number == 0)
        check_room(run, core, run->round_order);
    run_meet(run);
    crowd_at_the_edge(run, core);
    run_meet(run);
    sweep(run, core, false);
}

/* Small ones, of which two make a larger block if there is one. */
static unsigned highest_to_fragment(const struct run *run)
{
    enum { HIGHEST = 5 };
    unsigned largest = run->arena.largest_order;

    return largest > HIGHEST ? HIGHEST : largest ? largest - 1 : 0;
}

static void round_fragment(struct run *run, struct core *core)
{
    choose_order(run, core, highest_to_fragment(run));
    fill(run, core);
    run_meet(run);
    sweep(run, core, true);
    run_meet(run);
    for (unsigned order = 0; core->number == 0 && order <= run->arena.largest_order; order++)
        check_room(run, core, order);
    run_meet(run);
    crowd_at_the_edge(run, core);
    run_meet(run);
    sweep(run, core, false);
}

const struct phase phase_exhaust = {
    .row = PHASE_ROW(exhaust),
    .weight = 3,
    .floor = {.overlapped = 10, .cross_frees = 100, .out_of_memory = 2},
    .prepare = prepare_filling,
    .round = round_exhaust,
    .release = release_filling,
};

const struct phase phase_fragment = {
    .row = PHASE_ROW(fragment),
    .weight = 2,
    .floor = {.overlapped = 10, .cross_frees = 100, .out_of_memory = 2},
    .prepare = prepare_filling,
    .round = round_fragment,
    .release = release_filling,
};
