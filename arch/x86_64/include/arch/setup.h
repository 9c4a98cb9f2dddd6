/* Making a core ready to take traps, and to find its own data. */
#pragma once

#include <arch/percpu.h>
#include <arch/segments.h>
#include <stdbool.h>

/*
 * Give this core its GDT, TSS with its stacks, IDT and GS base. The first call also makes the IDT.
 * From here on any trap on this core is explained. Call on the core itself, interrupts off.
 */
void cpu_setup(struct core_local *local, struct core_stacks *stacks);

/* Whether the machine is a virtual one (CPUID.1:ECX[31]). */
bool cpu_is_virtual(void);

/* The processor's name, e.g. "QEMU TCG CPU version 2.5+"; text has room for 49 bytes. */
void cpu_brand(char *text);
