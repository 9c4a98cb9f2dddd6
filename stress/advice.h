/* For each rule: the promise that its failure breaks, and where to look first. */
#pragma once

#include <lib/fail.h>
#include <stdbool.h>

/*
 * The promise (enum page_promise) that a failure of `rule` breaks; 0 if the rule applies to every
 * allocator.
 */
unsigned advice_promise(enum rule rule);

/* One sentence: where to look first. */
const char *advice_hint(enum rule rule);

/*
 * The same for a phase of several cores. A rule with the trait TORN first points to code that runs
 * without the lock. The text is valid until the next call.
 */
const char *advice_hint_shared(enum rule rule);

/* Whether a resting core may be the cause. Then each core gets its own lines in the report. */
bool advice_is_about_every_core(enum rule rule);
