/*
 * The page array: one struct page for each page frame of a range, kept outside the pages, so that
 * asking "is this page free, and at what order?" is one load and never reads memory its holder
 * owns.
 */
#pragma once

#include <arch/page.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum page_state {
    PAGE_ABSENT = 0, /* not in the pool: what a zeroed descriptor says */
    PAGE_FREE_HEAD,  /* first page of a free block; order is valid, next and prev link the free list
                      */
    PAGE_HELD_HEAD,  /* first page of a block handed out; order is valid */
    PAGE_TAIL,       /* any other page of a block, free, handed out or cached */
    PAGE_CACHED,     /* first page of a block in a per-CPU cache; order is valid, next links its
                        list, prev is the cache's index */
};

/*
 * 12 bytes a page (0.3 %): links are indices into the array, not pointers. State and order are one
 * tag, so that a look at a page another core is changing sees both of one moment, and a change can
 * depend on both. Debuggers see them apart.
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

/* No page, as a link. */
#define PAGE_LINK_NONE UINT32_MAX

struct page_array {
    struct page *pages; /* of page frame start, start + 1, ... end - 1 */
    pfn_t start, end;
};

/* Bytes for the pages [start, end). */
static inline size_t page_array_size(pfn_t start, pfn_t end)
{
    return (end - start) * sizeof(struct page);
}

static inline bool page_array_contains(const struct page_array *array, pfn_t pfn)
{
    return pfn >= array->start && pfn < array->end;
}

/* The descriptor of page `pfn`, which the array must contain, and back. */
static inline struct page *page_of(const struct page_array *array, pfn_t pfn)
{
    return &array->pages[pfn - array->start];
}

static inline pfn_t page_pfn(const struct page_array *array, const struct page *page)
{
    return array->start + (pfn_t)(page - array->pages);
}

/* ---- tags ---- */

/* What a page was at some moment: a snapshot, but for pages that nobody else may change. */
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
 * Make a page what it is said to be; who does so must be the only one who may. Release ordering:
 * who then changes it by page_change() sees the links as they were left.
 */
static inline void page_mark(struct page *page, enum page_state state, unsigned order)
{
    __atomic_store_n(&page->tag, PAGE_TAG(state, order), __ATOMIC_RELEASE);
}

/*
 * Change a block's state from one to another if it has that state and this order: of several cores
 * that try, one succeeds. Returns the tag found. Acquire ordering.
 */
static inline uint16_t page_change(struct page *page, enum page_state from, enum page_state to,
                                   unsigned order)
{
    uint16_t found = PAGE_TAG(from, order);

    __atomic_compare_exchange_n(&page->tag, &found, PAGE_TAG(to, order), false, __ATOMIC_ACQUIRE,
                                __ATOMIC_RELAXED);
    return found;
}
