/*
 * Sound: the buddy under a hand-made ticket lock that waits without any call that the explorer
 * sees. The core that holds the lock must run all the same.
 */
#include "planted.h"

enum { NEXT, SERVED };

static irq_flags_t lock(struct planted_pool *pool)
{
    irq_flags_t flags = irq_save();
    uint64_t ticket = __atomic_fetch_add(&pool->words[NEXT], 1, __ATOMIC_RELAXED);

    while (__atomic_load_n(&pool->words[SERVED], __ATOMIC_ACQUIRE) != ticket)
        __builtin_ia32_pause();
    return flags;
}

static void unlock(struct planted_pool *pool, irq_flags_t flags)
{
    uint64_t served = __atomic_load_n(&pool->words[SERVED], __ATOMIC_RELAXED);

    __atomic_store_n(&pool->words[SERVED], served + 1, __ATOMIC_RELEASE);
    irq_restore(flags);
}

static pfn_t allocate(void *memory, unsigned order)
{
    irq_flags_t flags = lock(memory);
    pfn_t pfn = planted_allocate(memory, order);

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

PLANTED("ticket", PLANTED_PROMISES, .allocate_pages = allocate, .free_pages = free_block);
