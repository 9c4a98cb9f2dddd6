/*
 * The search jumps over a larger held block, past the place where it began, and never comes back to
 * that place: "stall", on one core.
 *
 * The search begins where the last block of this order was found. It goes around once and ends
 * where it began. If that place is now inside a larger held block, the search jumps over it. NBBS
 * 1lvl-nb and 4lvl-nb at 14ae06f have this loop.
 */
#include "pagemap.h"

/* Where to look next if no block of `count` pages is free at `index`. */
static uint64_t next_place(const struct pagemap *pool, uint64_t index, uint64_t count)
{
    uint8_t state = pool->map[index];
    uint64_t held = state >= MAP_HELD ? order_pages(state - (unsigned)MAP_HELD) : 1;
    uint64_t step = held > count ? held : count;
    pfn_t pfn = pool->start + index;

    return (pfn & ~(step - 1)) + step - pool->start;
}

static uint64_t find(const struct pagemap *pool, uint64_t count)
{
    uint64_t first = ((pool->start + count - 1) & ~(count - 1)) - pool->start;
    pfn_t hint = pool->hint[largest_order(0, count)];
    uint64_t begin = hint ? hint - pool->start : first, index = begin;

    if (first + count > pagemap_pages(pool))
        return MAP_NONE;
    do {
        if (pagemap_all(pool, index, count, MAP_FREE))
            return index;
        index = next_place(pool, index, count);
        if (index + count > pagemap_pages(pool))
            index = first;
    } while (index != begin);
    return MAP_NONE;
}

static pfn_t allocate(void *memory, unsigned order)
{
    return pagemap_take(memory, order, find);
}

PAGEMAP("search-jumps", .allocate_pages = allocate);
