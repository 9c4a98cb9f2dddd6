/*
 * The functions of the program that lower layers call, in one table. The program registers it
 * before it does anything else (stress/sinks.h). So lib, arch, mm and smp need no symbol of a
 * higher folder (ci/check-arrows).
 *
 * Before that, and after sinks_set(NULL):
 *  - fail() stores its text in sinks_last_words and executes an illegal instruction;
 *  - log_line() does nothing;
 *  - at an exception or NMI the machine (arch) prints sinks_last_words and stops.
 */
#pragma once

#include <lib/fail.h>
#include <stdarg.h>

struct trap_frame;

struct sinks {
    /* fail() (lib/fail.h): any context, also an NMI handler. Must not return. */
    void (*fail)(enum rule rule, const char *format, va_list arguments);
    /* log_line() (lib/log.h). */
    void (*log)(const char *format, va_list arguments);
    /* Handle an exception, on the core that took it, interrupts off. If this returns, the core
     * continues. */
    void (*exception)(struct trap_frame *frame);
    /* Handle an NMI, likewise. It may interrupt any code, also fail(). */
    void (*nmi)(struct trap_frame *frame);
};

/* Register a table for all cores, or none (NULL). It must stay unchanged. A member that can be
 * called must not be NULL. */
void sinks_set(const struct sinks *sinks);

/* The registered table, never NULL. Any context. */
const struct sinks *sinks_get(void);

/* The title of a failure that came while no table was registered; otherwise "". */
enum { SINKS_LAST_WORDS_SIZE = 200 };
extern char sinks_last_words[SINKS_LAST_WORDS_SIZE];
