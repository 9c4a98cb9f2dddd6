/*
 * The classic first allocator: single pages, one byte each, found by a linear search from the
 * start. With one order nothing can stay unmerged, so it promises coalesces. It promises nothing
 * about bad frees.
 */
#include "map.h"

static pfn_t page_allocate(void *memory, unsigned order)
{
    struct map *map = memory;

    if (order > 0)
        return INVALID_PFN;
    irq_flags_t flags = spin_lock(&map->lock);
    pfn_t pfn = map_first_fit(map, 1);
    if (pfn != INVALID_PFN)
        map_hold(map, pfn, 0);
    spin_unlock(&map->lock, flags);
    return pfn;
}

static enum page_error page_free(void *memory, pfn_t pfn, unsigned order)
{
    struct map *map = memory;
    irq_flags_t flags = spin_lock(&map->lock);

    (void)order;
    *map_at(map, pfn) = MAP_FREE;
    spin_unlock(&map->lock, flags);
    return PAGE_OK;
}

static const struct page_allocator page_only = {
    .name = "page-only",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .orders = ORDERS_UP_TO(0),
    .pool_size = sizeof(struct map),
    .metadata_size = map_size,
    .init = map_init,
    .insert_pages = map_insert,
    .allocate_pages = page_allocate,
    .free_pages = page_free,
};
PAGE_ALLOCATOR(page_only);
