/* One thread plays several cores: the explorer's (stress/explore/simulator.h). */
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

/* As the processor does it: off, the handler, on. */
static inline void vcore_interrupt(void)
{
    irq_flags_t flags = irq_save();
    host_vcore_handler();
    irq_restore(flags);
}

/* Whatever handler runs is left for good. */
void vcore_abandon(void);
