/*
 * What a trial is told by in the log (docs/EXPLORE.md): the program and its schedule as they are
 * given again, the accesses made, what was handed out, and of a race the two sides. Of the last
 * trial where nothing else is said; on one core, outside of trials.
 */
#pragma once

#include <stress/explore/minimise.h>

/* "# WHAT program=...", as the option program= takes it. */
void tale_program(const char *what, const struct program *program);

/* The program and the switches that are left, as options. start_pfn: page 0 of programs. */
void tale_minimised(const struct failing *failing, pfn_t start_pfn);

/* A line an access. trace: what was given to machine_trace(). */
void tale_trace(const struct trace_entry *trace);

/* A line for each allocation of `program`, the one that ran, that came to its end. */
void tale_outcomes(const struct program *program);

/* Where, and who on either side. The trial failed by RULE_RACE. */
void tale_race(void);
