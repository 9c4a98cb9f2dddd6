/*
 * The only exit when a rule is broken.
 *
 * The rules are in lib/rules.def. The program decides what a failure does (lib/sinks.h): the stress
 * test stops the other cores and reports (stress/failure.c), a unit test prints and jumps or
 * aborts.
 */
#pragma once

/* RULE_OVERLAP and so on. A misspelt rule does not compile. */
enum rule {
    RULE_NONE, /* no rule is broken */
#define RULE(name, ...) RULE_##name,
#include <lib/rules.def>
    RULE_COUNT,
};

/* "overlap" for RULE_OVERLAP, and so on: the first word of a failure's title. */
const char *rule_name(enum rule rule);

/*
 * Report that `rule` is broken, with the values that show it, and do not return.
 * Any context: interrupts on or off, any lock held, any core.
 */
_Noreturn void fail(enum rule rule, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Check an invariant of our own code: the expression and its place as values. */
#define ASSERT(condition) \
    ((condition) ? (void)0 : fail(RULE_ASSERT, "%s at %s:%d", #condition, __FILE__, __LINE__))
