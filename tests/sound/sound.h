/*
 * Helpers that the sound allocators in this folder share.
 *
 * Each file is an allocator as somebody may well write it. None of them has a bug, so no mode of
 * the stress or of the explorer may report one (tests/test_sound.py). The comment at the top of a
 * file says what is unusual about the allocator. It promises exactly what is true.
 */
#pragma once

#include <mm/environment.h>

/* ---- a common spin lock, for allocators whose lock is not the point ---- */

struct spin {
    uint32_t taken; /* atomic */
};

static inline void spin_take(struct spin *spin)
{
    while (__atomic_exchange_n(&spin->taken, 1, __ATOMIC_ACQUIRE))
        while (__atomic_load_n(&spin->taken, __ATOMIC_RELAXED))
            cpu_relax();
}

static inline void spin_drop(struct spin *spin)
{
    __atomic_store_n(&spin->taken, 0, __ATOMIC_RELEASE);
}

static inline irq_flags_t spin_lock(struct spin *spin)
{
    irq_flags_t flags = irq_save();

    spin_take(spin);
    return flags;
}

static inline void spin_unlock(struct spin *spin, irq_flags_t flags)
{
    spin_drop(spin);
    irq_restore(flags);
}

/* ---- pages and blocks ---- */

static inline pfn_t round_up(pfn_t pfn, uint64_t pages)
{
    return (pfn + pages - 1) & ~(pages - 1);
}

static inline pfn_t round_down(pfn_t pfn, uint64_t pages)
{
    return pfn & ~(pages - 1);
}

/* Whether [start, start + count) is not empty and lies in [first, end). */
static inline bool range_is_within(pfn_t start, uint64_t count, pfn_t first, pfn_t end)
{
    return count > 0 && start >= first && start < end && count <= end - start;
}

/* The largest order, at most `largest`, of a block that begins at pfn and ends by `end`. */
static inline unsigned order_that_fits(pfn_t pfn, pfn_t end, unsigned largest)
{
    unsigned order = 0;

    while (order < largest && pfn % order_pages(order + 1) == 0 &&
           end - pfn >= order_pages(order + 1))
        order++;
    return order;
}

/*
 * Show the free pages [start, end) as the largest blocks that fit. Returns whether the walk goes
 * on.
 */
static inline bool visit_run(pfn_t start, pfn_t end, unsigned largest, page_visit_free *visit,
                             void *context)
{
    while (start < end) {
        unsigned order = order_that_fits(start, end, largest);
        if (!visit(context, start, order))
            return false;
        start += order_pages(order);
    }
    return true;
}

/* ---- bitmaps: not atomic, so for one core at a time ---- */

enum { WORD_BITS = 64 };

static inline size_t bit_bytes(uint64_t bits)
{
    return (bits + WORD_BITS - 1) / WORD_BITS * sizeof(uint64_t);
}

static inline bool bit_is_set(const uint64_t *map, uint64_t bit)
{
    return map[bit / WORD_BITS] >> bit % WORD_BITS & 1;
}

static inline void bit_set(uint64_t *map, uint64_t bit)
{
    map[bit / WORD_BITS] |= (uint64_t)1 << bit % WORD_BITS;
}

static inline void bit_clear(uint64_t *map, uint64_t bit)
{
    map[bit / WORD_BITS] &= ~((uint64_t)1 << bit % WORD_BITS);
}

static inline void bits_change(uint64_t *map, uint64_t first, uint64_t count, bool set)
{
    for (uint64_t bit = first; bit < first + count; bit++)
        if (set)
            bit_set(map, bit);
        else
            bit_clear(map, bit);
}

/* Whether none of the bits is set; whether all of them are. */
static inline bool bits_none(const uint64_t *map, uint64_t first, uint64_t count)
{
    for (uint64_t bit = first; bit < first + count; bit++)
        if (bit_is_set(map, bit))
            return false;
    return true;
}

static inline bool bits_all(const uint64_t *map, uint64_t first, uint64_t count)
{
    for (uint64_t bit = first; bit < first + count; bit++)
        if (!bit_is_set(map, bit))
            return false;
    return true;
}

/*
 * Note pages [start, start + count) as inserted in the bitmap `present`, whose bit 0 is page
 * `first`. Refused if they are not within [first, end), or if one of them is in already.
 */
static inline enum page_error note_inserted(uint64_t *present, pfn_t first, pfn_t end, pfn_t start,
                                            uint64_t count)
{
    if (!range_is_within(start, count, first, end))
        return PAGE_BAD_RANGE;
    if (!bits_none(present, start - first, count))
        return PAGE_ALREADY_IN;
    bits_change(present, start - first, count, true);
    return PAGE_OK;
}

/*
 * The bits of a word at which 2^order set bits begin, at a multiple of 2^order. order is at most 6.
 */
static inline uint64_t word_blocks(uint64_t word, unsigned order)
{
    static const uint64_t places[] = {~0ull,
                                      0x5555555555555555,
                                      0x1111111111111111,
                                      0x0101010101010101,
                                      0x0001000100010001,
                                      0x0000000100000001,
                                      1};

    for (unsigned i = 0; i < order; i++)
        word &= word >> ((uint64_t)1 << i);
    return word & places[order];
}

/* A mask of 2^order bits from `bit` on. order is at most 6. */
static inline uint64_t word_mask(unsigned bit, unsigned order)
{
    uint64_t ones = order == 6 ? ~(uint64_t)0 : ((uint64_t)1 << order_pages(order)) - 1;

    return ones << bit;
}
