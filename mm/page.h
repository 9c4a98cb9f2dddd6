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
    PAGE_TAIL,       /* any other page of a block, free or handed out */
};

/* 12 bytes a page (0.3 %): links are indices into the array, not pointers. */
struct page {
    uint32_t next;
    uint32_t prev;
    uint8_t state; /* enum page_state */
    uint8_t order;
    uint16_t unused;
};
_Static_assert(sizeof(struct page) == 12, "the page array costs at most 16 bytes a page");

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
