/* The lock that a careful caller would take around each call, for code that has no lock. */
#include <mm/adapters/stacsos/adapter.h>
#include <smp/spinlock.h>

static struct spinlock_irq lock = SPINLOCK_IRQ("stacsos-adapter");

irq_flags_t stacsos_call_begin(struct stacsos_pool *pool)
{
    irq_flags_t flags = pool->ways & STACSOS_GUARDED ? spinlock_irq_lock(&lock) : 0;

    stacsos_use(pool);
    return flags;
}

void stacsos_call_end(struct stacsos_pool *pool, irq_flags_t flags)
{
    if (pool->ways & STACSOS_GUARDED)
        spinlock_irq_unlock(&lock, flags);
}
