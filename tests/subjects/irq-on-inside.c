/* Enables interrupts before it releases its lock: "irq-state". */
#include "subject.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    pfn_t pfn = sound_allocate(pool, order);

    if (subject_turn(pool, 200))
        irq_enable();
    spinlock_irq_unlock(&pool->lock, flags);
    return pfn;
}

SUBJECT("irq-on-inside", SOUND_PROMISES, .allocate_pages = allocate);
