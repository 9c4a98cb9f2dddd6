/* One core simulates several, for the explorer (stress/explore/simulator.h). */
#pragma once

#include <arch/msr.h>
#include <arch/percpu.h>
#include <arch/trap.h>

/* From here on this_core() is the structure that `local` begins. */
static inline void vcore_enter(struct core_local *local)
{
    local->self = local;
    msr_write(MSR_GS_BASE, (uintptr_t)local);
}

/* Set the function that vcore_interrupt() runs, with interrupts off. */
void vcore_set_interrupt(void (*handler)(void));

/* Take an interrupt here, through the IDT. */
static inline void vcore_interrupt(void)
{
    __asm__ volatile("int %0" : : "i"(VECTOR_EXPLORE) : "memory");
}

/* Call this when a running handler will never return. This machine has nothing to do then. */
static inline void vcore_abandon(void)
{
}
