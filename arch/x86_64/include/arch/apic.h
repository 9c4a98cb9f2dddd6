/*
 * The local APIC (Intel SDM volume 3, chapter 11): x2APIC by MSRs if the processor has it,
 * otherwise xAPIC by memory-mapped registers. All functions act on the calling core's own APIC.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Default address of the xAPIC registers: one page, to be mapped uncached before apic_init(). */
#define APIC_DEFAULT_ADDRESS 0xfee00000u

/* Choose x2APIC if the processor has it, else the registers at `address`. Once, on the BSP. Returns
   "x2apic" or "xapic". */
const char *apic_init(uint64_t address);

/* Whether the processor has x2APIC (CPUID). Then the registers need no mapping. */
bool apic_has_x2apic(void);

/* Software-enable this core's APIC, all local interrupts masked. On every core, interrupts off. */
void apic_init_core(void);

/* This core's APIC ID. */
uint32_t apic_id(void);

/*
 * Send interrupts to other cores; `target` is an APIC ID. In xAPIC mode each waits, bounded, until
 * the APIC has sent the interrupt; returns false if it did not. `page` of the start-up IPI is the
 * trampoline's address >> 12 (SDM 3, 9.4).
 */
bool apic_send_init(uint32_t target);
bool apic_send_startup(uint32_t target, uint8_t page);
bool apic_send_interrupt(uint32_t target, uint8_t vector);
bool apic_broadcast_interrupt(uint8_t vector); /* to all but this core */

/* Tell the APIC that the interrupt has been handled. */
void apic_end_of_interrupt(void);

/*
 * Let the timer count down from `count` (0 stops it) at the bus clock / 16. With a vector it is
 * periodic and sends that interrupt. With vector 0 it counts once, without an interrupt.
 * apic_timer_read() is the present count.
 */
void apic_timer_set(uint32_t count, uint8_t vector);
void apic_timer_once(uint32_t count, uint8_t vector); /* count once, then send that interrupt */
uint32_t apic_timer_read(void);
