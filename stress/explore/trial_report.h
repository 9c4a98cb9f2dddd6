/*
 * What a trial is told by in the log (docs/EXPLORE.md): the program and its schedule as they are
 * given again, the accesses made, what was handed out, and of a race the two sides. Of the last
 * trial where nothing else is said; on one core, outside of trials.
 */
#pragma once

#include <stress/explore/minimise.h>

/* "# WHAT program=...", as the option program= takes it. */
void trial_report_program(const char *what, const struct program *program);

/* The program and the switches that are left, as options. start_pfn: page 0 of programs. */
void trial_report_minimised(const struct failing *failing, pfn_t start_pfn);

/* A line an access. trace: what was given to simulator_trace(). */
void trial_report_trace(const struct trace_entry *trace);

/* A line for each allocation of `program`, the one that ran, that came to its end. */
void trial_report_outcomes(const struct program *program);

/* Where, and who on either side. The trial failed by RULE_RACE. */
void trial_report_race(void);
