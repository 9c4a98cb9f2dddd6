/*
 * A buddy whose largest order is 18 (1 GiB): larger than usual, and larger than small machines
 * have. Under the harness's lock. Makes every promise except frees-parts and true-placement.
 */
#include "buddy.h"

enum { LARGEST = 18 };

struct pool {
    struct spinlock_irq lock;
    struct buddy buddy;
};

static void large_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->lock = (struct spinlock_irq)SPINLOCK_IRQ("order-18");
    buddy_init(&pool->buddy, metadata, start, end, LARGEST);
}

static enum page_error large_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = buddy_insert(&pool->buddy, start, count);

    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static pfn_t large_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    pfn_t pfn = buddy_take(&pool->buddy, order);

    spinlock_irq_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error large_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = buddy_give(&pool->buddy, pfn, order);

    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static void large_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    buddy_visit(&((struct pool *)memory)->buddy, visit, context);
}

static const struct page_allocator order_18 = {
    .name = "order-18",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE |
                PROMISE_TRUE_OOM | PROMISE_SMALLEST_FIT | PROMISE_INSTANCEABLE |
                PROMISE_METADATA_OUTSIDE,
    .orders = ORDERS_UP_TO(LARGEST),
    .pool_size = sizeof(struct pool),
    .metadata_size = buddy_metadata_size,
    .init = large_init,
    .insert_pages = large_insert,
    .allocate_pages = large_allocate,
    .free_pages = large_free,
    .for_each_free = large_for_each_free,
};
PAGE_ALLOCATOR(order_18);
