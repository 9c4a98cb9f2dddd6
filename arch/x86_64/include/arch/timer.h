/*
 * A periodic interrupt on each core, by its local APIC (Intel SDM volume 3, 11.5.4). Ticks are an
 * occasion, not a clock: where virtual CPUs outnumber the host's, most are lost.
 */
#pragma once

#include <stdint.h>

/* Measure the timer's rate, once, on the BSP; clock_init() and apic_init_core() before. */
void timer_init(void);

/* Call `handler` about `hz` times a second (1 .. 1000) on this core, interrupts off. */
void timer_start(uint32_t hz, void (*handler)(void));

/* Likewise, every so many microseconds (1 .. 10^7). A handler that calls it chooses anew when it is next called. */
void timer_start_us(uint32_t microseconds, void (*handler)(void));
