/*
 * Intended data races. Each declaration gives a reason, and the explorer's log lists them all.
 *
 *   BENIGN_RACE("buddy_free_page_count", "a hint: it may be old by the time it is returned");
 *
 * Write this at file scope, once for each such function. The explorer then reports no race with an
 * access in that function.
 */
#pragma once

#include <stdbool.h>

struct benign_race {
    const char *function;
    const char *reason;
};

/* The counter gives each declaration in a file its own name. */
#define BENIGN_RACE(function_name, why)               BENIGN_RACE_ENTRY(function_name, why, __COUNTER__)
#define BENIGN_RACE_ENTRY(function_name, why, number) BENIGN_RACE_NAMED(function_name, why, number)
#define BENIGN_RACE_NAMED(function_name, why, number)          \
    static const struct benign_race benign_race_entry_##number \
        __attribute__((section("benign_races"), used)) = {(function_name), (why)}

/* All declarations: [start, stop). */
extern const struct benign_race __start_benign_races[] __attribute__((weak));
extern const struct benign_race __stop_benign_races[] __attribute__((weak));

/* Whether `function` has a declaration. */
bool benign_race(const char *function);
