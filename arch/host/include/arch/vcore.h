/* One thread simulates several cores, for the explorer (stress/explore/simulator.h). */
#pragma once

#include <arch/irq.h>
#include <arch/percpu.h>

static inline void vcore_enter(struct core_local *local)
{
    host_core_local = local;
}

extern void (*host_vcore_handler)(void);

static inline void vcore_set_interrupt(void (*handler)(void))
{
    host_vcore_handler = handler;
}

/* Like the processor: disable interrupts, run the handler, restore the flag. */
static inline void vcore_interrupt(void)
{
    irq_flags_t flags = irq_save();
    host_vcore_handler();
    irq_restore(flags);
}

/* Call this when a running handler will never return. */
void vcore_abandon(void);
