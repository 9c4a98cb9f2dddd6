/*
 * The buddy allocator: Knowlton, "A fast storage allocator", 1965; Knuth, The Art of Computer
 * Programming, volume 1, 2.5.
 *
 *   order 2   [0       ]  [4       ]
 *   order 1   [0 ] [2 ]   [4 ] [6 ]
 *   order 0    0  1  2  3  4  5  6  7
 *
 * Block 0 of order 2 splits into the buddies 0 and 2 of order 1. The buddy of the block at pfn of
 * order k begins at pfn ^ 2^k.
 *
 * There is one doubly linked list of free blocks for each order. Its links are in the page array
 * (mm/page.h), never in the pages. So one load tells whether a buddy is free at a given order, and
 * a few more take it off its list.
 *
 * Invariant, whenever the lock is free:
 *  - A page that is not inserted is PAGE_ABSENT. The first page of a block is PAGE_FREE_HEAD or
 *    PAGE_HELD_HEAD with the block's order. Every other page of a block is PAGE_TAIL.
 *  - Blocks are aligned to their size and do not overlap.
 *  - List k holds exactly the free blocks of order k. Its links agree both ways, and its length is
 *    count[k].
 *  - No two buddies of one order below MAX_ORDER are both free.
 *
 * buddy_validate_locked() checks all of this but the last line. mm/walker.h checks that one.
 *
 * All changes are made under the lock, with one exception. An allocator built upon this one
 * (mm/buddy_percpu.h) turns held blocks into cached ones and back without it. So tags are read and
 * written atomically, and code here takes "held" and "cached" only as "not free".
 */
#pragma once

#include <mm/page.h>
#include <mm/page_allocator.h>
#include <smp/spinlock.h>

struct buddy_pool {
    struct spinlock_irq lock;
    struct page_array array;
    uint32_t list[MAX_ORDER + 1];  /* the first free block of each order, as a page array index */
    uint64_t count[MAX_ORDER + 1]; /* free blocks of each order */
    uint64_t free_pages;
    uint64_t inserted_pages;
    uint64_t splits[MAX_ORDER + 1]; /* how many blocks of each order were ever split */
    uint64_t merges[MAX_ORDER + 1]; /* how many were ever made by a merge */
};

extern const struct page_allocator buddy_allocator;

/* ---- for allocators built upon this one ---- */

/*
 * Check that a block of this order can begin at pfn, by range and alignment alone. Errors:
 * PAGE_BAD_ORDER, PAGE_BAD_RANGE, PAGE_MISALIGNED. No lock needed.
 */
enum page_error buddy_check_block(const struct buddy_pool *pool, pfn_t pfn, unsigned order);

/* Whether [start, start + count) is not empty and lies in the pool's range. No lock needed. */
bool buddy_contains_range(const struct buddy_pool *pool, pfn_t start, uint64_t count);

/*
 * The contract's functions, for a caller that holds the pool's lock. The two functions above must
 * have accepted the arguments.
 *
 * An allocated block gets `state` at once. If it were PAGE_HELD_HEAD first, a bad free could
 * succeed in that moment.
 */
pfn_t buddy_allocate_locked(struct buddy_pool *pool, unsigned order, enum page_state state);
enum page_error buddy_free_locked(struct buddy_pool *pool, pfn_t pfn, unsigned order);
enum page_error buddy_remove_locked(struct buddy_pool *pool, pfn_t start, uint64_t count);
bool buddy_validate_locked(const struct buddy_pool *pool, char *message, size_t size);

/*
 * Free a block, whatever state its page has, and merge it with its buddies as far as they are free.
 * The caller holds the lock and owns the block.
 */
void buddy_release_locked(struct buddy_pool *pool, pfn_t pfn, unsigned order);

/* The error of a free of this order, if the page has this tag. */
static inline enum page_error buddy_check_held(uint16_t tag, unsigned order)
{
    if ((tag & 0xff) != PAGE_HELD_HEAD)
        return PAGE_NOT_ALLOCATED;
    return tag >> 8 == order ? PAGE_OK : PAGE_WRONG_ORDER;
}
