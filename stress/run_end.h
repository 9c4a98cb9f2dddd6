/* How a run ends: the closing lines of the log, then the machine. */
#pragma once

#include <arch/acpi.h>
#include <stress/report.h>

/*
 * Set how the machine ends. `mode` is "auto" (isa-debug-exit, else halt), "halt" or "power-off". If
 * `on_fail` is "hold", the machine stays on after a failure, all cores stopped, whatever the mode.
 * `power` is NULL if ACPI does not say how to power off.
 */
void run_set_exit(const char *mode, const char *on_fail, const struct acpi_power *power);

/* Write the closing lines and end the machine. The other cores sleep or are stopped. */
_Noreturn void run_end(enum verdict verdict);
