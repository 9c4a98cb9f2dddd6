/*
 * Turns interrupts on while it holds its lock: "lock-owner", when a handler allocates on that core.
 * Without interrupts the bug is invisible.
 */
#include "subject.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);

    irq_restore(flags);
    pfn_t pfn = sound_allocate(pool, order);
    irq_disable();
    spinlock_irq_unlock(&pool->lock, flags);
    return pfn;
}

SUBJECT("lock-interrupted", SOUND_PROMISES, .allocate_pages = allocate);
