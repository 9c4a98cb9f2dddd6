/*
 * exhaust and fragment: all cores together allocate blocks of one order until none is left for any
 * of them. Then they free the blocks in an order that is bad for the allocator.
 *
 * How many blocks a round can take is found by trying: if the allocator searches a free list, the
 * time grows with the square of their number. The first round takes few, the next one four times as
 * many if that leaves time. If so few blocks of an order do not fill memory, the allocator is
 * rebuilt with less memory for the round.
 */
#include <arch/cpu.h>
#include <lib/fail.h>
#include <stress/phases.h>

enum {
    LEAST_BLOCKS = 64,
    FIRST_BLOCKS = 1024,
    MOST_BLOCKS = 32768, /* with more, any allocator would need all of a round's time */
    GROWTH = 4,          /* from round to round; with searched lists the time grows 16 times */
    EDGE_TURNS = 256,
    BLOCKS_A_STRIPE = 16,
};

/* State of a phase's rounds. Only core 0 writes it; all cores read `late`. */
static struct {
    uint64_t most_blocks;  /* a round may fill memory with so many */
    uint64_t round_blocks; /* this round fills memory with so many */
    uint64_t limit_pages;  /* pages that the allocator has; UINT64_MAX: all */
    uint64_t began;        /* cycles: start of this round; 0: none yet */
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

/* Cycles that a round may take, so that a phase has several. */
static uint64_t bearable(const struct run *run)
{
    return (run->phase_end - run->phase_start) / 4;
}

static bool is_late(void)
{
    return cpu_cycles() > filling.late;
}

/*
 * Adapt the blocks of a round to the last one: fewer if it took too long; more if it filled memory
 * as far as allowed and took little time.
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

/*
 * Draw one of the orders up to `highest` that have a weight in orders=, each as likely as another.
 * Returns `highest` if there is none.
 */
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

/* Give the allocator only as much memory as `most_blocks` blocks of the order fill. */
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
 * Free the held blocks in this core's stripes; with `odd`, only the upper one of each two buddies.
 * Most of them belong to another core. All are of one order, so they begin at its multiples.
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

/* Number + 1 of the core that was refused first while memory filled; 0: none. Atomic. */
static uint32_t refused;

/* Core 0 draws an order for all cores, up to `highest`. */
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
 * Nothing is freed while memory fills. So once a core has been refused, no core may get a block any
 * more. If one does, its block was free all the time, for example on its way from one list to
 * another.
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
 * Ask for a block while nothing else runs. arena_allocate() fails if the allocator refuses although
 * there is room, or gives what is not free.
 */
static void check_room(struct run *run, struct core *core, unsigned order)
{
    run->arena.alone = true;
    pfn_t pfn = arena_allocate(&run->arena, core, order);
    if (pfn != INVALID_PFN)
        arena_free(&run->arena, core, pfn);
    run->arena.alone = false;
}

/* With memory full, each core frees a block and asks for it again, while all others do the same. */
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

/* The highest order for fragment: small, and below the largest, so that two blocks can merge. */
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
