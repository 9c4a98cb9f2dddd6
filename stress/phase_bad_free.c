/*
 * bad-free: each core holds a block and tries to free it in every wrong way, while the other cores
 * do the same with theirs. The allocator must refuse each such free and change nothing. (Double
 * frees need a pool from which nobody else allocates: selftest has them.)
 */
#include <lib/bitmap.h>
#include <stress/phases.h>

enum { LARGEST_ORDER = 6 };

static pfn_t never_inserted; /* a page within the pool's range that is not in it, or INVALID_PFN */

static void prepare(struct run *run)
{
    const struct arena *arena = &run->arena;
    uint64_t blocks = run->core_count;
    uint64_t index = bitmap_find_clear(arena->inserted, 0, arena->end - arena->start);

    never_inserted = index == BITMAP_NONE ? INVALID_PFN : arena->start + index;
    arena_set_bounds(&run->arena, blocks, blocks << LARGEST_ORDER);
}

/* Whether the allocator takes blocks of different sizes for the two orders. */
static bool differs(const struct arena *arena, unsigned order, unsigned other)
{
    return arena_taken_order(arena, order) != arena_taken_order(arena, other);
}

static void try_orders(struct arena *arena, struct core *core, pfn_t pfn, unsigned order)
{
    if (arena->allocator->free_ignores_order)
        return;
    if (order < arena->largest_order && pfn % order_pages(order + 1) == 0 &&
        differs(arena, order, order + 1))
        arena_bad_free(arena, core, pfn, order + 1, "one order too large");
    if (order > 0 && differs(arena, order, order - 1))
        arena_bad_free(arena, core, pfn, order - 1, "one order too small");
    arena_bad_free(arena, core, pfn, arena->largest_order + 1, "an order that does not exist");
}

static void try_places(struct arena *arena, struct core *core, pfn_t pfn, unsigned order)
{
    if (order == 0)
        return;
    arena_bad_free(arena, core, pfn + 1, order, "misaligned");
    arena_bad_free(arena, core, pfn + order_pages(order) / 2, order - 1,
                   "the upper half of a block");
    arena_bad_free(arena, core, pfn + order_pages(order) - 1, 0, "the last page of a block");
}

static void try_foreign(struct arena *arena, struct core *core)
{
    arena_bad_free(arena, core, arena->end, 0, "beyond the pool's end");
    arena_bad_free(arena, core, INVALID_PFN, 0, "no page at all");
    if (arena->start > 0)
        arena_bad_free(arena, core, arena->start - 1, 0, "before the pool's start");
    if (never_inserted != INVALID_PFN)
        arena_bad_free(arena, core, never_inserted, 0, "a page never inserted");
}

static void round_bad_free(struct run *run, struct core *core)
{
    struct arena *arena = &run->arena;

    while (run_goes_on(run, core)) {
        unsigned order = run_draw_order(
            run, core, arena->largest_order < LARGEST_ORDER ? arena->largest_order : LARGEST_ORDER);
        pfn_t pfn = arena_allocate(arena, core, order);
        core_step(core, order);
        if (pfn == INVALID_PFN)
            continue;
        try_orders(arena, core, pfn, order);
        try_places(arena, core, pfn, order);
        try_foreign(arena, core);
        arena_free(arena, core, pfn);
    }
}

const struct phase phase_bad_free = {
    .row = PHASE_ROW(bad_free),
    .repeats = true,
    .weight = 1,
    .floor = {.overlapped = 20, .bad_frees = 100},
    .prepare = prepare,
    .round = round_bad_free,
};
