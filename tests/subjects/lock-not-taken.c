/* Releases a lock that it has not taken, so that it is free or another core's: "lock-owner". */
#include "subject.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    pfn_t pfn = sound_allocate(pool, order);

    spinlock_irq_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct subject_pool *pool = memory;

    if (subject_turn(pool, 200))
        spinlock_irq_unlock(&pool->lock, irq_save());
    return sound_free(pool, pfn, order);
}

SUBJECT("lock-not-taken", SOUND_PROMISES, .allocate_pages = allocate, .free_pages = free_block);
