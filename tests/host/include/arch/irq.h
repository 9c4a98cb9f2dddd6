/* A thread's interrupt flag: nothing interrupts it, but what saves and restores can be checked. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t irq_flags_t;

extern _Thread_local bool host_irq_on; /* true when a thread starts */

static inline irq_flags_t irq_flags(void)
{
    return host_irq_on;
}

static inline bool irq_flags_enabled(irq_flags_t flags)
{
    return flags != 0;
}

static inline bool irq_enabled(void)
{
    return host_irq_on;
}

static inline void irq_disable(void)
{
    host_irq_on = false;
}

static inline void irq_enable(void)
{
    host_irq_on = true;
}

static inline irq_flags_t irq_save(void)
{
    irq_flags_t flags = irq_flags();
    irq_disable();
    return flags;
}

static inline void irq_restore(irq_flags_t flags)
{
    host_irq_on = irq_flags_enabled(flags);
}
