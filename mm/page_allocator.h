/*
 * The contract between the harness and a page allocator under test.
 *
 * An allocator is one `struct page_allocator`: functions, numbers and promises. PAGE_ALLOCATOR()
 * registers it. docs/ALLOCATORS.md walks through an example.
 *
 * It hands out blocks. A block of order k is 2^k pages, and its first pfn is a multiple of 2^k. A
 * pfn (page frame number) is the page's address divided by PAGE_SIZE (4096 bytes).
 *
 * Each promise switches on the checks that rely on it (mm/promises.def). What an allocator does not
 * promise is not held against it.
 *
 * Context of every function below, unless it says otherwise:
 *  - Under PROMISE_SMP_SAFE any number of cores may call at once. Otherwise one core calls at a
 *    time.
 *  - Interrupts may be on or off. Under PROMISE_IRQ_SAFE interrupt handlers may also call, even if
 *    they interrupt a call on their own core.
 *  - On return the interrupt flag is as it was at the call, and the core holds the same locks.
 *  - "At rest" means that nothing else runs: no other call is under way on any core.
 */
#pragma once

#include <arch/page.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * MAX_ORDER is the largest order, inclusive, of the built-in allocators and of any allocator that
 * sets no `orders`. Such a block has PAGE_SIZE << MAX_ORDER bytes. `make MAX_ORDER=n` sets it. No
 * allocator can have an order above ORDER_LIMIT.
 */
enum { MAX_ORDER = STAMPEDE_MAX_ORDER, ORDER_LIMIT = 20 };
_Static_assert(MAX_ORDER >= 10 && MAX_ORDER <= 18, "MAX_ORDER is 10 to 18");

/*
 * What insert_pages, free_pages, free_address and remove_pages return. A call that returns an error
 * has changed nothing. An allocator must detect bad frees and bad insertions only under
 * PROMISE_REFUSES_BAD_FREE. Then the error must be true of the call. If several are true, any of
 * them will do.
 */
enum page_error {
    PAGE_OK = 0,
    PAGE_BAD_RANGE,     /* empty, or not within [start, end) given to init */
    PAGE_BAD_ORDER,     /* free: the order is above the largest */
    PAGE_MISALIGNED,    /* free: pfn is not a multiple of 2^order */
    PAGE_ALREADY_IN,    /* insert: one of the pages is in the pool already */
    PAGE_NOT_ALLOCATED, /* free: no block that is handed out begins at pfn (a double free, say) */
    PAGE_WRONG_ORDER,   /* free: the block was handed out with another order */
    PAGE_BUSY,          /* remove: one of the pages is not free */
};

/* PROMISE_SMP_SAFE and so on. mm/promises.def says what each means. */
enum page_promise {
#define PROMISE(name, bit, ...) PROMISE_##name = 1 << (bit),
#include <mm/promises.def>
};

/* Receives one free block from for_each_free. Returns false to stop the walk. */
typedef bool page_visit_free(void *context, pfn_t pfn, unsigned order);

struct page_allocator {
    const char *name;  /* for allocator=NAME: characters a-z, 0-9 and - */
    unsigned promises; /* enum page_promise, or-ed */
    size_t pool_size;  /* bytes; the harness provides the pool, aligned to 64 bytes */

    /*
     * Phases that fill memory hold at most this many blocks at a time. 0: the harness measures what
     * calls cost and sets the limit by itself.
     */
    uint32_t most_blocks;

    /* How many orders there are: ORDERS_UP_TO(largest order). 0: up to MAX_ORDER. */
    uint32_t orders;

    /*
     * Alignment of the range given to init, in pages, a power of two: start and end are multiples
     * of it. 0: any range. start is never page 0.
     */
    uint64_t range_alignment;

    /*
     * True: free_pages finds the order of a block by itself and ignores its argument. A free with a
     * wrong order is then no bad free.
     */
    bool free_ignores_order;

    /* True: remove_pages works at rest only. The phase hotplug is then left out. */
    bool removes_alone;

    /*
     * Returns the bytes of metadata that the allocator wants for pages [start, end). The harness
     * passes that much memory to init, zeroed and page-aligned. NULL: none.
     */
    size_t (*metadata_size)(pfn_t start, pfn_t end);

    /*
     * Make an empty pool for pages in [start, end). The pool and the metadata are zeroed. At rest,
     * and before any other call on this pool.
     */
    void (*init)(void *pool, void *metadata, pfn_t start, pfn_t end);

    /*
     * Add the free pages [start, start + count) to the pool, with any alignment and any count from
     * 1. They merge with free neighbours. Errors: PAGE_BAD_RANGE, PAGE_ALREADY_IN.
     *
     * NULL: the allocator takes one region, at init. All pages of [start, end) are then in the pool
     * from init on.
     */
    enum page_error (*insert_pages)(void *pool, pfn_t start, uint64_t count);

    /*
     * Hand out a block of 2^order pages; their contents are undefined. Returns its first pfn, or
     * INVALID_PFN if there is no such block or the order is above the largest.
     */
    pfn_t (*allocate_pages)(void *pool, unsigned order);

    /*
     * Take back the block that begins at pfn. `order` is the one it was allocated with. Errors, for
     * bad frees: PAGE_BAD_RANGE, PAGE_BAD_ORDER, PAGE_MISALIGNED, PAGE_NOT_ALLOCATED,
     * PAGE_WRONG_ORDER.
     */
    enum page_error (*free_pages)(void *pool, pfn_t pfn, unsigned order);

    /*
     * Replace allocate_pages and free_pages in an allocator that works with addresses. Give one
     * function of each pair. allocate_address returns NULL if there is no such block.
     */
    void *(*allocate_address)(void *pool, unsigned order);
    enum page_error (*free_address)(void *pool, void *address, unsigned order);

