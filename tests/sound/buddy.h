/*
 * A buddy allocator without a lock, for allocators that bring one. Its lists are linked in the
 * metadata; the block freed last is first. It also has one byte for each page.
 *
 * Invariant: the first page of a free block has the state BUDDY_FREE | order, and the block is in
 * the list of that order. The first page of a block handed out has BUDDY_HELD | order. Every other
 * inserted page has BUDDY_INSIDE, and pages that are not inserted have 0. No two buddies below the
 * largest order are both free.
 */
#pragma once

#include "sound.h"

enum { BUDDY_ABSENT, BUDDY_INSIDE, BUDDY_FREE = 0x40, BUDDY_HELD = 0x80 };

struct buddy_link {
    uint32_t next, prev; /* index + 1; 0: none */
};

struct buddy {
    pfn_t start, end;
    unsigned largest;
    uint64_t free_pages;
    uint32_t heads[ORDER_LIMIT + 1]; /* index + 1; 0: none */
    struct buddy_link *links;
    uint8_t *states;
};

static inline size_t buddy_metadata_size(pfn_t start, pfn_t end)
{
    return (end - start) * (sizeof(struct buddy_link) + 1);
}

static inline void buddy_init(struct buddy *buddy, void *metadata, pfn_t start, pfn_t end,
                              unsigned largest)
{
    buddy->start = start;
    buddy->end = end;
    buddy->largest = largest;
    buddy->links = metadata;
    buddy->states = (uint8_t *)(buddy->links + (end - start));
}

static inline void buddy_push(struct buddy *buddy, pfn_t pfn, unsigned order)
{
    uint32_t index = (uint32_t)(pfn - buddy->start);
    uint32_t next = buddy->heads[order];

    buddy->links[index] = (struct buddy_link){.next = next};
    if (next)
        buddy->links[next - 1].prev = index + 1;
    buddy->heads[order] = index + 1;
    buddy->states[index] = (uint8_t)(BUDDY_FREE | order);
}

static inline void buddy_unlink(struct buddy *buddy, pfn_t pfn, unsigned order)
{
    uint32_t index = (uint32_t)(pfn - buddy->start);
    struct buddy_link link = buddy->links[index];

    if (link.prev)
        buddy->links[link.prev - 1].next = link.next;
    else
        buddy->heads[order] = link.next;
    if (link.next)
        buddy->links[link.next - 1].prev = link.prev;
    buddy->states[index] = BUDDY_INSIDE;
}

static inline bool buddy_is_free(const struct buddy *buddy, pfn_t pfn, unsigned order)
{
    return pfn >= buddy->start && pfn < buddy->end &&
           buddy->states[pfn - buddy->start] == (BUDDY_FREE | order);
}

/* Free a block and merge it upward as far as its buddies are free. */
static inline void buddy_put(struct buddy *buddy, pfn_t pfn, unsigned order)
{
    buddy->free_pages += order_pages(order);
    while (order < buddy->largest && buddy_is_free(buddy, buddy_of(pfn, order), order)) {
        buddy_unlink(buddy, buddy_of(pfn, order), order);
        pfn &= ~order_pages(order);
        order++;
    }
    buddy_push(buddy, pfn, order);
}

static inline enum page_error buddy_insert(struct buddy *buddy, pfn_t start, uint64_t count)
{
    if (!range_is_within(start, count, buddy->start, buddy->end))
        return PAGE_BAD_RANGE;
    for (uint64_t i = 0; i < count; i++)
        if (buddy->states[start - buddy->start + i] != BUDDY_ABSENT)
            return PAGE_ALREADY_IN;
    memset(buddy->states + (start - buddy->start), BUDDY_INSIDE, count);
    for (pfn_t pfn = start, end = start + count; pfn < end;) {
        unsigned order = order_that_fits(pfn, end, buddy->largest);
        buddy_put(buddy, pfn, order);
        pfn += order_pages(order);
    }
    return PAGE_OK;
}

/* Whether a block of this order or a larger one is free. */
static inline bool buddy_has(const struct buddy *buddy, unsigned order)
{
    while (order <= buddy->largest && !buddy->heads[order])
        order++;
    return order <= buddy->largest;
}

static inline pfn_t buddy_take(struct buddy *buddy, unsigned order)
{
    unsigned found = order;

    if (!buddy_has(buddy, order))
        return INVALID_PFN;
    while (!buddy->heads[found])
        found++;
    pfn_t pfn = buddy->start + buddy->heads[found] - 1;
    buddy_unlink(buddy, pfn, found);
    while (found-- > order)
        buddy_push(buddy, pfn + order_pages(found), found);
    buddy->states[pfn - buddy->start] = (uint8_t)(BUDDY_HELD | order);
    buddy->free_pages -= order_pages(order);
    return pfn;
}

/* The order of the block that is handed out and begins at pfn, or -1. */
static inline int buddy_held_order(const struct buddy *buddy, pfn_t pfn)
{
    if (pfn < buddy->start || pfn >= buddy->end)
        return -1;
    uint8_t state = buddy->states[pfn - buddy->start];
    return state & BUDDY_HELD ? state & ~BUDDY_HELD : -1;
}

static inline enum page_error buddy_give(struct buddy *buddy, pfn_t pfn, unsigned order)
{
    int held = buddy_held_order(buddy, pfn);

    if (held < 0)
        return PAGE_NOT_ALLOCATED;
    if ((unsigned)held != order)
        return PAGE_WRONG_ORDER;
    buddy->states[pfn - buddy->start] = BUDDY_INSIDE;
    buddy_put(buddy, pfn, order);
    return PAGE_OK;
}

static inline bool buddy_visit(const struct buddy *buddy, page_visit_free *visit, void *context)
{
    for (pfn_t pfn = buddy->start; pfn < buddy->end; pfn++) {
        uint8_t state = buddy->states[pfn - buddy->start];
        if ((state & BUDDY_FREE) && !visit(context, pfn, state & ~BUDDY_FREE))
            return false;
    }
    return true;
}
