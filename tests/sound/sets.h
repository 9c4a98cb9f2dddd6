/*
 * A buddy allocator without a lock. Its lists are sets: one bitmap of free blocks for each order,
 * and a second bitmap of the words that are not zero. It takes the lowest block of the smallest
 * order that is large enough.
 *
 * Invariant: bit (pfn - base) >> k of set k says that the block of order k at pfn is free. `held`
 * is order + 1 at the first page of each block handed out, else 0. `present` has a bit for each
 * inserted page. Each of those pages is in exactly one block, free or held.
 */
#pragma once

#include "sound.h"

enum { SETS_LARGEST = 10, SETS_ORDERS = SETS_LARGEST + 1 };

struct set {
    uint64_t count;
    uint64_t words;
    uint64_t *bits;
    uint64_t *summary; /* a bit for each word that is not zero */
};

struct sets {
    pfn_t start, end;
    pfn_t base; /* start rounded down to a largest block */
    uint64_t free_pages;
    struct set free[SETS_ORDERS];
    uint64_t *present;
    uint8_t *held;
};

static inline uint64_t sets_words(uint64_t bits)
{
    return bit_bytes(bits) / sizeof(uint64_t);
}

static inline uint64_t sets_bits(pfn_t start, pfn_t end, unsigned order)
{
    return ((end - round_down(start, order_pages(SETS_LARGEST))) >> order) + 1;
}

static inline size_t sets_metadata_size(pfn_t start, pfn_t end)
{
    uint64_t words = sets_words(end - start);

    for (unsigned order = 0; order < SETS_ORDERS; order++) {
        uint64_t own = sets_words(sets_bits(start, end, order));
        words += own + sets_words(own);
    }
    return words * sizeof(uint64_t) + (end - start);
}

static inline void sets_init(struct sets *sets, void *metadata, pfn_t start, pfn_t end)
{
    uint64_t *next = metadata;

    sets->start = start;
    sets->end = end;
    sets->base = round_down(start, order_pages(SETS_LARGEST));
    for (unsigned order = 0; order < SETS_ORDERS; order++) {
        struct set *set = &sets->free[order];
        set->words = sets_words(sets_bits(start, end, order));
        set->bits = next;
        set->summary = next + set->words;
        next = set->summary + sets_words(set->words);
    }
    sets->present = next;
    sets->held = (uint8_t *)(next + sets_words(end - start));
}

static inline uint64_t sets_bit(const struct sets *sets, pfn_t pfn, unsigned order)
{
    return (pfn - sets->base) >> order;
}

static inline bool sets_has(const struct sets *sets, pfn_t pfn, unsigned order)
{
    return pfn >= sets->base && pfn < sets->end &&
           bit_is_set(sets->free[order].bits, sets_bit(sets, pfn, order));
}

/* Put a block into its set, or take it out, without a merge. */
static inline void sets_add(struct sets *sets, pfn_t pfn, unsigned order)
{
    struct set *set = &sets->free[order];
    uint64_t bit = sets_bit(sets, pfn, order);

    bit_set(set->bits, bit);
    bit_set(set->summary, bit / WORD_BITS);
    set->count++;
    sets->free_pages += order_pages(order);
}

static inline void sets_drop(struct sets *sets, pfn_t pfn, unsigned order)
{
    struct set *set = &sets->free[order];
    uint64_t bit = sets_bit(sets, pfn, order);

    bit_clear(set->bits, bit);
    if (!set->bits[bit / WORD_BITS])
        bit_clear(set->summary, bit / WORD_BITS);
    set->count--;
    sets->free_pages -= order_pages(order);
}

static inline void sets_put(struct sets *sets, pfn_t pfn, unsigned order)
{
    while (order < SETS_LARGEST && sets_has(sets, buddy_of(pfn, order), order)) {
        sets_drop(sets, buddy_of(pfn, order), order);
        pfn &= ~order_pages(order);
        order++;
    }
    sets_add(sets, pfn, order);
}

static inline void sets_put_range(struct sets *sets, pfn_t start, pfn_t end)
{
    while (start < end) {
        unsigned order = order_that_fits(start, end, SETS_LARGEST);
        sets_put(sets, start, order);
        start += order_pages(order);
    }
}

static inline enum page_error sets_insert(struct sets *sets, pfn_t start, uint64_t count)
{
    enum page_error error = note_inserted(sets->present, sets->start, sets->end, start, count);

    if (error != PAGE_OK)
        return error;
    sets_put_range(sets, start, start + count);
    return PAGE_OK;
}

