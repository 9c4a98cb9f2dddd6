/*
 * For wrong allocators that are no buddies. One byte for each page says absent, free or held. A
 * block is a run of free bytes. A file that includes this header adds the search.
 */
#pragma once

#include <mm/environment.h>

enum { MAP_ABSENT, MAP_FREE, MAP_HELD }; /* MAP_HELD + k: in a held block of order k */

#define MAP_NONE UINT64_MAX /* no index */

struct pagemap {
    struct spinlock_irq lock;
    pfn_t start, end;
    uint8_t *map;              /* one byte for page start + index */
    pfn_t hint[MAX_ORDER + 1]; /* the last block found of each order, where a search may begin */
};

/*
 * Returns the index of `count` free pages that may be handed out as one block, or MAP_NONE. Lock
 * held.
 */
typedef uint64_t pagemap_find(const struct pagemap *pool, uint64_t count);

static inline uint64_t pagemap_pages(const struct pagemap *pool)
{
    return pool->end - pool->start;
}

static inline bool pagemap_all(const struct pagemap *pool, uint64_t index, uint64_t count,
                               uint8_t state)
{
    for (uint64_t i = 0; i < count; i++)
        if (pool->map[index + i] != state)
            return false;
    return true;
}

static inline pfn_t pagemap_take(void *memory, unsigned order, pagemap_find *find)
{
    struct pagemap *pool = memory;
    pfn_t pfn = INVALID_PFN;

    if (order > MAX_ORDER)
        return pfn;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    uint64_t index = find(pool, order_pages(order));
    if (index != MAP_NONE) {
        memset(pool->map + index, (int)(MAP_HELD + order), order_pages(order));
        pfn = pool->hint[order] = pool->start + index;
    }
    spinlock_irq_unlock(&pool->lock, flags);
    return pfn;
}

static inline size_t pagemap_metadata_size(pfn_t start, pfn_t end)
{
    return end - start;
}

static inline void pagemap_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pagemap *pool = memory;

    *pool = (struct pagemap){SPINLOCK_IRQ("pagemap"), start, end, metadata, {0}};
}

static inline enum page_error pagemap_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pagemap *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    bool good = pagemap_all(pool, start - pool->start, count, MAP_ABSENT);

    if (good)
        memset(pool->map + (start - pool->start), MAP_FREE, count);
    spinlock_irq_unlock(&pool->lock, flags);
    return good ? PAGE_OK : PAGE_ALREADY_IN;
}

static inline enum page_error pagemap_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pagemap *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);

    memset(pool->map + (pfn - pool->start), MAP_FREE, order_pages(order));
    spinlock_irq_unlock(&pool->lock, flags);
    return PAGE_OK;
}

/* Register the allocator: the functions above, and the members that follow. */
#define PAGEMAP(title, ...)                                                                      \
    static const struct page_allocator pagemap = {                                               \
        .name = (title),                                                                         \
        .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM | \
                    PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,                             \
        .most_blocks = 4096, /* each search walks the map */                                     \
        .pool_size = sizeof(struct pagemap),                                                     \
        .metadata_size = pagemap_metadata_size,                                                  \
        .init = pagemap_init,                                                                    \
        .insert_pages = pagemap_insert,                                                          \
        .free_pages = pagemap_free,                                                              \
        __VA_ARGS__};                                                                            \
    PAGE_ALLOCATOR(pagemap)
