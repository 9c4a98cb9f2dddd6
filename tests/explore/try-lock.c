/*
 * A lock that is tried twenty times and then given up, with interrupts on. An interrupt on the core
 * that holds the lock is refused. Sound, as long as it does not promise true-oom.
 */
#include "planted.h"

enum { LOCK, TRIES = 20 };

static bool try_lock(struct planted_pool *pool)
{
    for (unsigned i = 0; i < TRIES; i++) {
        if (!__atomic_exchange_n(&pool->words[LOCK], 1, __ATOMIC_ACQUIRE))
            return true;
        cpu_relax();
    }
    return false;
}

static pfn_t allocate(void *memory, unsigned order)
{
    struct planted_pool *pool = memory;

    if (!try_lock(pool))
        return INVALID_PFN;
    pfn_t pfn = planted_allocate(pool, order);
    __atomic_store_n(&pool->words[LOCK], 0, __ATOMIC_RELEASE);
    return pfn;
}

PLANTED("try-lock", PLANTED_PROMISES & ~(unsigned)PROMISE_TRUE_OOM, .allocate_pages = allocate);
