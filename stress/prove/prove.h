/*
 * Proof by exhaustion: the allocator's own code, driven through every state that a small arena can
 * come to, by every sequence of operations.
 *
 * A state is what the allocator's later behaviour can depend on, and what is held. States are kept
 * whole, never as a hash of them, so that none is taken for another. The search is breadth first: a
 * broken rule is shown with a shortest sequence of operations that leads to it.
 *
 *   plans.c    which arenas, and how many states each must have
 *   view.c     which words of an allocator's pool and metadata make its state
 *   store.c    the states
 *   books.c    what is held, and what follows from that
 *   steps.c    each operation, judged by the books
 *   explore.c  the search
 *   trace.c    how a broken rule is shown
 *   machine.c  one processor, interrupts that never come, and fail()
 */
#pragma once

#include <lib/fail.h>
#include <mm/page_allocator.h>
#include <setjmp.h>

/* Pages are counted in units of 2^base pages, so that the largest orders fit small books. */
#define MAX_UNITS   16
#define PROVE_CORES 2u

struct plan {
    const char *name;
    const struct page_allocator *allocator;
    pfn_t start;
    unsigned base;   /* blocks are of this order or larger, all else in units of 2^base pages */
    unsigned units;  /* the arena */
    unsigned cores;  /* ... that allocate and free, one at a time */
    bool hotplug;    /* ranges of every place and size are removed and inserted, too */
    bool as_sets;    /* the order of the free lists is not part of the state: see view.h */
    bool knows_held; /* every bad free is refused; else those that can be seen from free blocks */
    bool slow;       /* more than a few seconds: not in `make test` */
    uint64_t states; /* how many there must be */
};

extern const struct plan plans[];
extern const unsigned plan_count;

/* Largest order that fits the plan's arena wherever it begins, and one more: a refusal. */
unsigned plan_top(const struct plan *plan);

/* A rule is broken: its title and the values. Ends the step that is being tried. */
struct broken {
    sigjmp_buf frame;
    enum rule rule;
    char text[256];
};

/* The frame that fail(), a trap, a lock waited for in vain and an endless loop jump to. */
extern struct broken broken;

/* Start as a machine of so many cores, with pages at [start, start + pages) that can be written to,
   or, with none, where to touch one is a trap. */
void simulator_start(pfn_t start, uint64_t pages);
void simulator_reset(void); /* ... the cores as at the start, the memory as it is */
void simulator_enter(unsigned core);

/* Fails unless interrupts are on and this core holds no lock. */
void simulator_check_rest(void);

/* Tell the watchdog that the search goes on. */
void simulator_progress(void);

/* What a search found. */
struct result {
    uint64_t states, transitions, refusals;
    unsigned depth;
    uint64_t bytes;
    bool refuted, too_many;
};

/* Search all of it, print a trace if a rule is broken. Gives up beyond `limit` states. */
struct result explore(const struct plan *plan, uint64_t limit);
