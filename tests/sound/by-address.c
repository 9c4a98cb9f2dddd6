/*
 * Functions that take and return addresses: NULL means that no block is free. A free looks up its
 * block by the address alone, so it ignores the order it is given (free_ignores_order). Makes every
 * promise except smallest-fit, frees-parts and true-placement.
 */
#include "map.h"

static void *address_allocate(void *memory, unsigned order)
{
    struct map *map = memory;

    if (order > MAX_ORDER)
        return NULL;
    irq_flags_t flags = spin_lock(&map->lock);
    pfn_t pfn = map_first_fit(map, order_pages(order));
    if (pfn != INVALID_PFN)
        map_hold(map, pfn, order);
    spin_unlock(&map->lock, flags);
    return pfn == INVALID_PFN ? NULL : pfn_to_address(pfn);
}

static enum page_error address_free(void *memory, void *address, unsigned order)
{
    struct map *map = memory;
    pfn_t pfn = address_to_pfn(address);
    irq_flags_t flags = spin_lock(&map->lock);
    int held = map_held_order(map, pfn);

    (void)order;
    if (held >= 0)
        memset(map_at(map, pfn), MAP_FREE, order_pages((unsigned)held));
    spin_unlock(&map->lock, flags);
    return held >= 0 ? PAGE_OK : PAGE_NOT_ALLOCATED;
}

static const struct page_allocator by_address = {
    .name = "by-address",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE |
                PROMISE_TRUE_OOM | PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .free_ignores_order = true,
    .pool_size = sizeof(struct map),
    .metadata_size = map_size,
    .init = map_init,
    .insert_pages = map_insert,
    .allocate_address = address_allocate,
    .free_address = address_free,
};
PAGE_ALLOCATOR(by_address);
