/* Provoked failures of the machine (stress/provoke.c). */
#pragma once

#include <arch/irq.h>
#include <signal.h>

static inline void arch_provoke_invalid_opcode(void)
{
    __asm__ volatile("ud2");
}

/* The machine ends without any output. */
static inline void arch_provoke_triple_fault(void)
{
    raise(SIGKILL);
}

static inline void arch_provoke_reset(void)
{
    raise(SIGKILL);
}

/* Call the handler even if interrupts are off, as `int n` does in the kernel. */
static inline void arch_provoke_interrupt(void (*handler)(void))
{
    irq_flags_t flags = irq_save();
    handler();
    irq_restore(flags);
}
