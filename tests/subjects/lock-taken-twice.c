/* Takes its lock again while it holds it: "lock-owner". */
#include "subject.h"

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct subject_pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);

    if (subject_turn(pool, 200))
        spinlock_irq_lock(&pool->lock);
    enum page_error error = sound_free(pool, pfn, order);
    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

SUBJECT("lock-taken-twice", SOUND_PROMISES, .free_pages = free_block);
