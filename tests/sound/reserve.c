/*
 * Up to 16 blocks of order 2 are reserved for requests of order 2 that find nothing else. So other
 * requests fail while there are free pages, and reserved buddies stay unmerged. It promises neither
 * true-oom nor coalesces.
 */
#include "buddy.h"

enum { RESERVED_ORDER = 2, RESERVE = 16 };

struct pool {
    struct spinlock_irq lock;
    struct buddy buddy;
    unsigned count;
    pfn_t reserve[RESERVE]; /* these blocks are held, as the buddy sees it */
};

static void reserve_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->lock = (struct spinlock_irq)SPINLOCK_IRQ("reserve");
    buddy_init(&pool->buddy, metadata, start, end, MAX_ORDER);
}

/* Fill the reserve, but with at most a sixteenth of the free pages in a step. */
static void fill(struct pool *pool)
{
    while (pool->count < RESERVE && pool->buddy.free_pages >= 16 * order_pages(RESERVED_ORDER)) {
        pfn_t pfn = buddy_take(&pool->buddy, RESERVED_ORDER);
        if (pfn == INVALID_PFN)
            return;
        pool->reserve[pool->count++] = pfn;
    }
}

static enum page_error reserve_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = buddy_insert(&pool->buddy, start, count);

    if (error == PAGE_OK)
        fill(pool);
    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static pfn_t reserve_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    pfn_t pfn = buddy_take(&pool->buddy, order);

    if (pfn == INVALID_PFN && order == RESERVED_ORDER && pool->count > 0)
        pfn = pool->reserve[--pool->count];
    spinlock_irq_unlock(&pool->lock, flags);
    return pfn;
}

static bool is_reserved(const struct pool *pool, pfn_t pfn)
{
    for (unsigned i = 0; i < pool->count; i++)
        if (pool->reserve[i] == pfn)
            return true;
    return false;
}

static enum page_error reserve_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = PAGE_NOT_ALLOCATED;

    if (!is_reserved(pool, pfn))
        error = buddy_give(&pool->buddy, pfn, order);
    if (error == PAGE_OK)
        fill(pool);
    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static uint64_t reserve_free_page_count(void *memory)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    uint64_t count = pool->buddy.free_pages + pool->count * order_pages(RESERVED_ORDER);

    spinlock_irq_unlock(&pool->lock, flags);
    return count;
}

static void reserve_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    const struct pool *pool = memory;

    if (!buddy_visit(&pool->buddy, visit, context))
        return;
    for (unsigned i = 0; i < pool->count; i++)
        if (!visit(context, pool->reserve[i], RESERVED_ORDER))
            return;
}

static const struct page_allocator reserve = {
    .name = "reserve",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_REFUSES_BAD_FREE |
                PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .pool_size = sizeof(struct pool),
    .metadata_size = buddy_metadata_size,
    .init = reserve_init,
    .insert_pages = reserve_insert,
    .allocate_pages = reserve_allocate,
    .free_pages = reserve_free,
    .free_page_count = reserve_free_page_count,
    .for_each_free = reserve_for_each_free,
};
PAGE_ALLOCATOR(reserve);
