/*
 * The serial log (docs/LOG.md): whole lines, counted, with a checksum. The closing line proves that
 * the log is complete.
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

/* Write the first line; and the second, once the options are known. */
void report_start(void);
void report_program(uint64_t nonce, const char *boot);

/* Write the plan, 1..count. report_has_plan() says whether it has been written. */
void report_plan(unsigned count);
bool report_has_plan(void);

/*
 * Write one line; text beyond LINE_LIMIT characters is cut. Any core. Any context but an NMI's,
 * there only after report_seize().
 */
void report_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Write "# log: ...": what log_line() calls (lib/log.h). */
void report_log(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

/*
 * Keep the log for this core for good, so that other cores can be stopped with no line half
 * written. The wait is bounded: if a core does not release the log, this takes it by force.
 */
void report_seize(void);

/*
 * Write the verdict and the closing line. Lines after it are not part of the log's count and
 * checksum.
 */
void report_end(enum verdict verdict);
