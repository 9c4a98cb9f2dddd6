/* What a broken rule says of the allocator's promises, and where a person looks first. */
#pragma once

/*
 * The promise (enum page_promise) that a failure of `rule` breaks, 0 for the rules that every
 * allocator is held to.
 */
unsigned advice_promise(const char *rule);

/* One sentence: where to look first. Never NULL. */
const char *advice_hint(const char *rule);

/* The same for a phase of several cores, where one core alone has passed. */
const char *advice_hint_shared(const char *rule);
