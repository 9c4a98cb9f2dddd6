/*
 * A machine of threads that can be interrupted: exceptions, the NMI and the timer's interrupt as
 * signals.
 */
#pragma once

#include <arch/segments.h>
#include <smp/percpu.h>

/*
 * Start a thread as core `number`, on stacks of its own with guard pages; it joins percpu_table and
 * runs entry(number). From one thread, one core after another.
 */
void host_start_core(uint32_t number, void (*entry)(uint32_t number));

/* Make the guard pages of these stacks fault. */
void host_guard_stacks(struct core_stacks *stacks);

/* Take signals as traps. Once, before any core starts. */
void host_signals_init(void);
