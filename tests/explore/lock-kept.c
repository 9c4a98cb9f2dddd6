/*
 * A hand-made lock is not released when a request is refused. Perhaps no core ever waits for it
 * again, so only a check at the end of the trial finds it.
 */
#include "planted.h"

enum { LOCK };

static irq_flags_t lock(struct planted_pool *pool)
{
    irq_flags_t flags = irq_save();

    while (__atomic_exchange_n(&pool->words[LOCK], 1, __ATOMIC_ACQUIRE))
        cpu_relax();
    return flags;
}

static void unlock(struct planted_pool *pool, irq_flags_t flags)
{
    __atomic_store_n(&pool->words[LOCK], 0, __ATOMIC_RELEASE);
    irq_restore(flags);
}

static pfn_t allocate(void *memory, unsigned order)
{
    irq_flags_t flags = lock(memory);
    pfn_t pfn = planted_allocate(memory, order);

    if (pfn == INVALID_PFN)
        irq_restore(flags);
    else
        unlock(memory, flags);
    return pfn;
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    irq_flags_t flags = lock(memory);
    enum page_error error = planted_free(memory, pfn, order);

    unlock(memory, flags);
    return error;
}

PLANTED("lock-kept", PLANTED_PROMISES, .allocate_pages = allocate, .free_pages = free_block);
