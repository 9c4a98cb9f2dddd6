/*
 * The plan of a run: which phases there are, which of them run, and so which of the allocator's
 * promises are tried. A function of the options and the allocator alone; any core.
 */
#pragma once

#include <stress/run.h>

/* The phases there are, in their order; the last is NULL. */
extern const struct phase *const all_phases[];

/* Whether `list` ("all", or names with commas) names only phases there are; if not, message says
 * which. */
bool plan_check_phases(const char *list, char *message, size_t size);

/*
 * How many phases will run: those chosen that the allocator's promises allow. Says in the log which
 * are left out, and why.
 */
unsigned plan_count(const struct run *run);

/* Whether this phase is one of those. */
bool plan_includes(const struct run *run, const struct phase *phase);

/* The weights of the phases from `first` on (NULL: all), of which each has its share of the time;
   at least 1. */
unsigned plan_weight(const struct run *run, const struct phase *first);

/* After a failure of phase number `failed`, from 1: those behind it, which will not run any more.
 * `run` is a struct run, as failure_set_rest() hands it on. */
void plan_report_rest(const void *run, unsigned failed);
