/*
 * The classic first allocator: single pages, one byte each, found by a linear search from the
 * start. With one order nothing can stay unmerged, so it promises coalesces. It promises nothing
 * about bad frees.
 */
#include "sound.h"

enum { ABSENT, FREE, HELD };

struct pool {
    struct spin lock;
    pfn_t start, end;
    uint8_t *map;
};

static size_t map_size(pfn_t start, pfn_t end)
{
    return end - start;
}

static void page_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    *(struct pool *)memory = (struct pool){.start = start, .end = end, .map = metadata};
}

static enum page_error insert_unlocked(struct pool *pool, pfn_t start, uint64_t count)
{
    if (!range_is_within(start, count, pool->start, pool->end))
        return PAGE_BAD_RANGE;
    for (uint64_t i = 0; i < count; i++)
        if (pool->map[start - pool->start + i] != ABSENT)
            return PAGE_ALREADY_IN;
    memset(pool->map + (start - pool->start), FREE, count);
    return PAGE_OK;
}

static enum page_error page_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = insert_unlocked(pool, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

static pfn_t page_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    pfn_t pfn = INVALID_PFN;

    if (order > 0)
        return INVALID_PFN;
    irq_flags_t flags = spin_lock(&pool->lock);
    for (uint64_t i = 0; i < pool->end - pool->start && pfn == INVALID_PFN; i++)
        if (pool->map[i] == FREE) {
            pool->map[i] = HELD;
            pfn = pool->start + i;
        }
    spin_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error page_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);

    (void)order;
    pool->map[pfn - pool->start] = FREE;
    spin_unlock(&pool->lock, flags);
    return PAGE_OK;
}

static const struct page_allocator page_only = {
    .name = "page-only",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .orders = ORDERS_UP_TO(0),
    .pool_size = sizeof(struct pool),
    .metadata_size = map_size,
    .init = page_init,
    .insert_pages = page_insert,
    .allocate_pages = page_allocate,
    .free_pages = page_free,
};
PAGE_ALLOCATOR(page_only);
