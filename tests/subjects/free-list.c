/* Counts a freed block twice: "free-list". */
#include "subject.h"

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct subject_pool *pool = memory;

    if (subject_turn(pool, 200)) {
        irq_flags_t flags = spinlock_irq_lock(&pool->buddy.lock);
        pool->buddy.count[order]++;
        spinlock_irq_unlock(&pool->buddy.lock, flags);
    }
    return sound_free(pool, pfn, order);
}

SUBJECT("free-list", SOUND_PROMISES, .free_pages = free_block);
