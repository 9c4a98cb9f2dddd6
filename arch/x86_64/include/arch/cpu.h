/* One core: waiting, sleeping, the cycle counter. Any context unless a function says otherwise. */
#pragma once

#include <stdint.h>

/* In a spin loop: tell the core (and a hypervisor) that this code only waits. (SDM 2, PAUSE) */
static inline void cpu_relax(void)
{
    __asm__ volatile("pause" : : : "memory");
}

/* The time stamp counter, in cycles. It is the same on every core. (SDM 3, 18.17) */
static inline uint64_t cpu_cycles(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/*
 * Sleep until the next interrupt. Disable interrupts, test that there is nothing to do, then call
 * this. "sti; hlt" takes no interrupt in between, so a wake-up cannot be lost (SDM 2, STI). Returns
 * with interrupts disabled.
 */
static inline void cpu_sleep(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* Wake every other core that is in cpu_sleep(). Needs the local APIC (apic_init_core). */
void cpu_wake_others(void);

/* Send core `apic_id` an NMI, which it takes even with interrupts off. Needs the local APIC. Never
   send one to a core that was not started: some machines wake it, in real mode. */
void cpu_send_nmi(uint32_t apic_id);

/* Sleep for good, but take interrupts. */
_Noreturn static inline void cpu_idle(void)
{
    for (;;)
        cpu_sleep();
}

/* Stop this core for good, interrupts off. */
_Noreturn static inline void cpu_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}
