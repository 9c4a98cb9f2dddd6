#include <arch/percpu.h>
#include <lib/bitmap.h>
#include <lib/fail.h>
#include <stress/call.h>
#include <stress/census.h>

typedef unsigned long long ull;

bool census_possible(const struct arena *arena)
{
    return (arena->allocator->promises & PROMISE_TRUE_OOM) && arena_taken_order(arena, 0) == 0;
}

/* A block handed out in a census, which nobody may hold and no other block of the census cover. */
static void note(struct arena *arena, pfn_t pfn, unsigned order)
{
    uint64_t index = pfn - arena->start;

    arena_check_place(arena, pfn, order);
    uint64_t taken = bitmap_set_range(arena->held, index, arena_block_pages(arena, order));
    if (taken != BITMAP_NONE)
        fail("overlap", "pfn 0x%llx order %u: page 0x%llx is held", (ull)pfn, order,
             (ull)(arena->start + taken));
    arena->census[index] = (uint8_t)(order + 1);
}

/* The operation a failure tells of is the census's; its steps are nobody's history. */
static struct core *census_core(void)
{
    static struct core core;

    core.number = cpu_number();
    return &core;
}

static struct holding block_of(unsigned order)
{
    return (struct holding){.core = (uint16_t)cpu_number(), .order_plus_1 = (uint8_t)(order + 1)};
}

void census_take(struct arena *arena)
{
    for (unsigned order = arena->largest_order + 1; order-- > 0;) {
        pfn_t pfn = call_allocate(arena, census_core(), block_of(order));
        for (; pfn != INVALID_PFN; pfn = call_allocate(arena, census_core(), block_of(order)))
            note(arena, pfn, order);
    }
    for (pfn_t pfn = arena->start; pfn < arena->end; pfn++)
        if (arena->census[pfn - arena->start])
            bitmap_clear_range(arena->held, pfn - arena->start,
                               arena_block_pages(arena, arena->census[pfn - arena->start] - 1u));
}

void census_give_back(struct arena *arena)
{
    for (pfn_t pfn = arena->start; pfn < arena->end; pfn++) {
        uint8_t *entry = &arena->census[pfn - arena->start];
        unsigned order = *entry - 1u;
        if (!*entry)
            continue;
        *entry = 0;
        enum page_error error =
            call_free(arena, census_core(), OPERATION_FREE, pfn, block_of(order));
        if (error != PAGE_OK)
            fail("free-refused", "pfn 0x%llx order %u, rightly freed: %s", (ull)pfn, order,
                 page_error_name(error));
    }
}

void census_for_each(void *pool, page_visit_free *visit, void *context)
{
    const struct arena *arena = pool;

    for (pfn_t pfn = arena->start; pfn < arena->end; pfn++) {
        uint8_t entry = arena->census[pfn - arena->start];
        if (entry && !visit(context, pfn, arena_taken_order(arena, entry - 1u)))
            return;
    }
}
