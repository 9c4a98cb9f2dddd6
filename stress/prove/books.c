#include "books.h"

uint32_t block_mask(const struct plan *plan, pfn_t pfn, unsigned order)
{
    if (order < plan->base || order > MAX_ORDER || pfn % order_pages(order) || pfn < plan->start ||
        pfn >= plan_end(plan) || order_pages(order) > plan_end(plan) - pfn)
        return 0;
    return units_mask((unsigned)((pfn - plan->start) >> plan->base), 1u << (order - plan->base));
}

static bool is_free(const struct plan *plan, const struct books *books, pfn_t pfn, unsigned order)
{
    uint32_t mask = block_mask(plan, pfn, order);

    return mask && (books->inserted & ~books->held & mask) == mask;
}

static pfn_t block_around(pfn_t pfn, unsigned order)
{
    return pfn & ~(order_pages(order) - 1);
}

pfn_t books_room(const struct plan *plan, const struct books *books, unsigned order)
{
    for (unsigned unit = 0; unit < plan->units; unit++)
        if (is_free(plan, books, unit_pfn(plan, unit), order))
            return unit_pfn(plan, unit);
    return INVALID_PFN;
}

unsigned books_free_order(const struct plan *plan, const struct books *books, pfn_t pfn)
{
    unsigned order = plan->base;

    while (order < MAX_ORDER && is_free(plan, books, block_around(pfn, order + 1), order + 1))
        order++;
    return order;
}

unsigned books_smallest_fit(const struct plan *plan, const struct books *books, unsigned order)
{
    unsigned smallest = MAX_ORDER + 1;

    for (unsigned unit = 0; unit < plan->units; unit++) {
        pfn_t pfn = unit_pfn(plan, unit);
        if (!is_free(plan, books, pfn, plan->base))
            continue;
        unsigned here = books_free_order(plan, books, pfn);
        if (here >= order && here < smallest)
            smallest = here;
    }
    return smallest;
}
