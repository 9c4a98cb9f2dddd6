/*
 * Reports a trial in the log (docs/EXPLORE.md): its program and schedule as options, its accesses,
 * the blocks it handed out, and both sides of a race. It is the last trial unless a comment says
 * otherwise. On one core, outside of trials.
 */
#pragma once

#include <stress/explore/minimise.h>

/* Write "# WHAT program=...", in the format of the option program=. */
void trial_report_program(const char *what, const struct program *program);

/* The minimised program and its switches, as options. start_pfn: page 0 of programs. */
void trial_report_minimised(const struct failing *failing, pfn_t start_pfn);

/* One line per access. trace: the entries that were given to simulator_trace(). */
void trial_report_trace(const struct trace_entry *trace);

/* One line for each allocation that ended. `program` is the one that ran. */
void trial_report_outcomes(const struct program *program);

/* The place and both sides of the race. The trial failed with RULE_RACE. */
void trial_report_race(void);
