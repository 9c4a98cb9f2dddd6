/*
 * single-placed and placed: allocations with a condition (below a frame, at a frame, on a node),
 * mixed with others, on one core, where each refusal is judged, and on all.
 */
#include <stress/phases.h>

enum { SLOTS = 16, HIGHEST_ORDER = 4 };

static pfn_t blocks[MAX_CORES][SLOTS]; /* pfn + 1, or 0 */

static struct place draw_below(const struct run *run, struct core *core)
{
    uint64_t pages = run->arena.end - run->arena.start;

    return (struct place){PLACE_BELOW, run->arena.start + 1 + prng_below(&core->random, pages)};
}

static struct place draw_at(const struct run *run, struct core *core, unsigned order)
{
    uint64_t count = order_pages(order);
    pfn_t first = (run->arena.start + count - 1) & ~(count - 1);
    uint64_t places = run->arena.end > first ? (run->arena.end - first) >> order : 0;
    uint64_t drawn = places ? prng_below(&core->random, places) : 0;

    return (struct place){PLACE_AT, first + (drawn << order)};
}

/* One of the kinds that the allocator has a function for, or none. */
static struct place draw_place(const struct run *run, struct core *core, unsigned order)
{
    const struct page_allocator *allocator = run->arena.allocator;

    switch (prng_below(&core->random, 4)) {
    case 0:
        if (allocator->allocate_below)
            return draw_below(run, core);
        break;
    case 1:
        if (allocator->allocate_at)
            return draw_at(run, core, order);
        break;
    case 2:
        if (allocator->allocate_on_node)
            return (struct place){PLACE_NODE, prng_below(&core->random, allocator->nodes)};
        break;
    default:
        break;
    }
    return (struct place){PLACE_ANY, 0};
}

static pfn_t take(struct run *run, struct core *core)
{
    unsigned largest = run->arena.largest_order;
    unsigned order = run_draw_order(run, core, largest < HIGHEST_ORDER ? largest : HIGHEST_ORDER);
    struct place place = draw_place(run, core, order);
    pfn_t pfn = place.kind == PLACE_ANY ? arena_allocate(&run->arena, core, order)
                                        : arena_allocate_placed(&run->arena, core, order, place);

    core_step(core, (uint64_t)place.kind << 8 | order);
    return pfn == INVALID_PFN ? 0 : pfn + 1;
}

static void turn(struct run *run, struct core *core)
{
    pfn_t *block = &blocks[core->number][prng_below(&core->random, SLOTS)];

    if (*block) {
        arena_free(&run->arena, core, *block - 1);
        core_step(core, 0);
        *block = 0;
    } else {
        *block = take(run, core);
    }
}

static void round_placed(struct run *run, struct core *core)
{
    while (run_goes_on(run, core))
        turn(run, core);
}

static void release(struct run *run, struct core *core)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (blocks[core->number][i])
            arena_free(&run->arena, core, blocks[core->number][i] - 1);
        blocks[core->number][i] = 0;
    }
}

const struct phase phase_single_placed = {
    .name = "single-placed",
    .alone = true,
    .weight = 1,
    .places = true,
    .round = round_placed,
    .release = release,
};

const struct phase phase_placed = {
    .name = "placed",
    .weight = 2,
    .promises = PROMISE_SMP_SAFE,
    .places = true,
    .floor = {.overlapped = 100},
    .round = round_placed,
    .release = release,
};
