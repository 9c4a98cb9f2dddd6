/*
 * Decides which thread runs next at each scheduling point. Four strategies:
 *
 *  - walk: at each point one of the enabled threads, at random; sparse: only at one point in 16;
 *  - pct2, pct3, pct4: random priorities for the threads, and d - 1 points at which the running
 *    thread falls behind all others. A bug that needs d events in one order is found with a
 *    probability of at least 1 / (n k^(d-1)) for n threads and k points. Burckhardt et al., "A
 *    randomized scheduler with probabilistic guarantees of finding bugs", 2010;
 *  - sweep: each schedule with at most so many preemptions once. Musuvathi and Qadeer, "Iterative
 *    context bounding for systematic testing of multithreaded programs", 2007;
 *  - given: switch as a list says; otherwise the running thread continues.
 *
 * With each strategy, the resulting schedule is recorded as such a list.
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
    STRATEGY_PORTFOLIO = STRATEGIES, /* one of walk to pct4, chosen by the seed */
};

enum {
    SCHEDULE_SWITCHES = 4096,
    SCHEDULE_DEPTH = 8192, /* points of a trial at which a sweep can branch */
    SCHEDULE_TEXT_SIZE = 1024,
};

/*
 * At point `at` of its operation `operation`, thread `from` is preempted, and `to` runs. Points are
 * counted per operation, so that a switch keeps its place when another operation is removed. The
 * first access is point 1. Point 0 is before the operation begins; it exists only if the list has a
 * switch there, and not for a thread's first operation.
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
    unsigned points;              /* decisions so far */
    uint16_t at[EXPLORE_THREADS]; /* points of each thread since its operation began */
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

/* The depth d of a pct strategy; 0 for others. */
unsigned strategy_depth(enum strategy strategy);

/*
 * Prepare a trial. `length` is about how many points it will have (for pct). With
 * STRATEGY_PORTFOLIO the seed chooses the strategy. With STRATEGY_SWEEP, call
 * schedule_sweep_begin() before the first trial.
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

/* Choose the thread that runs next, at a point of thread `current`: one of the set `enabled`, which
 * is not empty. */
unsigned schedule_choose(struct schedule *schedule, uint32_t enabled, unsigned current);

/* The thread is in this operation from here on. */
void schedule_note_operation(struct schedule *schedule, unsigned thread, unsigned operation);

/*
 * Whether the list preempts the thread before the operation just noted begins. If so, the next
 * decision is its point 0.
 */
bool schedule_waits_to_begin(struct schedule *schedule, unsigned thread);

/* A list as text, and back. "0.2@12:1,1.0@3:i0" begins with: at point 12 of its operation 2, thread
 * 0 is preempted by thread 1. schedule_parse() returns false with a message that says what is
 * wrong.
 */
char *schedule_print(const struct schedule_switch *list, unsigned count, char *text, size_t size);
bool schedule_parse(struct schedule_switch *list, unsigned *count, const char *text, char *message,
                    size_t size);
