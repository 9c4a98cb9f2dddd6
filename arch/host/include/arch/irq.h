/*
 * A thread's interrupt flag. With it, code that saves and restores the flag can be checked. Where
 * interrupts are signals (arch/host/signals.c), one that comes while the flag is off stays pending
 * until it is on. Each function is a compiler barrier, as in the kernel.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t irq_flags_t;

extern _Thread_local volatile bool host_irq_on;      /* true when a thread starts */
extern _Thread_local volatile bool host_irq_pending; /* an interrupt is pending */

/* Take the pending interrupts. */
void host_irq_deliver(void);

static inline void host_irq_barrier(void)
{
    __asm__ volatile("" : : : "memory");
}

static inline irq_flags_t irq_flags(void)
{
    host_irq_barrier();
    return host_irq_on;
}

static inline bool irq_flags_enabled(irq_flags_t flags)
{
    return flags != 0;
}

static inline bool irq_enabled(void)
{
    return irq_flags();
}

static inline void irq_disable(void)
{
    host_irq_barrier();
    host_irq_on = false;
    host_irq_barrier();
}

static inline void irq_enable(void)
{
    host_irq_barrier();
    host_irq_on = true;
    if (host_irq_pending)
        host_irq_deliver();
    host_irq_barrier();
}

static inline irq_flags_t irq_save(void)
{
    irq_flags_t flags = irq_flags();
    irq_disable();
    return flags;
}

static inline void irq_restore(irq_flags_t flags)
{
    if (irq_flags_enabled(flags))
        irq_enable();
    else
        irq_disable();
}
