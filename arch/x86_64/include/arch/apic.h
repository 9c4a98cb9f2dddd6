/*
 * The local APIC (Intel SDM volume 3, chapter 11): xAPIC by memory-mapped registers, x2APIC by MSRs
 * where the CPU has it. All functions act on the calling core's own APIC.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Where the xAPIC registers are (apic_init() wants them mapped, uncached, one page). */
#define APIC_DEFAULT_ADDRESS 0xfee00000u

/* Choose x2APIC if the CPU has it, else the registers at `address`. Once, on the BSP. Returns
   "x2apic" or "xapic". */
const char *apic_init(uint64_t address);

/* Whether CPUID offers x2APIC, so that nothing need be mapped. */
bool apic_has_x2apic(void);

/* Software-enable this core's APIC, all local interrupts masked. On every core, interrupts off. */
void apic_init_core(void);

/* This core's APIC ID. */
uint32_t apic_id(void);

/*
 * Interrupts to other cores. Each waits, bounded, until the APIC has taken the last one; returns
 * false if it did not. `page` of the start-up IPI is the trampoline's address >> 12 (SDM 3, 9.4).
 */
bool apic_send_init(uint32_t target);
bool apic_send_startup(uint32_t target, uint8_t page);
bool apic_send_interrupt(uint32_t target, uint8_t vector);
bool apic_broadcast_interrupt(uint8_t vector); /* to all but this core */

/* Tell the APIC that the interrupt has been handled. */
void apic_end_of_interrupt(void);

/*
 * Let the timer count down from `count` (0 stops it) at the bus clock / 16: with a vector, again
 * and again with that interrupt; with vector 0, once, in silence. apic_timer_read() is the count
 * now.
 */
void apic_timer_set(uint32_t count, uint8_t vector);
void apic_timer_once(uint32_t count, uint8_t vector); /* ... with that interrupt, and no more */
uint32_t apic_timer_read(void);
