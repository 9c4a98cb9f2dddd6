/*
 * The mixed workload, of which several phases are made: each core has a few slots; a turn picks one
 * and allocates into it or frees what it holds.
 *
 * What a core chooses depends on its own random stream alone: a slot whose allocation failed counts
 * as taken until its turn to be freed. So a seed repeats each core's sequence, whatever the others
 * did.
 */
#pragma once

#include <stress/run.h>

/* Empty slots, and `quota` pages that each core may plan to hold. By core 0, before the rounds. */
void workload_prepare(const struct run *run, uint64_t quota);

/* One turn, counted by core_step(). */
void workload_turn(struct run *run, struct core *core);

/* Free all that this core holds. */
void workload_release(struct run *run, struct core *core);
