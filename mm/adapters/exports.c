/* For allocators in other languages: exported versions of functions that are inline in C. */
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/percpu.h>

uint32_t stampede_cpu_number(void);
void stampede_cpu_relax(void);
irq_flags_t stampede_irq_save(void);
void stampede_irq_restore(irq_flags_t flags);

uint32_t stampede_cpu_number(void)
{
    return cpu_number();
}

void stampede_cpu_relax(void)
{
    cpu_relax();
}

irq_flags_t stampede_irq_save(void)
{
    return irq_save();
}

void stampede_irq_restore(irq_flags_t flags)
{
    irq_restore(flags);
}
