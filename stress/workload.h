/*
 * The mixed workload, which several phases use. Each core has a few slots. A turn picks one and
 * allocates into it, or frees what it holds.
 *
 * What a core chooses depends on its own random stream alone: a slot whose allocation failed counts
 * as taken until its turn to be freed. So a seed repeats each core's sequence, whatever the other
 * cores did.
 */
#pragma once

#include <stress/run.h>

/* Empty all slots. Each core may plan to hold `quota` pages. Core 0 calls it before the rounds. */
void workload_prepare(const struct run *run, uint64_t quota);

/* One turn, counted by core_step(). */
void workload_turn(struct run *run, struct core *core);

/* Free all that this core holds. */
void workload_release(struct run *run, struct core *core);
