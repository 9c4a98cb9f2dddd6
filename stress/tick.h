/*
 * The cores' timers. Normally a core's handler is called so many times a second. With preemption
 * (option preempt=) it is called at random times instead, drawn from the seed by one stream for
 * each core. Before each such call the core executes PAUSE, as if it had been preempted.
 *
 * Where one host thread runs all virtual CPUs by counted instructions (docs/DESIGN.md,
 * "Deterministic machine"), PAUSE lets another virtual CPU run. So the seed alone decides between
 * which two instructions a core stops and others go on.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Set the average time between two interrupts of a core, in microseconds; 0: no preemption. Call it
 * before the cores start.
 */
void tick_preempt(uint64_t mean_us, uint64_t seed);

/*
 * Set whether this core is at work. A core that waits for others (false) is not preempted; it ticks
 * as without preemption.
 */
void tick_at_work(bool at_work);

/*
 * From now on call `handler` on this core, interrupts off: `hz` times a second, or at random times
 * with preemption.
 */
void tick_start(uint32_t hz, void (*handler)(void));
