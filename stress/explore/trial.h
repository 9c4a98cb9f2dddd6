/*
 * One trial: a program under a schedule, on an allocator made anew, watched by the oracle
 * (stress/arena.h) at each call, and at rest after the last. Nothing is left of a trial: a program
 * and a schedule give the same result whatever came before.
 *
 * A refusal is judged by all calls that overlapped it: a block of which no page was held, or on
 * its way, at any time meanwhile should have been found ("false-oom").
 */
#pragma once

#include <stress/arena.h>
#include <stress/explore/simulator.h>
#include <stress/failure.h>
#include <stress/statics.h>

struct trial_failure {
    enum rule rule; /* RULE_NONE: it did not fail */
    char title[FAILURE_TITLE_SIZE];
};

struct trial_result {
    struct trial_failure failure;
    unsigned points;
    uint64_t hash;
};

/* What an operation was given, for the trace. */
struct trial_outcome {
    pfn_t pfn; /* relative to the arena's start; INVALID_PFN: none */
    bool done;
};

struct trial_setup {
    const struct page_allocator *allocator;
    pfn_t start;         /* of EXPLORE_PAGES pages; a multiple of trial_alignment() */
    const void *globals; /* the program's own data, some of which may be the allocator's */
    size_t globals_size;
    struct statics_range statics[STATICS_RANGES]; /* what the allocator keeps outside of its pool:
                                                     as it is now, for each trial */
    struct simulator_setup machine;
};

/*
 * What the first page must be a multiple of: twice EXPLORE_PAGES, so that seeds mean the same
 * everywhere (whether the arena is the lower half of a block shows), or what the allocator wants.
 */
uint64_t trial_alignment(const struct page_allocator *allocator);

/* Once. */
void trial_init(const struct trial_setup *setup);

/* Run it. schedule_begin() has been called. */
void trial_run(const struct program *program, struct schedule *schedule,
               struct trial_result *result);

/* What an operation of the last trial was given. */
struct trial_outcome trial_outcome(unsigned thread, unsigned index);

/* What of the arena an address is in, such as "pool+0x18", "page 5+0x0". Returns `text`. */
char *trial_place(uintptr_t address, char *text, size_t size);

/* Whether two failures are the same: the same rule, and of a race the same two sides. */
bool trial_same_failure(const struct trial_failure *failure, const struct trial_failure *other);

/* Called as a rule is broken: for debuggers. */
void trial_broken(const char *title);
