/* A page allocator in 60 lines: one byte a page, first fit. docs/ALLOCATORS.md walks through it. */
#include <mm/environment.h>

enum { ABSENT, FREE, HELD }; /* what the byte of a page says */

struct pool {
    struct spinlock_irq lock;
    pfn_t start, end;
    uint8_t *map;
};

static bool all_are(const struct pool *pool, pfn_t pfn, uint64_t count, uint8_t state)
{
    for (uint64_t i = 0; i < count; i++)
        if (pool->map[pfn - pool->start + i] != state)
            return false;
    return true;
}

static size_t example_metadata_size(pfn_t start, pfn_t end)
{
    return end - start;
}

static void example_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    *pool = (struct pool){SPINLOCK_IRQ("example"), start, end, metadata};
}

static enum page_error example_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    bool good = all_are(pool, start, count, ABSENT);

    if (good)
        memset(pool->map + (start - pool->start), FREE, count);
    spinlock_irq_unlock(&pool->lock, flags);
    return good ? PAGE_OK : PAGE_ALREADY_IN;
}

/* A block of 2^order pages begins at a multiple of 2^order. */
static pfn_t example_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    uint64_t count = order_pages(order <= MAX_ORDER ? order : 0);
    pfn_t pfn = (pool->start + count - 1) & ~(count - 1);
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);

    while (pfn + count <= pool->end && !all_are(pool, pfn, count, FREE))
        pfn += count;
    bool found = order <= MAX_ORDER && pfn + count <= pool->end;
    if (found)
        memset(pool->map + (pfn - pool->start), HELD, count);
    spinlock_irq_unlock(&pool->lock, flags);
    return found ? pfn : INVALID_PFN;
}

static enum page_error example_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);

    memset(pool->map + (pfn - pool->start), FREE, order_pages(order));
    spinlock_irq_unlock(&pool->lock, flags);
    return PAGE_OK;
}

static const struct page_allocator example = {
    .name = "example",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .pool_size = sizeof(struct pool),
    .metadata_size = example_metadata_size,
    .init = example_init,
    .insert_pages = example_insert,
    .allocate_pages = example_allocate,
    .free_pages = example_free,
};
PAGE_ALLOCATOR(example);
