/*
 * The buddy allocator (mm/buddy.h) behind caches. Each core keeps some free blocks of the small
 * orders for itself. So it needs the pool's lock, which all cores share, only once for each batch
 * of blocks. Bonwick and Adams, "Magazines and vmem", 2001, call such caches magazines.
 *
 *   core 0      core 1      core 2        allocate and free: the core's own cache
 *   [cache 0]   [cache 1]   [cache 2]
 *       \           |           /         a batch at a time, if a cache is empty or too full
 *        [ lists of the buddy  ]          orders that are not cached: directly
 *
 * A block goes into the cache of the core that frees it, no matter which core took it. Cached
 * blocks do not merge. So before a request is refused, all caches are emptied into the lists. The
 * refusal is made with all locks held, so that it was true at one instant.
 *
 * Locks are taken in this order: the caches' by rising index, then the pool's. No other lock is
 * taken while one of these is held. All of them keep interrupts off. So an interrupt handler finds
 * its core's cache consistent and its lock free.
 *
 * Invariant, whenever the locks are free:
 *  - The buddy's lists are as mm/buddy.h says.
 *  - The first page of a cached block is PAGE_CACHED with the block's order, and its prev is the
 *    cache's index. Every other page of it is PAGE_TAIL. The block is not in the buddy's lists.
 *  - List k of a cache holds count[k] blocks of order k, at most CACHE_PAGES >> k.
 *  - A cache with index cache_count or above is empty.
 *
 * percpu_validate() checks this.
 *
 * A free turns a held block into a cached one by compare-and-swap of state and order together. Two
 * cores that free the same block at once hold different locks. One of them is refused.
 */
#pragma once

#include <mm/buddy.h>
#include <mm/cache_sizes.h>

enum { CACHED_ORDERS = 4 }; /* orders 0 to 3 */

struct buddy_cache {
    struct spinlock_irq lock;
    uint32_t list[CACHED_ORDERS]; /* the last freed block first, as page array indices */
    uint32_t count[CACHED_ORDERS];
} __attribute__((aligned(64))); /* so that no two cores write to one cache line */

struct buddy_percpu_pool {
    struct buddy_pool buddy;
    uint32_t cache_count; /* all caches ever used have a lower index; atomic, raised under the
                             buddy's lock */
    struct buddy_cache caches[CACHES];
};

extern const struct page_allocator buddy_percpu_allocator;