/* The lowest block of a set, which must not be empty. */
static inline pfn_t sets_first(const struct sets *sets, unsigned order)
{
    const struct set *set = &sets->free[order];
    uint64_t above = 0;

    while (!set->summary[above])
        above++;
    uint64_t word = above * WORD_BITS + (unsigned)__builtin_ctzll(set->summary[above]);
    uint64_t bit = word * WORD_BITS + (unsigned)__builtin_ctzll(set->bits[word]);
    return sets->base + (bit << order);
}

static inline pfn_t sets_take(struct sets *sets, unsigned order)
{
    unsigned found = order;

    while (found < SETS_ORDERS && !sets->free[found].count)
        found++;
    if (found >= SETS_ORDERS)
        return INVALID_PFN;
    pfn_t pfn = sets_first(sets, found);
    sets_drop(sets, pfn, found);
    while (found-- > order)
        sets_add(sets, pfn + order_pages(found), found);
    sets->held[pfn - sets->start] = (uint8_t)(order + 1);
    return pfn;
}

/* Mark a block as not held. Its pages then belong to nobody. Refused if the block is not held. */
static inline enum page_error sets_unhold(struct sets *sets, pfn_t pfn, unsigned order)
{
    if (pfn < sets->start || pfn >= sets->end)
        return PAGE_BAD_RANGE;
    uint8_t held = sets->held[pfn - sets->start];
    if (!held)
        return PAGE_NOT_ALLOCATED;
    if (held != order + 1)
        return PAGE_WRONG_ORDER;
    sets->held[pfn - sets->start] = 0;
    return PAGE_OK;
}

static inline enum page_error sets_give(struct sets *sets, pfn_t pfn, unsigned order)
{
    enum page_error error = sets_unhold(sets, pfn, order);

    if (error == PAGE_OK)
        sets_put(sets, pfn, order);
    return error;
}

/* The order of the free block that covers page `pfn`, or -1. */
static inline int sets_order_around(const struct sets *sets, pfn_t pfn)
{
    for (unsigned order = 0; order < SETS_ORDERS; order++)
        if (sets_has(sets, round_down(pfn, order_pages(order)), order))
            return (int)order;
    return -1;
}

static inline bool sets_all_free(const struct sets *sets, pfn_t start, pfn_t end)
{
    while (start < end) {
        int order = sets_order_around(sets, start);
        if (order < 0)
            return false;
        start = round_down(start, order_pages((unsigned)order)) + order_pages((unsigned)order);
    }
    return true;
}

static inline enum page_error sets_remove(struct sets *sets, pfn_t start, uint64_t count)
{
    pfn_t end = start + count;

    if (!range_is_within(start, count, sets->start, sets->end))
        return PAGE_BAD_RANGE;
    if (!sets_all_free(sets, start, end))
        return PAGE_BUSY;
    for (pfn_t pfn = start; pfn < end;) {
        unsigned order = (unsigned)sets_order_around(sets, pfn);
        pfn_t first = round_down(pfn, order_pages(order)), behind = first + order_pages(order);
        sets_drop(sets, first, order);
        sets_put_range(sets, first, pfn);
        if (behind > end)
            sets_put_range(sets, end, behind);
        pfn = behind;
    }
    bits_change(sets->present, start - sets->start, count, false);
    return PAGE_OK;
}

static inline bool sets_visit(const struct sets *sets, page_visit_free *visit, void *context)
{
    for (unsigned order = 0; order < SETS_ORDERS; order++)
        for (uint64_t bit = 0; bit < sets->free[order].words * WORD_BITS; bit++) {
            if (!sets->free[order].bits[bit / WORD_BITS])
                bit += WORD_BITS - 1;
            else if (bit_is_set(sets->free[order].bits, bit) &&
                     !visit(context, sets->base + (bit << order), order))
                return false;
        }
    return true;
}

/*
 * Check that every inserted page is in exactly one block, free or held. `elsewhere` counts the
 * pages in caches.
 */
static inline bool sets_validate(const struct sets *sets, uint64_t elsewhere, char *message,
                                 size_t size)
{
    uint64_t present = 0, counted = elsewhere + sets->free_pages;

    for (uint64_t i = 0; i < sets->end - sets->start; i++) {
        present += bit_is_set(sets->present, i);
        if (sets->held[i])
            counted += order_pages(sets->held[i] - 1u);
    }
    if (present != counted)
        format_text(message, size, "%lu pages are in, %lu are free or held", present, counted);
    return present == counted;
}
