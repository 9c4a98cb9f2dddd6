/*
 * The contract between the harness and a page allocator under test.
 *
 * An allocator is one `struct page_allocator` of functions and promises, registered with
 * PAGE_ALLOCATOR(). It hands out blocks: a block of order k is 2^k pages, its first pfn a
 * multiple of 2^k. Each promise switches on the checks that rely on it; what is not promised is
 * not held against the allocator. docs/ALLOCATORS.md has a worked example.
 */
#pragma once

#include <arch/page.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * MAX_ORDER is the largest order, inclusive, of the built-in allocators and of any that states none
 * of its own: blocks of 4 KiB << MAX_ORDER. A build setting (make MAX_ORDER=n). No allocator can
 * state an order above ORDER_LIMIT.
 */
enum { MAX_ORDER = STAMPEDE_MAX_ORDER, ORDER_LIMIT = 20 };
_Static_assert(MAX_ORDER >= 10 && MAX_ORDER <= 18, "MAX_ORDER is 10 to 18");

/* Results of the functions that change the pool. Each is refused before anything is changed. */
enum page_error {
    PAGE_OK = 0,
    PAGE_BAD_RANGE,     /* not within [start, end) given to init, or empty */
    PAGE_BAD_ORDER,     /* order above the largest */
    PAGE_MISALIGNED,    /* pfn not a multiple of 2^order */
    PAGE_ALREADY_IN,    /* insert: a page is in already */
    PAGE_NOT_ALLOCATED, /* free: not the start of a block handed out (double free, foreign, inside)
                         */
    PAGE_WRONG_ORDER,   /* free: handed out with another order */
    PAGE_BUSY,          /* remove: a page is handed out, or not in */
};

/* PROMISE_SMP_SAFE and so on: mm/promises.def says what each means. */
enum page_promise {
#define PROMISE(name, bit, ...) PROMISE_##name = 1 << (bit),
#include <mm/promises.def>
};

/* One free block, as for_each_free shows it. Return false to stop the walk. */
typedef bool page_visit_free(void *context, pfn_t pfn, unsigned order);

struct page_allocator {
    const char *name;     /* as in allocator=NAME: [a-z0-9-] */
    unsigned promises;    /* enum page_promise, or-ed */
    size_t pool_size;     /* bytes of the pool, which the harness allocates, aligned to 64 */
    uint32_t most_blocks; /* phases that fill memory hold at most so many blocks; 0: as many as the
                             time allows, which the harness measures */
    uint32_t orders;      /* how many orders there are: ORDERS_UP_TO(largest); 0: up to MAX_ORDER */

    /*
     * Pages, a power of two: the range given to init begins and ends at multiples of it. 0:
     * anywhere. The range never begins at page 0.
     */
    uint64_t range_alignment;

    /* free_pages finds the order by itself and does not look at the one it is told, so a free with
       a wrong order is no bad free. */
    bool free_ignores_order;

    /* remove_pages is called by one core alone, and nothing else runs: no hotplug. */
    bool removes_alone;

    /*
     * Bytes of metadata wanted for pages [start, end); the harness hands over that much, zeroed,
     * aligned to a page. Optional: NULL means none.
     */
    size_t (*metadata_size)(pfn_t start, pfn_t end);

    /* Make an empty pool for pages in [start, end). pool is zeroed. One core, once a pool. */
    void (*init)(void *pool, void *metadata, pfn_t start, pfn_t end);

    /*
     * Give pages [start, start + count) to the pool: any alignment, any count from 1. The pages
     * merge with free neighbours. Errors: PAGE_BAD_RANGE, PAGE_ALREADY_IN.
     *
     * NULL: the allocator takes one region, at init: all of [start, end) is in from then on.
     */
    enum page_error (*insert_pages)(void *pool, pfn_t start, uint64_t count);

    /* Hand out a block of 2^order pages; returns its first pfn, or INVALID_PFN when there is none
       (or the order is above the largest). The pages' contents are undefined. */
    pfn_t (*allocate_pages)(void *pool, unsigned order);

    /* Take back a block exactly as it was handed out. Errors, if several things are wrong any of
       them: PAGE_BAD_RANGE, PAGE_BAD_ORDER, PAGE_MISALIGNED, PAGE_NOT_ALLOCATED, PAGE_WRONG_ORDER.
     */
    enum page_error (*free_pages)(void *pool, pfn_t pfn, unsigned order);

    /* In place of the two above, for allocators of addresses: NULL means that there is no block. */
    void *(*allocate_address)(void *pool, unsigned order);
    enum page_error (*free_address)(void *pool, void *address, unsigned order);

    /* ---- optional from here on: NULL where there is none ---- */

    /*
     * Promises that an adapter keeps in place of the code it adapts, so that a run says nothing of
     * that code, and why: "no lock in this file: every call was made under the adapter's".
     */
    unsigned promises_of_adapter;
    const char *adapter_reason;

