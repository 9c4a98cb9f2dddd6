/* A core is a thread: what waits must let the others have the processor. */
#pragma once

#include <stdint.h>

/* PAUSE, and now and then sched_yield(), as there may be more threads than processors. */
void cpu_relax(void);

/* Nanoseconds stand for cycles: clock_hz() is 10^9. */
uint64_t cpu_cycles(void);

/* Takes an interrupt if there is one, gives the processor away and returns. */
void cpu_sleep(void);

void cpu_wake_others(void);

/* A signal to that thread (arch/host/signals.c); nothing in unit tests. */
void cpu_send_nmi(uint32_t apic_id);

/* Gives the processor away for good. */
_Noreturn void cpu_idle(void);

/* The thread sleeps for good (arch/host/signals.c); unit tests end here, by abort(). */
_Noreturn void cpu_halt(void);
