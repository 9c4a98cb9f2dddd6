/* The student's code has no lock: the adapter takes one around each of its functions, as a caller.
 */
#include <mm/adapters/stacsos/adapter.h>
#include <smp/spinlock.h>

const bool stacsos_adapter_locks = true;

static struct spinlock_irq lock = SPINLOCK_IRQ("stacsos-adapter");

irq_flags_t stacsos_call_begin(void)
{
    return spinlock_irq_lock(&lock);
}

void stacsos_call_end(irq_flags_t flags)
{
    spinlock_irq_unlock(&lock, flags);
}
