/* Prepares a core to take traps and to find its own data. */
#pragma once

#include <arch/percpu.h>
#include <arch/segments.h>
#include <stdbool.h>

/*
 * Set this core's GDT, TSS with its stacks, IDT and GS base. From here on traps on this core reach
 * trap_dispatch(). Call it on the core itself, interrupts off, after trap_init().
 */
void cpu_setup(struct core_local *local, struct core_stacks *stacks);

/* Whether the machine is a virtual one (CPUID.1:ECX[31]). */
bool cpu_is_virtual(void);

/* The processor's name, e.g. "QEMU TCG CPU version 2.5+"; `text` must have room for 49 bytes. */
void cpu_brand(char *text);
