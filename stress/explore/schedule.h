/*
 * Who goes on at each scheduling point. Four ways to decide:
 *
 *  - walk: at each point one of those who can, at random; sparse: only at one point in 16;
 *  - pct2, pct3, pct4: priorities drawn for the threads, and d - 1 points at which the one that
 *    runs falls behind all others. A bug that takes d events in one order is met with a
 *    probability of at least 1 / (n k^(d-1)) by n threads in k points. Burckhardt et al., "A
 *    randomized scheduler with probabilistic guarantees of finding bugs", 2010;
 *  - sweep: each schedule with at most so many preemptions once. Musuvathi and Qadeer, "Iterative
 *    context bounding for systematic testing of multithreaded programs", 2007;
 *  - given: the switches of a list, and else whoever runs goes on.
 *
 * Whatever decides, the schedule that came of it is kept as such a list.
 */
#pragma once

#include <lib/prng.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stress/explore/program.h>

enum strategy {
    STRATEGY_GIVEN,
    STRATEGY_WALK,
    STRATEGY_SPARSE,
    STRATEGY_PCT2,
    STRATEGY_PCT3,
    STRATEGY_PCT4,
    STRATEGY_SWEEP,
    STRATEGIES,
    STRATEGY_PORTFOLIO = STRATEGIES, /* walk to pct4, by the seed */
};

enum {
    SCHEDULE_SWITCHES = 4096,
    SCHEDULE_DEPTH = 8192, /* points of a trial that a sweep branches at */
    SCHEDULE_TEXT_SIZE = 1024,
};

/*
 * At point number `at` of its operation, thread `from` does not go on: `to` does. Counted by
 * operation, so that it stays where it is when another operation goes. The first access is point 1;
 * at 0 the operation, which is not the thread's first, has not begun. There is such a point only
 * where the list has a switch at it.
 */
struct schedule_switch {
    uint16_t at;
    uint8_t from, to, operation;
};

struct sweep_level {
    uint8_t chosen, untried; /* a thread; a set of threads */
    uint8_t preemptions;     /* before this level */
};

struct schedule {
    enum strategy strategy;
    struct prng random;
    unsigned points;              /* decided so far */
    uint16_t at[EXPLORE_THREADS]; /* of these each thread's, since its operation began */
    uint8_t operation[EXPLORE_THREADS];

    int priority[EXPLORE_THREADS]; /* pct */
    unsigned change_points[3], changes;

    const struct schedule_switch *given; /* given: by rising `at` of each thread */
    unsigned given_count;

    struct sweep_level *levels; /* sweep: SCHEDULE_DEPTH of them, kept from trial to trial */
    unsigned prefix, depth, preemptions, most_preemptions;
    bool truncated; /* a trial had more points than there are levels */

    struct schedule_switch taken[SCHEDULE_SWITCHES]; /* what was decided */
    unsigned taken_count;
};

const char *strategy_name(enum strategy strategy);

/* The strategy of that name, or -1. */
int strategy_find(const char *name);

/* d of pct, else 0. */
unsigned strategy_depth(enum strategy strategy);

/*
 * Make ready for a trial. `length` is about how many points it will have (pct); a portfolio is
 * resolved by the seed. For STRATEGY_SWEEP schedule_sweep_begin() comes before the first.
 */
void schedule_begin(struct schedule *schedule, enum strategy strategy, uint64_t seed,
                    unsigned length);
void schedule_begin_given(struct schedule *schedule, const struct schedule_switch *given,
                          unsigned count);

/* Start a sweep with at most so many preemptions; `levels` has room for SCHEDULE_DEPTH. */
void schedule_sweep_begin(struct schedule *schedule, struct sweep_level *levels,
                          unsigned preemptions);

/* After a trial: go to the next schedule; false if there is none. */
bool schedule_sweep_next(struct schedule *schedule);

/* Decide, at thread `current`'s point: one of `enabled`, which is not empty. */
unsigned schedule_choose(struct schedule *schedule, uint32_t enabled, unsigned current);

/* From here on a thread is in this operation. */
void schedule_note_operation(struct schedule *schedule, unsigned thread, unsigned operation);

/*
 * Whether the thread is to give way before the operation just noted begins: the next decision is
 * then its point 0.
 */
bool schedule_waits_to_begin(struct schedule *schedule, unsigned thread);

/* "0.2@12:1,1.0@3:i0" - in its operation 2, at point 12, thread 0 gives way to 1 - and back; false
 * with a message that says what is wrong. */
char *schedule_print(const struct schedule_switch *list, unsigned count, char *text, size_t size);
bool schedule_parse(struct schedule_switch *list, unsigned *count, const char *text, char *message,
                    size_t size);
