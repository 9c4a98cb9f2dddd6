/*
 * Placed allocations: below a limit, at a given page, or on one of two nodes, which are the halves
 * of its range. One byte for each page, searched from the top down unless the request says
 * otherwise. Makes every promise except smallest-fit and frees-parts.
 */
#include "sound.h"

enum { ABSENT, FREE, INSIDE, HELD = 0x40 }; /* HELD | order: the first page of a block */

enum { NODES = 2 };

struct pool {
    struct spin lock;
    pfn_t start, end;
    uint8_t *map;
};

static size_t map_size(pfn_t start, pfn_t end)
{
    return end - start;
}

static void place_init(void *memory, void *metadata, pfn_t start, pfn_t end)
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

static enum page_error place_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = insert_unlocked(pool, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

/* The highest free block within [first, end), or INVALID_PFN. */
static pfn_t find(const struct pool *pool, pfn_t first, pfn_t end, uint64_t count)
{
    if (end < first + count)
        return INVALID_PFN;
    for (pfn_t pfn = round_down(end - count, count); pfn >= first; pfn -= count) {
        if (all_are(pool, pfn, count, FREE))
            return pfn;
        if (pfn < count)
            break;
    }
    return INVALID_PFN;
}

static pfn_t take(struct pool *pool, pfn_t first, pfn_t end, unsigned order)
{
    if (order > MAX_ORDER)
        return INVALID_PFN;
    irq_flags_t flags = spin_lock(&pool->lock);
    pfn_t pfn = find(pool, first, end, order_pages(order));
    if (pfn != INVALID_PFN) {
        memset(pool->map + (pfn - pool->start), INSIDE, order_pages(order));
        pool->map[pfn - pool->start] = (uint8_t)(HELD | order);
    }
    spin_unlock(&pool->lock, flags);
    return pfn;
}

static pfn_t place_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;

    return take(pool, pool->start, pool->end, order);
}

static pfn_t place_allocate_below(void *memory, unsigned order, pfn_t limit)
{
    struct pool *pool = memory;

    return take(pool, pool->start, limit < pool->end ? limit : pool->end, order);
}

static pfn_t place_allocate_at(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    uint64_t count = order > MAX_ORDER ? 0 : order_pages(order);

    if (!range_is_within(pfn, count, pool->start, pool->end) || pfn % count != 0)
        return INVALID_PFN;
    return take(pool, pfn, pfn + count, order);
}

static pfn_t middle(const struct pool *pool)
{
    return pool->start + (pool->end - pool->start) / NODES;
}

static unsigned place_node_of(void *memory, pfn_t pfn)
{
    return pfn >= middle(memory);
}

static pfn_t place_allocate_on_node(void *memory, unsigned order, unsigned node)
{
    struct pool *pool = memory;

    if (node >= NODES)
        return INVALID_PFN;
    return node == 0 ? take(pool, pool->start, middle(pool), order)
                     : take(pool, middle(pool), pool->end, order);
}

static enum page_error free_unlocked(struct pool *pool, pfn_t pfn, unsigned order)
{
    if (pfn < pool->start || pfn >= pool->end)
        return PAGE_BAD_RANGE;
    uint8_t state = pool->map[pfn - pool->start];
    if (!(state & HELD))
        return PAGE_NOT_ALLOCATED;
    if ((unsigned)(state & ~HELD) != order)
        return PAGE_WRONG_ORDER;
    memset(pool->map + (pfn - pool->start), FREE, order_pages(order));
    return PAGE_OK;
}

static enum page_error place_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = free_unlocked(pool, pfn, order);

    spin_unlock(&pool->lock, flags);
    return error;
}

static const struct page_allocator placement = {
    .name = "placement",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE |
                PROMISE_TRUE_OOM | PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE |
                PROMISE_TRUE_PLACEMENT,
    .pool_size = sizeof(struct pool),
    .metadata_size = map_size,
    .init = place_init,
    .insert_pages = place_insert,
    .allocate_pages = place_allocate,
    .free_pages = place_free,
    .allocate_below = place_allocate_below,
    .allocate_at = place_allocate_at,
    .allocate_on_node = place_allocate_on_node,
    .node_of = place_node_of,
    .nodes = NODES,
};
PAGE_ALLOCATOR(placement);
