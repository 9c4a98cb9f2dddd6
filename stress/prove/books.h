/* What is inserted and held, in units, and what follows from that alone. */
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

/* Bits of the block of `order` at pfn, or 0 if it does not lie within the arena, aligned. */
uint32_t block_mask(const struct plan *plan, pfn_t pfn, unsigned order);

/* A block of this order that is wholly free, or INVALID_PFN. */
pfn_t books_room(const struct plan *plan, const struct books *books, unsigned order);

/* The order of the free block that pfn lies in, where all that can merge has. */
unsigned books_free_order(const struct plan *plan, const struct books *books, pfn_t pfn);

/* The smallest order, from `order` up, of a free block; there is one. */
unsigned books_smallest_fit(const struct plan *plan, const struct books *books, unsigned order);
