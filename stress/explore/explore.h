/*
 * The explorer: small programs under many schedules, each a function of two seeds, until a rule is
 * broken; then the failure is made small, and told.
 */
#pragma once

#include <stress/explore/trial.h>
#include <stress/options.h>

/* What to explore, as the options say, and what became of it: ends the machine with the verdict. */
_Noreturn void explore(const struct explore_options *options, const struct trial_setup *setup);

/* Check those of the options that have a language of their own; false with a message. */
bool explore_check(const struct explore_options *options, char *message, size_t size);
