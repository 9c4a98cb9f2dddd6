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

/* Instead, call it once, this many microseconds (1 .. 10^7) from now. The handler may ask again. */
void timer_once(uint32_t microseconds, void (*handler)(void));