    /* ---- everything below is optional: NULL or 0 if the allocator has no such thing ---- */

    /*
     * The promises that an adapter keeps for the code that it adapts, and the reason, as text. A
     * run then says nothing about that code. Example: "no lock in this file: every call was made
     * under the adapter's".
     */
    unsigned promises_of_adapter;
    const char *adapter_reason;

    /*
     * Returns a word that the allocator might write into the page at pfn if that page were free,
     * such as a link to another page. `key`, a random number, chooses the word. The same arguments
     * must give the same word as long as the page is held. The harness writes such words into pages
     * that it holds. They mislead code that reads a held page as if it were free. Any core, while
     * others are in calls.
     */
    uint64_t (*forge)(void *pool, pfn_t pfn, uint64_t key);

    /*
     * Returns how many of the pages [start, start + count) the allocator keeps for its own records.
     * They are the first ones of the range; they are never free and never handed out. Called right
     * after insert_pages or init took the range.
     */
    uint64_t (*pages_kept)(void *pool, pfn_t start, uint64_t count);

    /*
     * Returns the order of the block that is really taken for a request of `order`: `order` or
     * more. The holder uses the first 2^order pages only. The others belong to nobody until the
     * block is freed.
     */
    unsigned (*taken_order)(unsigned order);

    /*
     * Placed allocations: as allocate_pages, but with a condition. A block that does not meet it
     * fails as "misplaced". Such a block is freed like any other.
     *
     * allocate_below: the whole block lies below page `limit`.
     * allocate_at: the block begins at `pfn`.
     * allocate_on_node: the whole block lies on `node`, a number in [0, nodes). Needs node_of,
     * which returns the node of a page, and `nodes`.
     */
    pfn_t (*allocate_below)(void *pool, unsigned order, pfn_t limit);
    pfn_t (*allocate_at)(void *pool, pfn_t pfn, unsigned order);
    pfn_t (*allocate_on_node)(void *pool, unsigned order, unsigned node);
    unsigned (*node_of)(void *pool, pfn_t pfn);
    unsigned nodes;

    /*
     * Take the pages [start, start + count) out of the pool; all of them must be free. They can be
     * inserted again. Errors: PAGE_BAD_RANGE, PAGE_BUSY.
     */
    enum page_error (*remove_pages)(void *pool, pfn_t start, uint64_t count);

    /* Returns the number of free pages, cached ones included. Exact at rest, else a hint. */
    uint64_t (*free_page_count)(void *pool);

    /*
     * Show every free block to `visit`, once each, in any order. At rest. It must also end if the
     * free lists are corrupt.
     */
    void (*for_each_free)(void *pool, page_visit_free *visit, void *context);

    /* Return to the pool what per-core caches hold. At rest. */
    void (*drain)(void *pool);

    /*
     * Check the allocator's own data structures. Returns true if they are sound. Otherwise it
     * writes what is wrong into `message`, at most `size` bytes with the NUL. That text becomes a
     * "free-list" failure. At rest.
     */
    bool (*validate)(void *pool, char *message, size_t size);
};

/* The value of `orders` for an allocator whose largest order is `largest`; 0: single pages. */
#define ORDERS_UP_TO(largest) ((largest) + 1u)

/*
 * Register an allocator: PAGE_ALLOCATOR(my_allocator); at file scope. The linker gathers pointers
 * to all of them in one array (linker.ld, section page_allocators).
 */
#define PAGE_ALLOCATOR(variable)                                              \
    static const struct page_allocator *const page_allocator_entry_##variable \
        __attribute__((section("page_allocators"), used)) = &(variable)

/* The registered allocators: [first, last). */
extern const struct page_allocator *const __start_page_allocators[];
extern const struct page_allocator *const __stop_page_allocators[];

/* Returns the allocator with this name, or NULL. */
const struct page_allocator *page_allocator_find(const char *name);

/*
 * Check the struct itself: required functions are there, numbers are in range, promises have the
 * functions that they are about. Returns true if so. Otherwise it writes the allocator's name and
 * the first mistake into `message`, at most `size` bytes with the NUL. Calls none of its functions.
 */
bool page_allocator_check(const struct page_allocator *allocator, char *message, size_t size);

/* The largest order, inclusive. */
static inline unsigned page_allocator_largest(const struct page_allocator *allocator)
{
    return allocator->orders ? allocator->orders - 1 : (unsigned)MAX_ORDER;
}

/* Whether the allocator takes one region at init, and no other. */
static inline bool page_allocator_takes_one_region(const struct page_allocator *allocator)
{
    return !allocator->insert_pages;
}

/* "not-allocated" for PAGE_NOT_ALLOCATED, and so on; "unknown" if `error` is none of them. */
const char *page_error_name(enum page_error error);

/* "smp-safe" for PROMISE_SMP_SAFE, and so on; NULL if `promise` is not exactly one promise. */
const char *page_promise_name(unsigned promise);

/* The number of pages in a block of `order`. */
static inline uint64_t order_pages(unsigned order)
{
    return (uint64_t)1 << order;
}

/* The buddy of the block at `pfn`: the other half of the block of order + 1. */
static inline pfn_t buddy_of(pfn_t pfn, unsigned order)
{
    return pfn ^ order_pages(order);
}

/* The largest order, at most MAX_ORDER, of a block that begins at pfn and ends by `end`. */
static inline unsigned largest_order(pfn_t pfn, pfn_t end)
{
    unsigned order = 0;

    while (order < MAX_ORDER && pfn % order_pages(order + 1) == 0 &&
           end - pfn >= order_pages(order + 1))
        order++;
    return order;
}
