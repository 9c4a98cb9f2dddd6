/* A core is a thread, so a waiting core must yield the processor to the others. */
#pragma once

#include <stdint.h>

/* PAUSE; every 32nd call also sched_yield(), as there may be more threads than host cores. */
void cpu_relax(void);

/* A cycle is a nanosecond: clock_hz() is 10^9. */
uint64_t cpu_cycles(void);

/* Takes a pending interrupt, yields the processor and returns. Interrupts off. */
void cpu_sleep(void);

void cpu_wake_others(void);

/* Sends a signal to that core's thread (arch/host/signals.c); does nothing in unit tests. */
void cpu_send_nmi(uint32_t apic_id);

/* Sleep for good, but take interrupts. */
_Noreturn void cpu_idle(void);

/* The thread sleeps for good, signals blocked (arch/host/signals.c). Unit tests abort() here. */
_Noreturn void cpu_halt(void);
