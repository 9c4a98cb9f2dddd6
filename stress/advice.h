/* What a broken rule says of the allocator's promises, and where a person looks first. */
#pragma once

#include <lib/fail.h>
#include <stdbool.h>

/*
 * The promise (enum page_promise) that a failure of `rule` breaks, 0 for the rules that every
 * allocator is held to.
 */
unsigned advice_promise(enum rule rule);

/* One sentence: where to look first. */
const char *advice_hint(enum rule rule);

/* The same for a phase of several cores, where one core alone has passed. */
const char *advice_hint_shared(enum rule rule);

/* Whether a core that rests may be the cause, so that each is reported on its own. */
bool advice_is_about_every_core(enum rule rule);
