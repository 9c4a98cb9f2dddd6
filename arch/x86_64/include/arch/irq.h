/* The interrupt flag of this core. Any context. (Intel SDM volume 3, 6.8.1) */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RFLAGS_IF ((uint64_t)1 << 9)

/* Interrupt state as irq_save() returns it, for irq_restore() and irq_flags_enabled(). */
typedef uint64_t irq_flags_t;

static inline irq_flags_t irq_flags(void)
{
    irq_flags_t flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags) : : "memory");
    return flags;
}

static inline bool irq_flags_enabled(irq_flags_t flags)
{
    return flags & RFLAGS_IF;
}

static inline bool irq_enabled(void)
{
    return irq_flags_enabled(irq_flags());
}

static inline void irq_disable(void)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline void irq_enable(void)
{
    __asm__ volatile("sti" : : : "memory");
}

/* Disable interrupts on this core; returns the previous state. */
static inline irq_flags_t irq_save(void)
{
    irq_flags_t flags = irq_flags();
    irq_disable();
    return flags;
}

/* Restore the state that irq_save() returned: interrupts are on only if they were on then. */
static inline void irq_restore(irq_flags_t flags)
{
    if (irq_flags_enabled(flags))
        irq_enable();
    else
        irq_disable();
}
