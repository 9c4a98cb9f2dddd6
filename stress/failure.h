/*
 * What happens when a rule is broken. The first core to report it wins: it stops the other cores,
 * writes one report, and ends the machine with the verdict.
 */
#pragma once

#include <lib/fail.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stress/report.h>

/* Set the phase that runs, to which a failure belongs. `index` counts from 1; 0: none. */
void failure_set_phase(unsigned index, const char *name);

/*
 * Set a function that is called after the result line of the phase that failed, to report the
 * phases that will not run. `failed` is that phase's index.
 */
void failure_set_rest(void (*report_rest)(const void *context, unsigned failed),
                      const void *context);

/*
 * A failure in three steps, for callers that report more than a title. failure_begin() stops the
 * other cores and writes the title; on a core that comes later it does not return. Any
 * report_line() may follow. failure_end() does not return. Any context, an NMI's too.
 */
void failure_begin(enum rule rule, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void failure_end(void);

/* failure_begin() and failure_end() in one: what fail() calls (lib/sinks.h). */
_Noreturn void failure_take(enum rule rule, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/*
 * From now on, pass each failure to `catcher` first, before anything is stopped or written. It runs
 * on the core that failed, interrupts off. NULL: no longer. For callers that expect failures and go
 * on after them. If the catcher returns, the failure is reported as usual.
 */
typedef void failure_catcher(enum rule rule, const char *title);
void failure_catch(failure_catcher *catcher);

enum { FAILURE_TITLE_SIZE = 200 };

/* The run's verdict after a failure of this rule. */
enum verdict failure_verdict(enum rule rule);

/*
 * Set a function that can say better than the rule's own hint where to look first. adviser(rule)
 * returns one sentence, or NULL to use the hint (stress/advice.h). NULL: no such function.
 */
void failure_set_adviser(const char *(*adviser)(enum rule rule));

/* End the run by a failure that was caught before. Reports all but the state of the cores. */
_Noreturn void failure_report(enum rule rule, const char *title);

/* Whether a failure is being reported. Then an NMI means: stop. */
bool failure_in_progress(void);

/*
 * Stop this core for good because another core reports a failure. `frame` is where it was
 * interrupted, or NULL if it came here by itself.
 */
struct trap_frame;
_Noreturn void failure_freeze(const struct trap_frame *frame);
