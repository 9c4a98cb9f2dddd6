/* From a failure to the smallest program and schedule that still fail under the same title. */
#pragma once

#include <stress/explore/trial.h>

struct failing {
    struct program program;
    struct schedule_switch switches[SCHEDULE_SWITCHES];
    unsigned switch_count;
    struct trial_failure failure;
};

/*
 * Take away cores, operations, interrupts, pages, orders and switches as long as the same title
 * remains. `schedule` is scratch; `deadline` in clock_ns(). Returns how many trials it took.
 */
uint64_t minimise(struct failing *failing, struct schedule *schedule, uint64_t deadline);

/* Try a failing program and schedule as they are; false if that title does not come. */
bool minimise_confirm(struct failing *failing, struct schedule *schedule);
