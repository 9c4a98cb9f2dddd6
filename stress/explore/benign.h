/*
 * Races that are meant to be. Whoever declares one says why; the explorer's log lists them all.
 *
 *   BENIGN_RACE("buddy_free_page_count", "a hint: it may be old by the time it is returned");
 *
 * at file scope: no race is reported of which one side is in that function.
 */
#pragma once

#include <stdbool.h>

struct benign_race {
    const char *function;
    const char *reason;
};

#define BENIGN_RACE(function_name, why)               \
    static const struct benign_race benign_race_entry \
        __attribute__((section("benign_races"), used)) = {(function_name), (why)}

/* Those that are declared: [first, last). */
extern const struct benign_race __start_benign_races[] __attribute__((weak));
extern const struct benign_race __stop_benign_races[] __attribute__((weak));

/* Whether races of this function are declared benign. */
bool benign_race(const char *function);