    /*
     * A word that the allocator might have written into the page at pfn if it were free, such as a
     * link to another page; which word, `key` says. The same for the same arguments while a page is
     * held. The harness writes such words into pages it holds: whoever reads a page in use as if it
     * were free is led astray.
     */
    uint64_t (*forge)(void *pool, pfn_t pfn, uint64_t key);

    /*
     * How many of the pages [start, start + count), just inserted (or given to init), the allocator
     * keeps for its own records: the first so many. They are never handed out and never free.
     */
    uint64_t (*pages_kept)(void *pool, pfn_t start, uint64_t count);

    /*
     * The order of the block really taken for a request of `order`: `order` or more. The holder
     * uses the first 2^order pages; the others are nobody's until it is freed.
     */
    unsigned (*taken_order)(unsigned order);

    /*
     * As allocate_pages, with a condition: the whole block lies below pfn `limit`; it begins at
     * `pfn`; it lies on `node`, of [0, nodes). node_of says which node a page is on. Freed as any
     * other block. "misplaced" if the condition is not met.
     */
    pfn_t (*allocate_below)(void *pool, unsigned order, pfn_t limit);
    pfn_t (*allocate_at)(void *pool, pfn_t pfn, unsigned order);
    pfn_t (*allocate_on_node)(void *pool, unsigned order, unsigned node);
    unsigned (*node_of)(void *pool, pfn_t pfn);
    unsigned nodes;

    /* Take free pages out of the pool again. Errors: PAGE_BAD_RANGE, PAGE_BUSY. */
    enum page_error (*remove_pages)(void *pool, pfn_t start, uint64_t count);

    /* Free pages in the pool, caches included. Exact when nothing runs, a hint otherwise. */
    uint64_t (*free_page_count)(void *pool);

    /* Visit every free block once; nothing else runs meanwhile. Bounded even if lists are corrupt.
     */
    void (*for_each_free)(void *pool, page_visit_free *visit, void *context);

    /* Give back what per-CPU caches hold; nothing else runs meanwhile. */
    void (*drain)(void *pool);

    /*
     * Check the allocator's own structures; nothing else runs meanwhile. Returns true if sound,
     * else writes what is wrong into message (NUL-terminated): it becomes a "free-list" failure.
     */
    bool (*validate)(void *pool, char *message, size_t size);
};

/* The value of `orders` for an allocator whose largest block is of order `largest`. 0: pages only.
 */
#define ORDERS_UP_TO(largest) ((largest) + 1u)

/*
 * Register an allocator: at file scope, PAGE_ALLOCATOR(my_allocator). The linker gathers the
 * pointers into one array (linker.ld, section page_allocators).
 */
#define PAGE_ALLOCATOR(variable)                                              \
    static const struct page_allocator *const page_allocator_entry_##variable \
        __attribute__((section("page_allocators"), used)) = &(variable)

/* The registered allocators: [first, last). */
extern const struct page_allocator *const __start_page_allocators[];
extern const struct page_allocator *const __stop_page_allocators[];

/* The allocator called `name`, or NULL. */
const struct page_allocator *page_allocator_find(const char *name);

/*
 * Whether the allocator keeps to the contract as far as its struct shows: what it must have is
 * there, numbers are in range, promises have the functions they are about. If not, message names
 * the first thing wrong, and the allocator.
 */
bool page_allocator_check(const struct page_allocator *allocator, char *message, size_t size);

/* The largest order of its blocks. */
static inline unsigned page_allocator_largest(const struct page_allocator *allocator)
{
    return allocator->orders ? allocator->orders - 1 : (unsigned)MAX_ORDER;
}

/* Whether it takes one region at init, and no other. */
static inline bool page_allocator_takes_one_region(const struct page_allocator *allocator)
{
    return !allocator->insert_pages;
}

/* "not-allocated" for PAGE_NOT_ALLOCATED, and so on; "unknown" for numbers that are no page_error.
 */
const char *page_error_name(enum page_error error);

/* "smp-safe" for PROMISE_SMP_SAFE, and so on; NULL for numbers that are no single promise. */
const char *page_promise_name(unsigned promise);

/* Pages in a block of `order`. */
static inline uint64_t order_pages(unsigned order)
{
    return (uint64_t)1 << order;
}

/* The other half of the block of order + 1 that the block at `pfn` belongs to. */
static inline pfn_t buddy_of(pfn_t pfn, unsigned order)
{
    return pfn ^ order_pages(order);
}

/* The largest order of a block that begins at pfn and ends at or before `end`. */
static inline unsigned largest_order(pfn_t pfn, pfn_t end)
{
    unsigned order = 0;

    while (order < MAX_ORDER && pfn % order_pages(order + 1) == 0 &&
           end - pfn >= order_pages(order + 1))
        order++;
    return order;
}
