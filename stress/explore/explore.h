/*
 * The explorer runs small programs under many schedules until a rule is broken. Two seeds determine
 * each trial. Then it minimises the failure and reports it.
 */
#pragma once

#include <stress/explore/trial.h>
#include <stress/options.h>

/* Explore as the options say, report, and end the machine with the verdict. */
_Noreturn void explore(const struct explore_options *options, const struct trial_setup *setup);

/* Check options that have their own syntax or need each other. Returns false with a message. */
bool explore_check(const struct explore_options *options, char *message, size_t size);
