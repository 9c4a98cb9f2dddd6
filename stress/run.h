/*
 * A run: the phases, one after the other, on all cores at once.
 *
 * Every core calls run_core(). A phase is a series of rounds. Before and after each round all cores
 * meet, and core 0 walks the whole pool while the others sleep. So a broken rule is found within a
 * round of where it broke, in every phase by the same code.
 */
#pragma once

#include <smp/barrier.h>
#include <stdbool.h>
#include <stress/arena.h>
#include <stress/core.h>
#include <stress/options.h>

/*
 * The least interleaving that makes a pass of a phase believable on two cores or more. It is
 * counted at the calls, so any lock will do, or none.
 */
struct floor {
    /* calls of other cores that ran when a call began (stress/checked_call.c) */
    uint64_t overlapped;
    uint64_t cross_frees; /* frees of another core's blocks */
    uint64_t out_of_memory;
    /* The following count on one core, too. */
    uint64_t interrupts; /* handlers that allocated or freed */
    uint64_t removals;   /* ranges taken out and put back */
    uint64_t bad_frees;  /* bad frees refused */
};

struct run;

/* What a phase needs besides promises (stress/phases.def). */
enum phase_need {
    NEEDS_REMOVAL = 1 << 0,    /* remove_pages, while others allocate */
    NEEDS_PLACEMENT = 1 << 1,  /* one of allocate_below, allocate_at, allocate_on_node */
    NEEDS_INTERRUPTS = 1 << 2, /* the machine has interrupts, whose handlers allocate and free */
};

/* A phase's row in stress/phases.def. */
struct phase_row {
    const char *name;
    unsigned promises; /* the allocator must make these (enum page_promise) */
    unsigned needs;    /* enum phase_need, or-ed */
};

struct phase {
    const struct phase_row *row;
    bool alone;      /* on core 0 only */
    bool repeats;    /* a core's choices depend on the seed alone: their hash is reported */
    bool once;       /* one round; else rounds until time or operations are used up */
    unsigned weight; /* share of the run's time */
    struct floor floor;
    void (*prepare)(struct run *run); /* core 0, before the first round; may be NULL */
    void (*round)(struct run *run, struct core *core);
    /* Free what this core still holds; may be NULL. */
    void (*release)(struct run *run, struct core *core);
};

/* Sums over all phases so far, for the report on promises and rules in the end. */
struct seen {
    struct core_counts counts;
    uint64_t acquisitions; /* of the harness's lock */
    /* phases of several cores; those that reached the usual floor */
    unsigned shared_phases, shared_at_floor;
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

    /* The phase that runs. Core 0 writes these between barriers. */
    const struct phase *phase;
    uint64_t phase_start, phase_end, round_end; /* cycles */
    uint64_t round_steps;                       /* steps at which a core's round ends, with ops= */
    uint64_t rounds;
    uint64_t walk_cycles; /* how long the last walk took */
    bool more;
    struct prng random;   /* core 0's choices for all */
    unsigned round_order; /* exhaust, fragment: the order of this round */
    /* cycles that phases took beyond their share, to reach their floors */
    uint64_t extra_cycles;
    struct seen seen;

    /* Reports of progress. Only core 0 uses these. */
    uint64_t progress_at, progress_steps, progress_made;
    bool tells; /* a phase runs: core 0's timer handler may report progress, too */
};

/*
 * Allocate the structures of `cores` cores and of their interrupt handlers. `take` returns zeroed
 * memory and never fails.
 */
void run_take_cores(struct run *run, uint32_t cores, void *(*take)(size_t size, size_t align));

/*
 * Make the run ready. Before: the arena has its pages, the options are checked, and
 * run_take_cores() was called. After: run->core_count cores call run_core().
 */
void run_prepare(struct run *run);

/*
 * Run all phases on this core. In the end core 0 ends the machine with the verdict; other cores
 * sleep for good.
 */
_Noreturn void run_core(struct run *run, uint32_t number);

/* ---- for the phases ---- */

/*
 * Whether this core's round goes on. Called once per step. On core 0 it also reports progress, once
 * a second.
 */
bool run_goes_on(struct run *run, struct core *core);

/* Draw a random order, at most `limit`, with the weights of the option orders=. */
unsigned run_draw_order(const struct run *run, struct core *core, unsigned limit);

/* Wait until all cores of the phase have come here. Returns at once in a phase of one core. */
void run_meet(struct run *run);
