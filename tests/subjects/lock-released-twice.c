/* Releases its lock on the error path and again at the end: "lock-owner". */
#include "subject.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    pfn_t pfn = sound_allocate(pool, order);

    if (pfn == INVALID_PFN)
        spinlock_irq_unlock(&pool->lock, flags);
    spinlock_irq_unlock(&pool->lock, flags);
    return pfn;
}

SUBJECT("lock-released-twice", SOUND_PROMISES, .allocate_pages = allocate);
