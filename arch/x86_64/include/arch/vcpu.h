/* One core plays several, in turns: the explorer's virtual cores (stress/explore/machine.h). */
#pragma once

#include <arch/msr.h>
#include <arch/percpu.h>
#include <arch/trap.h>

/* this_cpu() is `local`'s structure from here on. */
static inline void vcpu_enter(struct cpu_local *local)
{
    local->self = local;
    msr_write(MSR_GS_BASE, (uintptr_t)local);
}

/* What vcpu_interrupt() runs, with interrupts off. */
void vcpu_set_interrupt(void (*handler)(void));

/* Take an interrupt here, through the IDT. */
static inline void vcpu_interrupt(void)
{
    __asm__ volatile("int %0" : : "i"(VECTOR_EXPLORE) : "memory");
}

/* Whatever handler runs is left for good: nothing is to be done for that. */
static inline void vcpu_abandon(void)
{
}
