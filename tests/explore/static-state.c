/*
 * All state is static, not instanceable: each trial must find it as it was at the start. Sound, but
 * that its lock is left taken when a trial is given up in the middle, and taken by hand, so that
 * nobody notices.
 */
#include "planted.h"

static uint64_t word, taken = 1; /* one in .bss, one in .data */

static pfn_t allocate(void *pool, unsigned order)
{
    irq_flags_t flags = irq_save();

    while (__atomic_exchange_n(&word, taken, __ATOMIC_ACQUIRE))
        cpu_relax();
    pfn_t pfn = planted_allocate(pool, order);
    __atomic_store_n(&word, 0, __ATOMIC_RELEASE);
    irq_restore(flags);
    return pfn;
}

PLANTED("static-state", PLANTED_PROMISES & ~(unsigned)PROMISE_INSTANCEABLE,
        .allocate_pages = allocate);
