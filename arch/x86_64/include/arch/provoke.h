/* Provoked failures of the machine (stress/provoke.c). */
#pragma once

#include <stdint.h>

/* #UD */
static inline void arch_provoke_invalid_opcode(void)
{
    __asm__ volatile("ud2");
}

/* An exception without an IDT: the processor cannot report it and shuts down (Intel SDM 3, 6.15,
 * #DF). */
static inline void arch_provoke_triple_fault(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};
    __asm__ volatile("lidt %0; ud2" : : "m"(none));
}

/* A reset by the chipset's reset control register (Intel ICH9 data sheet, 13.7.5). */
static inline void arch_provoke_reset(void)
{
    __asm__ volatile("outb %0, %1" : : "a"((uint8_t)0x06), "Nd"((uint16_t)0xcf9));
}

/* Take an interrupt here. Its handler calls `handler`. */
void arch_provoke_interrupt(void (*handler)(void));
