/*
 * The buddy allocator: Knowlton, "A fast storage allocator", 1965; Knuth, The Art of Computer
 * Programming volume 1, 2.5.
 *
 *   order 2   [0       ]  [4       ]
 *   order 1   [0 ] [2 ]   [4 ] [6 ]
 *   order 0    0  1  2  3  4  5  6  7
 *
 * Block 0 of order 2 splits into buddies 0 and 2 of order 1; the buddy of the block at pfn of order
 * k is at pfn ^ 2^k.
 *
 * Free blocks are in one doubly linked list an order, linked in the page array (mm/page.h), never
 * in the pages. So "is my buddy free, at my order?" is one load, and taking it off its list another
 * few.
 *
 * Invariant, whenever the lock is free:
 *  - a page not inserted is PAGE_ABSENT; the first page of a block is PAGE_FREE_HEAD or
 *    PAGE_HELD_HEAD with the block's order; every other page of a block is PAGE_TAIL;
 *  - blocks are aligned to their size and do not overlap;
 *  - list k holds exactly the free blocks of order k, links agree both ways, and its length is
 *    count[k];
 *  - no two buddies of one order below MAX_ORDER are both free.
 * buddy_validate_locked() is this text as code, but for the last line: mm/walker.h.
 *
 * What changes is changed under the lock, with one exception: an allocator built upon this one
 * (mm/buddy_percpu.h) turns blocks handed out into cached ones and back without it. So a tag is
 * read and written atomically, and one that says "held" or "cached" is only ever "not free" here.
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

/* ---- for allocators built upon this one ---- */

/* Whether a block may begin at pfn: PAGE_BAD_ORDER, PAGE_BAD_RANGE, PAGE_MISALIGNED. No lock. */
enum page_error buddy_check_block(const struct buddy_pool *pool, pfn_t pfn, unsigned order);

/* Whether [start, start + count) is in the pool's range, and not empty. No lock. */
bool buddy_contains_range(const struct buddy_pool *pool, pfn_t start, uint64_t count);

/*
 * The contract's functions with the pool's lock held, and arguments that the two above accept. An
 * allocated block has the state said from the first: were it PAGE_HELD_HEAD for a moment, a free by
 * mistake could succeed in that moment.
 */
pfn_t buddy_allocate_locked(struct buddy_pool *pool, unsigned order, enum page_state state);
enum page_error buddy_free_locked(struct buddy_pool *pool, pfn_t pfn, unsigned order);
enum page_error buddy_remove_locked(struct buddy_pool *pool, pfn_t start, uint64_t count);
bool buddy_validate_locked(const struct buddy_pool *pool, char *message, size_t size);

/*
 * Put a block among the free ones, merged with its buddies as far as they are free. The lock is
 * held, and the block, whatever its state, is the caller's.
 */
void buddy_release_locked(struct buddy_pool *pool, pfn_t pfn, unsigned order);

/* What a free of this order says to a page with this tag. */
static inline enum page_error buddy_check_held(uint16_t tag, unsigned order)
{
    if ((tag & 0xff) != PAGE_HELD_HEAD)
        return PAGE_NOT_ALLOCATED;
    return tag >> 8 == order ? PAGE_OK : PAGE_WRONG_ORDER;
}
