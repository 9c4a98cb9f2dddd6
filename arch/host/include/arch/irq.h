/*
 * A thread's interrupt flag. What saves and restores it can be checked; and where interrupts are
 * signals (arch/host/signals.c), one that comes while it is off waits until it is on. To the
 * compiler each of these is what it is in the kernel: memory may have changed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t irq_flags_t;

extern _Thread_local volatile bool host_irq_on;      /* true when a thread starts */
extern _Thread_local volatile bool host_irq_pending; /* an interrupt waits */

/* Take the interrupt that waits. */
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
