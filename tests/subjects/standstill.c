/*
 * After 2000 calls, each core takes and releases a lock for ever as soon as another core has
 * allocated, as if it waited for room: "stall", of no particular core.
 */
#include "subject.h"

enum { ENOUGH = 2000 };

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;
    const struct subject_block *other = &pool->last[cpu_number() ? 0 : 1];

    subject_last(pool)->is_out = true;
    pfn_t pfn = sound_allocate(pool, order);
    while (__atomic_load_n(&other->is_out, __ATOMIC_RELAXED) &&
           __atomic_add_fetch(&pool->calls, 1, __ATOMIC_RELAXED) > ENOUGH) {
        irq_flags_t flags = spinlock_irq_lock(&pool->lock);
        spinlock_irq_unlock(&pool->lock, flags);
    }
    return pfn;
}

SUBJECT("standstill", SOUND_PROMISES, .allocate_pages = allocate);
