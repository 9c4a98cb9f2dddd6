/*
 * Aligns the index in its map instead of the page frame number: "misaligned".
 *
 * A block of order k begins at a multiple of 2^k, counted from the pool's first page. That is right
 * only if the first page itself is such a multiple. hvisor #356 in the tracker of that project is
 * such a bug.
 */
#include "pagemap.h"

static uint64_t find(const struct pagemap *pool, uint64_t count)
{
    uint64_t index = 0;

    while (index + count <= pagemap_pages(pool) && !pagemap_all(pool, index, count, MAP_FREE))
        index += count;
    return index + count <= pagemap_pages(pool) ? index : MAP_NONE;
}

static pfn_t allocate(void *memory, unsigned order)
{
    return pagemap_take(memory, order, find);
}

PAGEMAP("bitmap-index-aligned", .allocate_pages = allocate);
