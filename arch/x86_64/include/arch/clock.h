/* Time, by the time stamp counter measured against the ACPI PM timer or the PIT. */
#pragma once

#include <stdint.h>

/*
 * Find the counter's rate. pm_timer_port is the ACPI PM timer's I/O port (ACPI 6.4, 4.8.3.3), or 0
 * to use the PIT. Bounded: falls back to a rate of 1 GHz if no timer moves. Call once, on the
 * BSP. Returns the name of what it measured against.
 */
const char *clock_init(uint16_t pm_timer_port);

/* Cycles of cpu_cycles() in a second. At least 1. */
uint64_t clock_hz(void);

/* Now, and a duration in cycles, in nanoseconds. Any context. */
uint64_t clock_ns(void);
uint64_t clock_cycles_to_ns(uint64_t cycles);

/* Spin for at least this long. */
void clock_delay_us(uint64_t microseconds);
