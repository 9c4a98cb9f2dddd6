/*
 * The cores' timers. As a rule a core's handler is called so many times a second. With preemption
 * its calls come at random times instead, from a stream of the seed, one a core, and before each
 * the core gives way by PAUSE as if another had been given the processor: where one host thread
 * runs all virtual CPUs by their instructions (docs/DESIGN.md, "Deterministic machine"), the seed
 * alone then says between which two instructions a core stops and others go on.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* `mean_us` microseconds between two interrupts of a core on average, 0: no preemption. Before the
 * cores start. */
void tick_preempt(uint64_t mean_us, uint64_t seed);

/* A core that waits for others (false) is not preempted, and ticks as if there were no preemption.
 */
void tick_at_work(bool at_work);

/* Call `handler` on this core from now on, `hz` times a second unless there is preemption. */
void tick_start(uint32_t hz, void (*handler)(void));
