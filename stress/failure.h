/*
 * What happens when a rule is broken: the first core to see it wins, the others are stopped where
 * they stand, one report is written, and the machine ends with the verdict.
 */
#pragma once

#include <lib/fail.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stress/report.h>

/* The phase that runs, which a failure belongs to; index counts from 1, 0: none. */
void failure_set_phase(unsigned index, const char *name);

/* Called after the result of the phase that failed, to tell of those that will not run. */
void failure_set_rest(void (*report_rest)(const void *context, unsigned failed),
                      const void *context);

/*
 * A failure in three steps, for those who have more to say than a title: begin stops the others and
 * writes down the title (later callers never return); any report_line() may follow; end does not
 * return.
 */
void failure_begin(enum rule rule, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void failure_end(void);

/* Begin and end: what fail() does (lib/fail.h). */
_Noreturn void failure_take(enum rule rule, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/*
 * From here on failures, with their rules and titles, go to `catcher`, on the core that failed and
 * with interrupts off, before anything is stopped or written; NULL: no more. For those who make
 * failures happen and go on. If the catcher returns, the failure is told as any other.
 */
typedef void failure_catcher(enum rule rule, const char *title);
void failure_catch(failure_catcher *catcher);

enum { FAILURE_TITLE_SIZE = 200 };

/* The verdict that a failure of this rule means. */
enum verdict failure_verdict(enum rule rule);

/*
 * Who knows better than the rule alone where a person looks first: adviser(rule) is one sentence,
 * or NULL for what stress/advice.c says. NULL: nobody.
 */
void failure_set_adviser(const char *(*adviser)(enum rule rule));

/* End the run by a failure that was caught. All but the report on the cores. */
_Noreturn void failure_report(enum rule rule, const char *title);

/* Whether a failure is being reported: what an NMI means then. */
bool failure_in_progress(void);

/*
 * Stop this core for good because another reports a failure; `frame` is where it stood, or NULL if
 * it came here by itself.
 */
struct trap_frame;
_Noreturn void failure_freeze(const struct trap_frame *frame);
