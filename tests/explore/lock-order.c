/*
 * Two locks. An allocation takes them in one order, a free in the other. Two cores that hold one
 * each are in a deadlock.
 */
#include "planted.h"

struct two_locks_pool {
    struct planted_pool planted;
    struct spinlock_irq first, second;
};

static void init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct two_locks_pool *pool = memory;

    planted_init(pool, metadata, start, end);
    pool->first = (struct spinlock_irq)SPINLOCK_IRQ("first");
    pool->second = (struct spinlock_irq)SPINLOCK_IRQ("second");
}

static pfn_t allocate(void *memory, unsigned order)
{
    struct two_locks_pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->first);
    irq_flags_t inner = spinlock_irq_lock(&pool->second);
    pfn_t pfn = planted_allocate(pool, order);

    spinlock_irq_unlock(&pool->second, inner);
    spinlock_irq_unlock(&pool->first, flags);
    return pfn;
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct two_locks_pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->second);
    irq_flags_t inner = spinlock_irq_lock(&pool->first);
    enum page_error error = planted_free(pool, pfn, order);

    spinlock_irq_unlock(&pool->first, inner);
    spinlock_irq_unlock(&pool->second, flags);
    return error;
}

PLANTED("lock-order", PLANTED_PROMISES, .pool_size = sizeof(struct two_locks_pool), .init = init,
        .allocate_pages = allocate, .free_pages = free_block);
