/*
 * Exceptions and interrupts (Intel SDM volume 3, chapter 6). The program handles exceptions and
 * NMIs (lib/sinks.h).
 */
#pragma once

#include <arch/trap_frame.h>
#include <stdint.h>

enum {
    TRAP_NMI = 2,
    TRAP_BREAKPOINT = 3,
    TRAP_DOUBLE_FAULT = 8,
    TRAP_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
    TRAP_MACHINE_CHECK = 18,
    TRAP_EXCEPTIONS = 32, /* vectors from here on are interrupts */
    VECTOR_TIMER = 0xe0,
    VECTOR_PROVOKE,
    VECTOR_WORK,
    VECTOR_EXPLORE,
    VECTOR_WAKE = 0xf0, /* only wakes the core */
    VECTOR_SPURIOUS = 0xff,
};

/* Exception `vector`'s mnemonic, e.g. "#PF". */
const char *trap_name(uint64_t vector);

/* The address that caused a page fault. Valid in its handler only. */
static inline uint64_t trap_fault_address(void)
{
    uint64_t address;
    __asm__ volatile("movq %%cr2, %0" : "=r"(address));
    return address;
}

/* Run `handler` at interrupt `vector` (TRAP_EXCEPTIONS or above), interrupts off, before the APIC's
   end of interrupt. One handler per vector, the same on all cores. */
void trap_set_interrupt(unsigned vector, void (*handler)(struct trap_frame *frame));

/* Make the IDT, once; load it, on each core. */
void trap_init(void);
void trap_load(void);
