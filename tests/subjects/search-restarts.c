/*
 * The search looks again at the same place if the free run there is too short: "stall".
 *
 * It goes on behind a run only if the run ends at a hole in memory. So an allocation never returns
 * once memory is fragmented. nuttx PR 15060 in the tracker of that project is such a bug.
 */
#include "pagemap.h"

/*
 * The first free page, at `index` or behind it, at which a block of `count` pages may begin, or
 * MAP_NONE.
 */
static uint64_t next_begin(const struct pagemap *pool, uint64_t index, uint64_t count)
{
    pfn_t pfn = (pool->start + index + count - 1) & ~(count - 1);

    while (pfn + count <= pool->end && pool->map[pfn - pool->start] != MAP_FREE)
        pfn += count;
    return pfn + count <= pool->end ? pfn - pool->start : MAP_NONE;
}

/* Whether one of these pages is not in the pool: the free run then ends at a hole. */
static bool has_hole(const struct pagemap *pool, uint64_t index, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (pool->map[index + i] == MAP_ABSENT)
            return true;
    return false;
}

static uint64_t find(const struct pagemap *pool, uint64_t count)
{
    uint64_t index = next_begin(pool, 0, count);

    while (index != MAP_NONE && !pagemap_all(pool, index, count, MAP_FREE)) {
        bool hole = has_hole(pool, index, count);
        index = next_begin(pool, hole ? index + count : index, count);
    }
    return index;
}

static pfn_t allocate(void *memory, unsigned order)
{
    return pagemap_take(memory, order, find);
}

PAGEMAP("search-restarts", .allocate_pages = allocate);
