/* One thread plays several cores: the explorer's (stress/explore/machine.h). */
#pragma once

#include <arch/irq.h>
#include <arch/percpu.h>

static inline void vcpu_enter(struct cpu_local *local)
{
    host_cpu_local = local;
}

extern void (*host_vcpu_handler)(void);

static inline void vcpu_set_interrupt(void (*handler)(void))
{
    host_vcpu_handler = handler;
}

/* As the processor does it: off, the handler, on. */
static inline void vcpu_interrupt(void)
{
    irq_flags_t flags = irq_save();
    host_vcpu_handler();
    irq_restore(flags);
}

/* Whatever handler runs is left for good. */
void vcpu_abandon(void);
