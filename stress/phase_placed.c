/*
 * single-placed and placed: allocations with a condition (below a frame, at a frame, on a node),
 * mixed with others. single-placed runs on one core, where each refusal is judged; placed runs on
 * all.
 *
 * While much memory is free, no request is refused. So in single-placed the core first takes all
 * large blocks. Then it sometimes gives one back and takes one again: little is left, and it may
 * lie anywhere.
 */
#include <stress/phases.h>

enum {
    SLOTS = 16,
    HIGHEST_ORDER = 4,
    HOGGED = 8192, /* most large blocks taken */
    /* least turns of a round on one core, even if taking the blocks took all its time */
    LEAST_TURNS = 500,
    HOG_TURN = 16, /* one turn in this many makes room elsewhere */
};

static pfn_t blocks[CORE_LIMIT][SLOTS]; /* pfn + 1, or 0 */

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

/* Draw a condition that the allocator has a function for, or none. */
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

/* ---- nearly all of memory, held by one core ---- */

static struct {
    pfn_t blocks[HOGGED];
    unsigned count;
} hog;

static bool hog_one(struct run *run, struct core *core, unsigned order)
{
    pfn_t pfn = hog.count < HOGGED ? arena_allocate(&run->arena, core, order) : INVALID_PFN;

    if (pfn != INVALID_PFN)
        hog.blocks[hog.count++] = pfn;
    return pfn != INVALID_PFN;
}

/*
 * Take blocks from the largest order down, until only blocks of the orders that the turns ask for
 * are left.
 */
static void hog_memory(struct run *run, struct core *core)
{
    for (unsigned order = run->arena.largest_order; order > HIGHEST_ORDER; order--)
        while (hog_one(run, core, order))
            ;
}

static void give_back(struct run *run, struct core *core, unsigned index)
{
    arena_free(&run->arena, core, hog.blocks[index]);
    hog.blocks[index] = hog.blocks[--hog.count];
}

/* Make room for one block of the smallest order taken, at another place than before. */
static void make_room_elsewhere(struct run *run, struct core *core)
{
    give_back(run, core, (unsigned)prng_below(&core->random, hog.count));
    while (hog_one(run, core, HIGHEST_ORDER + 1))
        ;
    if (hog.count)
        give_back(run, core, hog.count - 1);
}

/* ---- rounds ---- */

static void round_single_placed(struct run *run, struct core *core)
{
    if (!hog.count)
        hog_memory(run, core);
    for (unsigned turns = 0; run_goes_on(run, core) || turns < LEAST_TURNS; turns++) {
        turn(run, core);
        if (hog.count && prng_below(&core->random, HOG_TURN) == 0)
            make_room_elsewhere(run, core);
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

static void release_single_placed(struct run *run, struct core *core)
{
    release(run, core);
    while (hog.count)
        give_back(run, core, hog.count - 1);
}

const struct phase phase_single_placed = {
    .row = PHASE_ROW(single_placed),
    .alone = true,
    .weight = 1,
    .round = round_single_placed,
    .release = release_single_placed,
};

const struct phase phase_placed = {
    .row = PHASE_ROW(placed),
    .weight = 2,
    .floor = {.overlapped = 30},
    .round = round_placed,
    .release = release,
};
