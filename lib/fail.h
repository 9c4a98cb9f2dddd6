/*
 * The one way out when a rule is broken.
 *
 * A rule has a short stable name ("overlap", "lock-owner"): it titles the failure and
 * tests look for it. The program says what comes of it (lib/sinks.h): the stress stops the other
 * cores and reports (stress/failure.c), a unit test prints and jumps or aborts.
 */
#pragma once

/*
 * Report that `rule` is broken, with the values that show it, and do not return.
 * Any context: interrupts on or off, any lock held, any core.
 */
_Noreturn void fail(const char *rule, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Check an invariant of our own code: rule "assert", the expression and its place as values. */
#define ASSERT(condition) \
    ((condition) ? (void)0 : fail("assert", "%s at %s:%d", #condition, __FILE__, __LINE__))
