/*
 * Functions that take and return addresses: NULL means that no block is free. A free looks up its
 * block by the address alone, so it ignores the order it is told (free_ignores_order). Makes every
 * promise except smallest-fit, frees-parts and true-placement.
 */
#include "sound.h"

enum { ABSENT, FREE, INSIDE, HELD = 0x40 }; /* HELD | order: the first page of a block */

struct pool {
    struct spin lock;
    pfn_t start, end;
    uint8_t *map;
};

static size_t map_size(pfn_t start, pfn_t end)
{
    return end - start;
}

static void address_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    *(struct pool *)memory = (struct pool){.start = start, .end = end, .map = metadata};
}

static bool all_are(const struct pool *pool, pfn_t pfn, uint64_t count, uint8_t state)
{
    for (uint64_t i = 0; i < count; i++)
        if (pool->map[pfn - pool->start + i] != state)
            return false;
    return true;
}

static enum page_error insert_unlocked(struct pool *pool, pfn_t start, uint64_t count)
{
    if (!range_is_within(start, count, pool->start, pool->end))
        return PAGE_BAD_RANGE;
    if (!all_are(pool, start, count, ABSENT))
        return PAGE_ALREADY_IN;
    memset(pool->map + (start - pool->start), FREE, count);
    return PAGE_OK;
}

static enum page_error address_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = insert_unlocked(pool, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

static pfn_t find(const struct pool *pool, uint64_t count)
{
    for (pfn_t pfn = round_up(pool->start, count); pfn < pool->end && pool->end - pfn >= count;
         pfn += count)
        if (all_are(pool, pfn, count, FREE))
            return pfn;
    return INVALID_PFN;
}

static void *address_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;

    if (order > MAX_ORDER)
        return NULL;
    irq_flags_t flags = spin_lock(&pool->lock);
    pfn_t pfn = find(pool, order_pages(order));
    if (pfn != INVALID_PFN) {
        memset(pool->map + (pfn - pool->start), INSIDE, order_pages(order));
        pool->map[pfn - pool->start] = (uint8_t)(HELD | order);
    }
    spin_unlock(&pool->lock, flags);
    return pfn == INVALID_PFN ? NULL : pfn_to_address(pfn);
}

static enum page_error free_unlocked(struct pool *pool, pfn_t pfn)
{
    if (pfn < pool->start || pfn >= pool->end)
        return PAGE_BAD_RANGE;
    uint8_t state = pool->map[pfn - pool->start];
    if (!(state & HELD))
        return PAGE_NOT_ALLOCATED;
    memset(pool->map + (pfn - pool->start), FREE, order_pages(state & ~HELD));
    return PAGE_OK;
}

static enum page_error address_free(void *memory, void *address, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = free_unlocked(pool, address_to_pfn(address));

    (void)order;
    spin_unlock(&pool->lock, flags);
    return error;
}

static const struct page_allocator by_address = {
    .name = "by-address",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE |
                PROMISE_TRUE_OOM | PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .free_ignores_order = true,
    .pool_size = sizeof(struct pool),
    .metadata_size = map_size,
    .init = address_init,
    .insert_pages = address_insert,
    .allocate_address = address_allocate,
    .free_address = address_free,
};
PAGE_ALLOCATOR(by_address);
