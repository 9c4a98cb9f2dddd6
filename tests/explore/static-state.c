/*
 * All state is static, so it is not instanceable. Each trial must find the state as it was at the
 * start.
 *
 * It is sound, but a trial that is abandoned in the middle leaves its lock taken. The lock is
 * hand-made, so no check of the harness sees that.
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
