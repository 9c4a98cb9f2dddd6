/*
 * One byte for each page, which holds the order of its block, under the harness's lock; every
 * optional function except drain. It takes the first block that fits, so it does not promise
 * smallest-fit. Nor does it promise frees-parts or true-placement.
 */
#include "sound.h"

enum {
    ABSENT,
    FREE,
    INSIDE,
    HELD = 0x40
}; /* INSIDE: page of a held block; HELD | order: its first page */

struct pool {
    struct spinlock_irq lock;
    pfn_t start, end;
    uint64_t free_pages;
    uint8_t *map;
};

static size_t map_size(pfn_t start, pfn_t end)
{
    return end - start;
}

static void map_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->lock = (struct spinlock_irq)SPINLOCK_IRQ("byte-map");
    pool->start = start;
    pool->end = end;
    pool->map = metadata;
}

static uint8_t *at(const struct pool *pool, pfn_t pfn)
{
    return pool->map + (pfn - pool->start);
}

static bool all_are(const struct pool *pool, pfn_t pfn, uint64_t count, uint8_t state)
{
    for (uint64_t i = 0; i < count; i++)
        if (at(pool, pfn)[i] != state)
            return false;
    return true;
}

/* Change the state of a range if all its pages have the state `from`. Otherwise return `error`. */
static enum page_error change(struct pool *pool, pfn_t start, uint64_t count, uint8_t from,
                              uint8_t to, enum page_error error)
{
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);

    if (!range_is_within(start, count, pool->start, pool->end)) {
        error = PAGE_BAD_RANGE;
    } else if (all_are(pool, start, count, from)) {
        memset(at(pool, start), to, count);
        pool->free_pages += to == FREE ? count : -count;
        error = PAGE_OK;
    }
    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static enum page_error map_insert(void *memory, pfn_t start, uint64_t count)
{
    return change(memory, start, count, ABSENT, FREE, PAGE_ALREADY_IN);
}

static enum page_error map_remove(void *memory, pfn_t start, uint64_t count)
{
    return change(memory, start, count, FREE, ABSENT, PAGE_BUSY);
}

static pfn_t find(const struct pool *pool, uint64_t count)
{
    pfn_t pfn = round_up(pool->start, count);

    while (pfn < pool->end && pool->end - pfn >= count && !all_are(pool, pfn, count, FREE))
        pfn += count;
    return pfn < pool->end && pool->end - pfn >= count ? pfn : INVALID_PFN;
}

static pfn_t map_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;

    if (order > MAX_ORDER)
        return INVALID_PFN;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    pfn_t pfn = find(pool, order_pages(order));
    if (pfn != INVALID_PFN) {
        memset(at(pool, pfn), INSIDE, order_pages(order));
        *at(pool, pfn) = (uint8_t)(HELD | order);
        pool->free_pages -= order_pages(order);
    }
    spinlock_irq_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error free_unlocked(struct pool *pool, pfn_t pfn, unsigned order)
{
    if (pfn < pool->start || pfn >= pool->end)
        return PAGE_BAD_RANGE;
    uint8_t state = *at(pool, pfn);
    if (!(state & HELD))
        return PAGE_NOT_ALLOCATED;
    if ((unsigned)(state & ~HELD) != order)
        return PAGE_WRONG_ORDER;
    memset(at(pool, pfn), FREE, order_pages(order));
    pool->free_pages += order_pages(order);
    return PAGE_OK;
}

static enum page_error map_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = free_unlocked(pool, pfn, order);

    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static uint64_t map_free_page_count(void *memory)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    uint64_t count = pool->free_pages;

    spinlock_irq_unlock(&pool->lock, flags);
    return count;
}

static pfn_t run_end(const struct pool *pool, pfn_t pfn)
{
    while (pfn < pool->end && *at(pool, pfn) == FREE)
        pfn++;
    return pfn;
}

static void map_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    const struct pool *pool = memory;

    for (pfn_t pfn = pool->start; pfn < pool->end; pfn++) {
        pfn_t end = run_end(pool, pfn);
        if (!visit_run(pfn, end, MAX_ORDER, visit, context))
            return;
        pfn = end;
    }
}

static bool map_validate(void *memory, char *message, size_t size)
{
    const struct pool *pool = memory;
    uint64_t free_pages = 0;

    for (pfn_t pfn = pool->start; pfn < pool->end; pfn++)
        free_pages += *at(pool, pfn) == FREE;
    if (free_pages == pool->free_pages)
        return true;
    format_text(message, size, "%lu pages are free, and %lu are counted", free_pages,
                pool->free_pages);
    return false;
}

static const struct page_allocator byte_map = {
    .name = "byte-map",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE |
                PROMISE_TRUE_OOM | PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .pool_size = sizeof(struct pool),
    .metadata_size = map_size,
    .init = map_init,
    .insert_pages = map_insert,
    .allocate_pages = map_allocate,
    .free_pages = map_free,
    .remove_pages = map_remove,
    .free_page_count = map_free_page_count,
    .for_each_free = map_for_each_free,
    .validate = map_validate,
};
PAGE_ALLOCATOR(byte_map);
