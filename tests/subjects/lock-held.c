/* Keeps its lock if memory is out, but restores the interrupt flag: "lock-held". */
#include "subject.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    pfn_t pfn = sound_allocate(pool, order);

    if (pfn != INVALID_PFN)
        spinlock_irq_unlock(&pool->lock, flags);
    else
        irq_restore(flags);
    return pfn;
}

SUBJECT("lock-held", SOUND_PROMISES, .allocate_pages = allocate);
