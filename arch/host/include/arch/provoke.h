/* Failures of the machine, made on purpose (stress/provoke.c). */
#pragma once

#include <arch/irq.h>
#include <signal.h>

static inline void arch_provoke_invalid_opcode(void)
{
    __asm__ volatile("ud2");
}

/* The machine goes away and says nothing. */
static inline void arch_provoke_triple_fault(void)
{
    raise(SIGKILL);
}

static inline void arch_provoke_reset(void)
{
    raise(SIGKILL);
}

/* Whoever provokes has no interrupts off to be respected: `int n` does not ask either. */
static inline void arch_provoke_interrupt(void (*handler)(void))
{
    irq_flags_t flags = irq_save();
    handler();
    irq_restore(flags);
}
