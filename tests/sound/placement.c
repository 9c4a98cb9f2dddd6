/*
 * Placed allocations: below a limit, at a given page, or on one of two nodes, which are the halves
 * of its range. One byte for each page, searched from the top down unless the request says
 * otherwise. Makes every promise except smallest-fit and frees-parts.
 */
#include "map.h"

enum { NODES = 2 };

/* The highest free block within [first, end), or INVALID_PFN. */
static pfn_t find(const struct map *map, pfn_t first, pfn_t end, uint64_t count)
{
    if (end < first + count)
        return INVALID_PFN;
    for (pfn_t pfn = round_down(end - count, count); pfn >= first; pfn -= count) {
        if (map_all_are(map, pfn, count, MAP_FREE))
            return pfn;
        if (pfn < count)
            break;
    }
    return INVALID_PFN;
}

static pfn_t take(struct map *map, pfn_t first, pfn_t end, unsigned order)
{
    if (order > MAX_ORDER)
        return INVALID_PFN;
    irq_flags_t flags = spin_lock(&map->lock);
    pfn_t pfn = find(map, first, end, order_pages(order));
    if (pfn != INVALID_PFN)
        map_hold(map, pfn, order);
    spin_unlock(&map->lock, flags);
    return pfn;
}

static pfn_t place_allocate(void *memory, unsigned order)
{
    struct map *map = memory;

    return take(map, map->start, map->end, order);
}

static pfn_t place_allocate_below(void *memory, unsigned order, pfn_t limit)
{
    struct map *map = memory;

    return take(map, map->start, limit < map->end ? limit : map->end, order);
}

static pfn_t place_allocate_at(void *memory, pfn_t pfn, unsigned order)
{
    struct map *map = memory;
    uint64_t count = order > MAX_ORDER ? 0 : order_pages(order);

    if (!range_is_within(pfn, count, map->start, map->end) || pfn % count != 0)
        return INVALID_PFN;
    return take(map, pfn, pfn + count, order);
}

static pfn_t middle(const struct map *map)
{
    return map->start + (map->end - map->start) / NODES;
}

static unsigned place_node_of(void *memory, pfn_t pfn)
{
    return pfn >= middle(memory);
}

static pfn_t place_allocate_on_node(void *memory, unsigned order, unsigned node)
{
    struct map *map = memory;

    if (node >= NODES)
        return INVALID_PFN;
    return node == 0 ? take(map, map->start, middle(map), order)
                     : take(map, middle(map), map->end, order);
}

static enum page_error free_unlocked(struct map *map, pfn_t pfn, unsigned order)
{
    int held = map_held_order(map, pfn);

    if (held < 0)
        return PAGE_NOT_ALLOCATED;
    if ((unsigned)held != order)
        return PAGE_WRONG_ORDER;
    memset(map_at(map, pfn), MAP_FREE, order_pages(order));
    return PAGE_OK;
}

static enum page_error place_free(void *memory, pfn_t pfn, unsigned order)
{
    struct map *map = memory;
    irq_flags_t flags = spin_lock(&map->lock);
    enum page_error error = free_unlocked(map, pfn, order);

    spin_unlock(&map->lock, flags);
    return error;
}

static const struct page_allocator placement = {
    .name = "placement",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE |
                PROMISE_TRUE_OOM | PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE |
                PROMISE_TRUE_PLACEMENT,
    .pool_size = sizeof(struct map),
    .metadata_size = map_size,
    .init = map_init,
    .insert_pages = map_insert,
    .allocate_pages = place_allocate,
    .free_pages = place_free,
    .allocate_below = place_allocate_below,
    .allocate_at = place_allocate_at,
    .allocate_on_node = place_allocate_on_node,
    .node_of = place_node_of,
    .nodes = NODES,
};
PAGE_ALLOCATOR(placement);
