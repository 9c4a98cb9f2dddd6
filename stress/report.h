/*
 * The serial log (docs/LOG.md): whole lines, counted and summed, ended by a line that proves them
 * complete.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* VERDICT_PASS and so on; the values are exit codes. */
enum verdict {
#define VERDICT(name, code, ...) VERDICT_##name = (code),
#include <stress/verdicts.def>
};

const char *verdict_name(enum verdict verdict);

/* The first line, then, once the options are known, the second. */
void report_start(void);
void report_program(uint64_t nonce, const char *boot);

/* The plan, 1..count. report_has_plan() tells whether it has been said. */
void report_plan(unsigned count);
bool report_has_plan(void);

/* One line; what is too long for a line is cut. Any context but NMI; any core. */
void report_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "# log: ...", for those below (lib/log.h). */
void report_log(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

/*
 * Keep the log for this core alone, for good, so that others can be stopped with no line half
 * written. Bounded: takes it by force from a core that does not let go.
 */
void report_seize(void);

/* The verdict and the closing line: nothing may be reported after. */
void report_end(enum verdict verdict);
