/*
 * The buddy allocator (mm/buddy.h) behind caches: each core keeps some free blocks of the small
 * orders for itself, and so needs the pool's lock, which all share, once in a batch. Bonwick and
 * Adams, "Magazines and vmem", 2001, call them magazines.
 *
 *   core 0      core 1      core 2        allocate and free: the core's own cache
 *   [cache 0]   [cache 1]   [cache 2]
 *       \           |           /         a batch at a time: cache empty, or over its mark
 *        [ lists of the buddy  ]          orders that are not cached: straight here
 *
 * A block goes into the cache of the core that frees it, whoever took it. A cached block merges
 * with nobody. So where the lists have nothing to give, all caches are emptied into them, and only
 * what they then cannot give is refused: with all locks held, so that it was true at one instant.
 *
 * Locks, in the order in which they are taken: the caches', by rising index, then the pool's. No
 * other lock is taken under these. All keep interrupts off, so an interrupt handler finds its
 * core's cache whole, and its lock free.
 *
 * Invariant, whenever the locks are free:
 *  - of the buddy's lists, what mm/buddy.h says;
 *  - the first page of a block in a cache is PAGE_CACHED with the block's order, its prev is the
 *    cache's index; every other page of it is PAGE_TAIL; the block is not in the buddy's lists;
 *  - list k of a cache holds blocks of order k, count[k] of them, at most CACHE_PAGES >> k;
 *  - a cache of index cache_count or above is empty.
 * validate() is this text as code.
 *
 * A block handed out changes to PAGE_CACHED, when freed, by compare-and-swap of its state and order
 * together: two cores that free it at once hold different locks, and one of them is refused.
 */
#pragma once

#include <mm/buddy.h>
#include <mm/cache_sizes.h>

enum { CACHED_ORDERS = 4 }; /* orders 0 to 3 */

struct buddy_cache {
    struct spinlock_irq lock;
    uint32_t list[CACHED_ORDERS]; /* last freed first; as page array indices */
    uint32_t count[CACHED_ORDERS];
} __attribute__((aligned(64))); /* no two cores write to one cache line */

struct buddy_percpu_pool {
    struct buddy_pool buddy;
    uint32_t cache_count; /* caches ever used are below; atomic, raised under the buddy's lock */
    struct buddy_cache caches[CACHES];
};

extern const struct page_allocator buddy_percpu_allocator;
