/*
 * What the layers below the program call above themselves: one table of functions, which the
 * program registers before it does anything else (stress/sinks.h). So lib, arch, mm and smp need no
 * symbol of a higher folder (ci/check-arrows).
 *
 * Before that, or after sinks_set(NULL): fail() keeps its text in sinks_last_words and executes an
 * illegal instruction; log_line() does nothing; the machine writes what exception or NMI came, with
 * the last words, and stops (arch).
 */
#pragma once

#include <lib/fail.h>
#include <stdarg.h>

struct trap_frame;

struct sinks {
    /* fail() (lib/fail.h): any context, an NMI's too. Must not return. */
    void (*fail)(enum rule rule, const char *format, va_list arguments);
    /* log_line() (lib/log.h). */
    void (*log)(const char *format, va_list arguments);
    /* An exception, on the core that it came to, interrupts off. If it returns the core goes on. */
    void (*exception)(struct trap_frame *frame);
    /* An NMI likewise. It may have come anywhere, also into fail(). */
    void (*nmi)(struct trap_frame *frame);
};

/* From here on on all cores. The table must stay as it is; all of its members are there. */
void sinks_set(const struct sinks *sinks);

/* The table that is registered. Any context. */
const struct sinks *sinks_get(void);

/* The title of a failure that nobody was there to take; else "". */
enum { SINKS_LAST_WORDS_SIZE = 200 };
extern char sinks_last_words[SINKS_LAST_WORDS_SIZE];
