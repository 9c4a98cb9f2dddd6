/*
 * A machine of threads that can be interrupted: exceptions, NMIs, timer and work interrupts are
 * signals.
 */
#pragma once

#include <arch/segments.h>
#include <smp/percpu.h>

/*
 * Start a thread as core `number`: on its own stacks with guard pages, added to percpu_table. It
 * runs entry(number). Call it from one thread only, with rising numbers.
 */
void host_start_core(uint32_t number, void (*entry)(uint32_t number));

/* Unmap the guard pages of these stacks. */
void host_guard_stacks(struct core_stacks *stacks);

/* Take signals as traps. Once, before any core starts. */
void host_signals_init(void);
