/*
 * A free by page number that ignores the order it is given, because the allocator knows each
 * block's size (free_ignores_order). A buddy under the harness's lock. Makes every promise except
 * frees-parts and true-placement.
 */
#include "buddy.h"

struct pool {
    struct spinlock_irq lock;
    struct buddy buddy;
};

static void any_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->lock = (struct spinlock_irq)SPINLOCK_IRQ("free-any-order");
    buddy_init(&pool->buddy, metadata, start, end, MAX_ORDER);
}

static enum page_error any_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = buddy_insert(&pool->buddy, start, count);

    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static pfn_t any_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    pfn_t pfn = buddy_take(&pool->buddy, order);

    spinlock_irq_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error any_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    enum page_error error = PAGE_NOT_ALLOCATED;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    int held = buddy_held_order(&pool->buddy, pfn);

    (void)order;
    if (held >= 0)
        error = buddy_give(&pool->buddy, pfn, (unsigned)held);
    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static uint64_t any_free_page_count(void *memory)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    uint64_t count = pool->buddy.free_pages;

    spinlock_irq_unlock(&pool->lock, flags);
    return count;
}

static void any_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    buddy_visit(&((struct pool *)memory)->buddy, visit, context);
}

static const struct page_allocator free_any_order = {
    .name = "free-any-order",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE |
                PROMISE_TRUE_OOM | PROMISE_SMALLEST_FIT | PROMISE_INSTANCEABLE |
                PROMISE_METADATA_OUTSIDE,
    .free_ignores_order = true,
    .pool_size = sizeof(struct pool),
    .metadata_size = buddy_metadata_size,
    .init = any_init,
    .insert_pages = any_insert,
    .allocate_pages = any_allocate,
    .free_pages = any_free,
    .free_page_count = any_free_page_count,
    .for_each_free = any_for_each_free,
};
PAGE_ALLOCATOR(free_any_order);
