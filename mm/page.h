/*
 * The page array: one struct page for each page frame of a range. It is kept outside of the pages.
 * So one load tells whether a page is free, and at which order, and nobody reads memory that
 * belongs to a holder.
 */
#pragma once

#include <arch/page.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum page_state {
    PAGE_ABSENT = 0, /* not in the pool; a zeroed descriptor says this */
    PAGE_FREE_HEAD,  /* first page of a free block; order is valid, next and prev are its links */
    PAGE_HELD_HEAD,  /* first page of a block handed out; order is valid */
    PAGE_TAIL,       /* any other page of a block: free, handed out or cached */
    PAGE_CACHED, /* first page of a block in a cache; order and next are valid, prev is the cache */
};

/*
 * 12 bytes a page (0.3 % of memory): links are indices into the array, not pointers.
 *
 * State and order share one tag. So a core that looks at a page while another core changes it sees
 * a state and an order that belong together. A compare-and-swap can depend on both. Debuggers show
 * the two apart.
 */
struct page {
    uint32_t next;
    uint32_t prev;
    union {
        uint16_t tag; /* atomic: PAGE_TAG() */
        struct {
            uint8_t state; /* enum page_state */
            uint8_t order;
        };
    };
    uint16_t unused;
};
_Static_assert(sizeof(struct page) == 12, "the page array costs at most 16 bytes a page");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "PAGE_TAG() has the state's byte first");

#define PAGE_TAG(state, order) ((uint16_t)((state) | (order) << 8))

/* A link that leads to no page. */
#define PAGE_LINK_NONE UINT32_MAX

struct page_array {
    struct page *pages; /* descriptors of page frames start, start + 1, ... end - 1 */
    pfn_t start, end;
};

/* Bytes of a page array for pages [start, end). */
static inline size_t page_array_size(pfn_t start, pfn_t end)
{
    return (end - start) * sizeof(struct page);
}

static inline bool page_array_contains(const struct page_array *array, pfn_t pfn)
{
    return pfn >= array->start && pfn < array->end;
}

/* From a page to its descriptor, and back. The array must contain the page. */
static inline struct page *page_of(const struct page_array *array, pfn_t pfn)
{
    return &array->pages[pfn - array->start];
}

static inline pfn_t page_pfn(const struct page_array *array, const struct page *page)
{
    return array->start + (pfn_t)(page - array->pages);
}

/* ---- tags ---- */

/* The page's tag. It may be old on return, unless nobody else may change the page. */
static inline uint16_t page_tag(const struct page *page)
{
    return __atomic_load_n(&page->tag, __ATOMIC_RELAXED);
}

static inline enum page_state page_state(const struct page *page)
{
    return (enum page_state)(page_tag(page) & 0xff);
}

static inline unsigned page_order(const struct page *page)
{
    return page_tag(page) >> 8;
}

static inline bool page_is(const struct page *page, enum page_state state, unsigned order)
{
    return page_tag(page) == PAGE_TAG(state, order);
}

/*
 * Set a page's state and order. The caller must be the only one who may change the page. Release
 * ordering: a core that then changes the page by page_change() sees its links as they are now.
 */
static inline void page_mark(struct page *page, enum page_state state, unsigned order)
{
    __atomic_store_n(&page->tag, PAGE_TAG(state, order), __ATOMIC_RELEASE);
}

/*
 * Change a block's state from `from` to `to` if it has that state and this order. If several cores
 * try at once, one succeeds. Returns the tag that was found: PAGE_TAG(from, order) means success.
 * Acquire ordering.
 */
static inline uint16_t page_change(struct page *page, enum page_state from, enum page_state to,
                                   unsigned order)
{
    uint16_t found = PAGE_TAG(from, order);

    __atomic_compare_exchange_n(&page->tag, &found, PAGE_TAG(to, order), false, __ATOMIC_ACQUIRE,
                                __ATOMIC_RELAXED);
    return found;
}
