/*
 * The timer interrupt of each core's local APIC (Intel SDM volume 3, 11.5.4). Do not measure time
 * by ticks: most are lost if there are more virtual CPUs than host cores.
 */
#pragma once

#include <stdint.h>

/* Measure the timer's rate. Once, on the BSP, after clock_init() and apic_init_core(). */
void timer_init(void);

/* Call `handler` about `hz` times a second (1 .. 1000) on this core, interrupts off. */
void timer_start(uint32_t hz, void (*handler)(void));

/* Call `handler` once, after so many microseconds (1 .. 10^7), interrupts off; replaces
 * timer_start(). The handler may call timer_once() again. */
void timer_once(uint32_t microseconds, void (*handler)(void));
