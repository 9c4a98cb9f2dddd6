/* From a failure to the smallest program and schedule that still fail in the same way. */
#pragma once

#include <stress/explore/trial.h>

struct failing {
    struct program program;
    struct schedule_switch switches[SCHEDULE_SWITCHES];
    unsigned switch_count;
    struct trial_failure failure;
};

/*
 * Remove cores, operations, interrupts, pages, orders and switches as long as the failure stays the
 * same (trial_same_failure()). `schedule` is scratch; `deadline` is a time of clock_ns(). Returns
 * how many trials it took.
 */
uint64_t minimise(struct failing *failing, struct schedule *schedule, uint64_t deadline);

/* Run a failing program and schedule as they are; false if the failure is not the same. */
bool minimise_confirm(struct failing *failing, struct schedule *schedule);
