/*
 * A run: the phases, one after the other, on all cores at once.
 *
 * Every core calls run_core(). A phase is a series of rounds; before and after each, all cores
 * meet, and core 0 walks the whole pool while the others sleep. So a broken rule is found within a
 * round of where it broke, and by the same code whatever the phase did.
 */
#pragma once

#include <smp/barrier.h>
#include <stdbool.h>
#include <stress/arena.h>
#include <stress/core.h>
#include <stress/options.h>

/*
 * The least of interleaving that makes a pass of a phase believable on two cores or more. It is
 * counted at the calls, so any lock will do, or none.
 */
struct floor {
    uint64_t overlapped;  /* calls of others that were going on when one began (stress/call.c) */
    uint64_t cross_frees; /* frees of another core's blocks */
    uint64_t out_of_memory;
    /* These count on one core, too. */
    uint64_t interrupts; /* handlers that allocated or freed */
    uint64_t removals;   /* ranges taken out and put back */
    uint64_t bad_frees;  /* bad frees refused */
};

struct run;

/* What a phase needs beside promises (stress/phases.def). */
enum phase_need {
    NEEDS_REMOVAL = 1 << 0,    /* remove_pages, while others allocate */
    NEEDS_PLACEMENT = 1 << 1,  /* one of allocate_below, allocate_at, allocate_on_node */
    NEEDS_INTERRUPTS = 1 << 2, /* of the machine: handlers that allocate and free */
};

/* What stress/phases.def says of a phase. */
struct phase_row {
    const char *name;
    unsigned promises; /* the allocator must have made these (enum page_promise) */
    unsigned needs;    /* enum phase_need, or-ed */
};

struct phase {
    const struct phase_row *row;
    bool alone;      /* on core 0 only */
    bool repeats;    /* a core's choices depend on the seed alone: report their hash */
    bool once;       /* one round; else rounds until time or operations are used up */
    unsigned weight; /* share of the run's time */
    struct floor floor;
    void (*prepare)(struct run *run); /* core 0, before the first round; may be NULL */
    void (*round)(struct run *run, struct core *core);
    void (*release)(struct run *run,
                    struct core *core); /* free what this core still holds; may be NULL */
};

/* What was seen in all phases so far: for what is said of promises and rules in the end. */
struct seen {
    struct core_counts counts;
    uint64_t acquisitions;                   /* of the harness's lock */
    unsigned shared_phases, shared_at_floor; /* phases of several cores; that saw the usual floor */
};

struct run {
    const struct stress_options *options;
    struct arena arena;
    struct core *cores;           /* core_count of them */
    struct core *interrupt_cores; /* what the same cores do in interrupt handlers */
    uint32_t core_count;
    uint64_t all_pages; /* inserted at the start */
    uint64_t end;       /* cycles: when the time of all phases is up */
    struct barrier barrier;

    /* Of the phase that runs; written by core 0 between barriers. */
    const struct phase *phase;
    uint64_t phase_start, phase_end, round_end; /* cycles */
    uint64_t round_steps;                       /* steps at which a core's round ends, with ops= */
    uint64_t rounds;
    uint64_t walk_cycles; /* how long the last walk took */
    bool more;
    struct prng random;    /* core 0's choices for all */
    unsigned round_order;  /* exhaust, fragment: the order of this round */
    uint64_t extra_cycles; /* that phases have taken beyond their share, to reach their floors */
    struct seen seen;

    /* Progress, core 0's. */
    uint64_t progress_at, progress_steps, progress_made;
    bool tells; /* a phase runs: its handler may tell of progress too */
};

/* Memory for the counts of `cores` cores, which `take` gives zeroed. */
void run_take_cores(struct run *run, uint32_t cores, void *(*take)(size_t size, size_t align));

/*
 * Make ready: arenas have been given their pages, options are checked, `cores` cores will call
 * run_core().
 */
void run_prepare(struct run *run);

/* Run all phases on this core; on core 0 ends the machine with the verdict, on others sleeps for
 * good. */
_Noreturn void run_core(struct run *run, uint32_t number);

/* ---- for the phases ---- */

/* Whether this core's round goes on; prints progress now and then on core 0. Once a step. */
bool run_goes_on(struct run *run, struct core *core);

/* A random order as the option orders= weighs them, at most `limit`. */
unsigned run_draw_order(const struct run *run, struct core *core, unsigned limit);

/* All cores of the phase wait for each other. */
void run_meet(struct run *run);
