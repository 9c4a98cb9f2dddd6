/*
 * One trial: a program under a schedule, on a recreated allocator. The oracle (stress/arena.h)
 * checks each call, and the state at rest after the last one. Trials are independent: a program and
 * a schedule always give the same result.
 *
 * A refusal is judged with all calls that overlapped it. It is wrong ("false-oom") if a block was
 * free all the time: no page of it was held, or allocated or freed by an overlapping call.
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

/* The block that an operation got, for the trace. */
struct trial_outcome {
    pfn_t pfn; /* relative to the arena's start; INVALID_PFN: none */
    bool done;
};

struct trial_setup {
    const struct page_allocator *allocator;
    pfn_t start;         /* of EXPLORE_PAGES pages; a multiple of trial_alignment() */
    const void *globals; /* the data of the whole program, in which an allocator's may lie */
    size_t globals_size;
    struct statics_range statics[STATICS_RANGES]; /* the allocator's static data: each trial begins
                                                     with their present values */
    struct simulator_setup machine;
};

/*
 * The alignment of the first page, in pages: twice EXPLORE_PAGES, or range_alignment if that is
 * larger. So a seed means the same everywhere: an allocator can see whether the arena is the lower
 * half of a block.
 */
uint64_t trial_alignment(const struct page_allocator *allocator);

/* Set trials up. Once. */
void trial_init(const struct trial_setup *setup);

/* Run a trial. Call schedule_begin() before. */
void trial_run(const struct program *program, struct schedule *schedule,
               struct trial_result *result);

/* The block that an operation of the last trial got. */
struct trial_outcome trial_outcome(unsigned thread, unsigned index);

/* Name an address by its part of the arena, such as "pool+0x18", "page 5+0x0". Returns `text`. */
char *trial_place(uintptr_t address, char *text, size_t size);

/* Whether two failures are the same: the same rule, and for a race the same title. */
bool trial_same_failure(const struct trial_failure *failure, const struct trial_failure *other);

/* Called when a rule is broken: for breakpoints of debuggers. */
void trial_broken(const char *title);
