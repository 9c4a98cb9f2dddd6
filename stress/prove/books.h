/* The books: which units are inserted and held, and what follows from that alone. */
#pragma once

#include "prove.h"

struct books {
    uint32_t inserted, held;         /* bit i is unit i */
    uint8_t order_plus_1[MAX_UNITS]; /* at a held block's first unit, else 0 */
};

static inline pfn_t unit_pfn(const struct plan *plan, unsigned unit)
{
    return plan->start + ((pfn_t)unit << plan->base);
}

static inline pfn_t plan_end(const struct plan *plan)
{
    return unit_pfn(plan, plan->units);
}

/* Bits of `count` units from `unit` on. */
static inline uint32_t units_mask(unsigned unit, unsigned count)
{
    return (uint32_t)(((UINT64_C(1) << count) - 1) << unit);
}

/* Bits of the block of `order` at pfn, or 0 if it is not aligned or not within the arena. */
uint32_t block_mask(const struct plan *plan, pfn_t pfn, unsigned order);

/* The first page of a completely free block of this order, or INVALID_PFN. */
pfn_t books_room(const struct plan *plan, const struct books *books, unsigned order);

/* The order of the free block that contains pfn, if all free buddies have merged. */
unsigned books_free_order(const struct plan *plan, const struct books *books, pfn_t pfn);

/* The smallest order of a free block of at least `order`; there must be one. */
unsigned books_smallest_fit(const struct plan *plan, const struct books *books, unsigned order);
