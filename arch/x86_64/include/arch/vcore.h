/* One core plays several, in turns: the explorer's virtual cores (stress/explore/simulator.h). */
#pragma once

#include <arch/msr.h>
#include <arch/percpu.h>
#include <arch/trap.h>

/* this_core() is `local`'s structure from here on. */
static inline void vcore_enter(struct core_local *local)
{
    local->self = local;
    msr_write(MSR_GS_BASE, (uintptr_t)local);
}

/* What vcore_interrupt() runs, with interrupts off. */
void vcore_set_interrupt(void (*handler)(void));

/* Take an interrupt here, through the IDT. */
static inline void vcore_interrupt(void)
{
    __asm__ volatile("int %0" : : "i"(VECTOR_EXPLORE) : "memory");
}

/* Whatever handler runs is left for good: nothing is to be done for that. */
static inline void vcore_abandon(void)
{
}
