/*
 * Interrupts stay on while a lock is held, but only when a request is refused: the count of
 * refusals has its own lock, which is taken without irq_save(). If an interrupt comes in between
 * and is refused, too, it waits for ever.
 */
#include "planted.h"

enum { LOCK, REFUSED };

static void count_refusal(struct planted_pool *pool)
{
    while (__atomic_exchange_n(&pool->words[LOCK], 1, __ATOMIC_ACQUIRE))
        cpu_relax();
    pool->words[REFUSED]++;
    __atomic_store_n(&pool->words[LOCK], 0, __ATOMIC_RELEASE);
}

static pfn_t allocate(void *pool, unsigned order)
{
    pfn_t pfn = planted_allocate(pool, order);

    if (pfn == INVALID_PFN)
        count_refusal(pool);
    return pfn;
}

PLANTED("error-path", PLANTED_PROMISES, .allocate_pages = allocate);
