/*
 * A buddy whose free lists are sets, one bitmap for each order, under the harness's lock; largest
 * order 10, and every optional function except drain. Makes every promise except frees-parts and
 * true-placement.
 */
#include "sets.h"

struct pool {
    struct spinlock_irq lock;
    struct sets sets;
};

static void set_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->lock = (struct spinlock_irq)SPINLOCK_IRQ("buddy-sets");
    sets_init(&pool->sets, metadata, start, end);
}

static enum page_error set_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = sets_insert(&pool->sets, start, count);

    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static enum page_error set_remove(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = sets_remove(&pool->sets, start, count);

    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static pfn_t set_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    pfn_t pfn = sets_take(&pool->sets, order);

    spinlock_irq_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error set_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = sets_give(&pool->sets, pfn, order);

    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static uint64_t set_free_page_count(void *memory)
{
    struct pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    uint64_t count = pool->sets.free_pages;

    spinlock_irq_unlock(&pool->lock, flags);
    return count;
}

static void set_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    sets_visit(&((struct pool *)memory)->sets, visit, context);
}

static bool set_validate(void *memory, char *message, size_t size)
{
    return sets_validate(&((struct pool *)memory)->sets, 0, message, size);
}

static const struct page_allocator buddy_sets = {
    .name = "buddy-sets",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE |
                PROMISE_TRUE_OOM | PROMISE_SMALLEST_FIT | PROMISE_INSTANCEABLE |
                PROMISE_METADATA_OUTSIDE,
    .orders = ORDERS_UP_TO(SETS_LARGEST),
    .pool_size = sizeof(struct pool),
    .metadata_size = sets_metadata_size,
    .init = set_init,
    .insert_pages = set_insert,
    .allocate_pages = set_allocate,
    .free_pages = set_free,
    .remove_pages = set_remove,
    .free_page_count = set_free_page_count,
    .for_each_free = set_for_each_free,
    .validate = set_validate,
};
PAGE_ALLOCATOR(buddy_sets);
