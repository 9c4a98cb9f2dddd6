/* Time by the time stamp counter. Its rate is measured with the ACPI PM timer or the PIT. */
#pragma once

#include <stdint.h>

/*
 * Measure the counter's rate. pm_timer_port is the ACPI PM timer's I/O port (ACPI 6.4, 4.8.3.3), or
 * 0 to use the PIT. Bounded: assumes 1 GHz if no timer runs. Call once, on the BSP. Returns the
 * name of the timer that it used: "acpi-pm", "pit" or "none".
 */
const char *clock_init(uint16_t pm_timer_port);

/* Cycles of cpu_cycles() in a second. At least 1. */
uint64_t clock_hz(void);

/* The present time, and a duration in cycles, both in nanoseconds. Any context. */
uint64_t clock_ns(void);
uint64_t clock_cycles_to_ns(uint64_t cycles);

/* Spin for at least this long. */
void clock_delay_us(uint64_t microseconds);
