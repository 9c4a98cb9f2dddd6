/*
 * The buddy allocator: Knowlton, "A fast storage allocator", 1965; Knuth, The Art of Computer
 * Programming volume 1, 2.5.
 *
 *   order 2   [0       ]  [4       ]      Block 0 of order 2 splits into buddies 0 and 2 of order
 * 1; order 1   [0 ] [2 ]   [4 ] [6 ]       the buddy of the block at pfn of order k is at pfn ^
 * 2^k. order 0   0  1  2  3  4  5  6  7
 *
 * Free blocks are in one doubly linked list an order, linked in the page array (mm/page.h), never
 * in the pages. So "is my buddy free, at my order?" is one load, and taking it off its list another
 * few.
 *
 * Invariant, whenever the lock is free:
 *  - a page not inserted is PAGE_ABSENT; the first page of a block is PAGE_FREE_HEAD or
 *    PAGE_HELD_HEAD with the block's order; every other page of a block is PAGE_TAIL;
 *  - blocks are aligned to their size and do not overlap;
 *  - list k holds exactly the free blocks of order k, links agree both ways, count[k] is its
 * length;
 *  - no two buddies of one order below MAX_ORDER are both free.
 * buddy_validate() is this text as code.
 */
#pragma once

#include <mm/page.h>
#include <mm/page_allocator.h>
#include <smp/spinlock.h>

struct buddy_pool {
    struct spinlock_irq lock;
    struct page_array array;
    uint32_t list[MAX_ORDER + 1];  /* first free block of each order, as a page array index */
    uint64_t count[MAX_ORDER + 1]; /* how many */
    uint64_t free_pages;
    uint64_t inserted_pages;
    uint64_t splits[MAX_ORDER + 1]; /* blocks of this order split / made by merging, ever */
    uint64_t merges[MAX_ORDER + 1];
};

extern const struct page_allocator buddy_allocator;
