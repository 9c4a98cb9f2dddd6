/* How a run ends: the closing lines of the log, then the machine. */
#pragma once

#include <arch/acpi.h>
#include <stress/report.h>

/*
 * How the machine ends: mode is "auto" (isa-debug-exit, else halt), "halt" or "power-off"; on_fail
 * "hold" keeps it, all cores stopped, after a failure, whatever the mode.
 */
void run_set_exit(const char *mode, const char *on_fail, const struct acpi_power *power);

/* Write the closing lines and end the machine. Other cores are stopped. */
_Noreturn void run_end(enum verdict verdict);
