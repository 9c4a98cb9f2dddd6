/*
 * The plan of a run: which phases there are, which of them run, and thus which promises are tested.
 * It depends only on the options, the allocator and the machine. Any core.
 */
#pragma once

#include <stress/run.h>

/* All phases, in their order; the last entry is NULL. */
extern const struct phase *const all_phases[];

/*
 * Whether `list` ("all", or names separated by commas) names only phases that exist. If not,
 * `message` names the unknown one.
 */
bool plan_check_phases(const char *list, char *message, size_t size);

/*
 * How many phases will run: those that are chosen and lack nothing. Logs which of the chosen ones
 * are left out, and why.
 */
unsigned plan_count(const struct run *run);

/* Whether this phase will run. */
bool plan_includes(const struct run *run, const struct phase *phase);

/*
 * The sum of the weights of the planned phases from `first` on (NULL: of all); at least 1. Each
 * phase gets its weight's share of the time.
 */
unsigned plan_weight(const struct run *run, const struct phase *first);

/*
 * After a failure of phase number `failed` (from 1), report the planned phases after it as skipped.
 * `run` is a struct run, as failure_set_rest() passes it on.
 */
void plan_report_rest(const void *run, unsigned failed);
