/* How a run ends. */
#pragma once

#include <arch/acpi.h>

/*
 * Leave QEMU by isa-debug-exit (port 0xf4) with value 0x20 + code: QEMU exits with 0x41 + 2 * code.
 * Writes the port only under a hypervisor (CPUID.1:ECX[31]). Returns if the machine does not exit.
 */
void exit_debug(unsigned code);

/* Switch the machine off by ACPI state S5, if `power` says how. Returns if it stays on for 3 s. */
void exit_power_off(const struct acpi_power *power);
