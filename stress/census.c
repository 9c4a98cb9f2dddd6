#include <arch/percpu.h>
#include <lib/bitmap.h>
#include <lib/fail.h>
#include <stress/census.h>
#include <stress/checked_call.h>

bool census_possible(const struct arena *arena)
{
    return (arena->allocator->promises & PROMISE_TRUE_OOM) && arena_taken_order(arena, 0) == 0;
}

/*
 * [noted_start, noted_end) contains the first page of every block of the open census. Only one
 * census is open at a time.
 */
static pfn_t noted_start, noted_end;

/*
 * Note a block that the census got. None of its pages may be held, or be in another block of the
 * census.
 */
static void note(struct arena *arena, pfn_t pfn, unsigned order)
{
    uint64_t index = pfn - arena->start;

    arena_check_place(arena, pfn, order);
    uint64_t taken = bitmap_set_range(arena->held, index, arena_block_pages(arena, order));
    if (taken != BITMAP_NONE)
        fail(RULE_OVERLAP, "pfn 0x%lx order %u: page 0x%lx is held", pfn, order,
             arena->start + taken);
    arena->census[index] = (uint8_t)(order + 1);
    noted_start = pfn < noted_start ? pfn : noted_start;
    noted_end = pfn < noted_end ? noted_end : pfn + 1;
}

/*
 * The census makes its calls with a core structure of its own, so that they enter no core's counts
 * or current operation.
 */
static struct core *census_core(void)
{
    static struct core core;

    core.number = cpu_number();
    return &core;
}

static struct block block_of(unsigned order)
{
    return (struct block){.core = (uint16_t)cpu_number(), .order = (uint8_t)order};
}

/*
 * The first page from pfn on where a block of the census begins, or `noted_end`. Looks at eight
 * entries at a time: most are 0, and each step of the selftest scans them all.
 */
static pfn_t next_block(const struct arena *arena, pfn_t pfn)
{
    while (pfn < noted_end && !arena->census[pfn - arena->start]) {
        const uint8_t *entries = &arena->census[pfn - arena->start];
        bool eight = (pfn - arena->start) % 8 == 0 && noted_end - pfn >= 8;
        pfn += eight && !*(const uint64_t *)entries ? 8 : 1;
    }
    return pfn;
}

void census_take(struct arena *arena)
{
    noted_start = arena->end;
    noted_end = arena->start;
    for (unsigned order = arena->largest_order + 1; order-- > 0;) {
        pfn_t pfn = checked_allocate(arena, census_core(), block_of(order));
        for (; pfn != INVALID_PFN; pfn = checked_allocate(arena, census_core(), block_of(order)))
            note(arena, pfn, order);
    }
    for (pfn_t pfn = next_block(arena, noted_start); pfn < noted_end;
         pfn = next_block(arena, pfn + 1))
        bitmap_clear_range(arena->held, pfn - arena->start,
                           arena_block_pages(arena, arena->census[pfn - arena->start] - 1u));
}

void census_give_back(struct arena *arena)
{
    for (pfn_t pfn = next_block(arena, noted_start); pfn < noted_end;
         pfn = next_block(arena, pfn + 1)) {
        uint8_t *entry = &arena->census[pfn - arena->start];
        unsigned order = *entry - 1u;
        *entry = 0;
        enum page_error error =
            checked_free(arena, census_core(), OPERATION_FREE, pfn, block_of(order));
        if (error != PAGE_OK)
            fail(RULE_FREE_REFUSED, "pfn 0x%lx order %u, rightly freed: %s", pfn, order,
                 page_error_name(error));
    }
}

void census_for_each(void *pool, page_visit_free *visit, void *context)
{
    const struct arena *arena = pool;

    for (pfn_t pfn = next_block(arena, noted_start); pfn < noted_end;
         pfn = next_block(arena, pfn + 1))
        if (!visit(context, pfn, arena_taken_order(arena, arena->census[pfn - arena->start] - 1u)))
            return;
}
