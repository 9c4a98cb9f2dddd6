/*
 * Proof by exhaustion: drive the allocator's real code through every state that a small arena can
 * reach, by every sequence of operations.
 *
 * A state is everything that the allocator's later behaviour can depend on, and the held blocks.
 * States are stored completely, not as hashes, so that none is taken for another. The search is
 * breadth-first, so it shows a broken rule with a shortest sequence of operations.
 *
 *   plans.c    which arenas, and how many states each must have
 *   view.c     which words of an allocator's pool and metadata make its state
 *   store.c    the states
 *   books.c    what is held, and what follows from that
 *   steps.c    each operation, judged by the books
 *   search.c   the search
 *   trace.c    how a broken rule is shown
 *   machine.c  the machine: cores, interrupt flags and fail()
 */
#pragma once

#include <lib/fail.h>
#include <mm/page_allocator.h>
#include <setjmp.h>

/* Pages are counted in units of 2^base pages, so that even the largest orders need few units. */
#define MAX_UNITS   16
#define PROVE_CORES 2u

struct plan {
    const char *name;
    const struct page_allocator *allocator;
    pfn_t start;
    unsigned base;   /* the smallest order of a block; a unit is 2^base pages */
    unsigned units;  /* the size of the arena */
    unsigned cores;  /* cores that allocate and free, one at a time */
    bool hotplug;    /* ranges of every place and size are removed and inserted, too */
    bool as_sets;    /* the order of the free lists is not part of the state: see view.h */
    bool knows_held; /* every bad free is refused; else only those that free blocks reveal */
    bool slow;       /* more than a few seconds: not in `make test` */
    uint64_t states; /* the expected number of states */
};

extern const struct plan plans[];
extern const unsigned plan_count;

/* One more than the largest order that can fit into the plan's arena: it must be refused. */
unsigned plan_top(const struct plan *plan);

/* A broken rule, with its values. It ends the step that is being tried. */
struct broken {
    sigjmp_buf frame;
    enum rule rule;
    char text[256];
};

/* fail(), traps, deadlocks and endless loops jump to its frame. */
extern struct broken broken;

/* Start the machine, with pages [start, start + pages) that can be written. With pages = 0 any
   access to a page is a trap. */
void machine_start(pfn_t start, uint64_t pages);
void machine_reset(void);          /* set the cores back to the start; memory stays */
void machine_enter(unsigned core); /* run as this core from here on */

/* Fails unless interrupts are on and this core holds no lock. */
void machine_check_rest(void);

/* Tell the watchdog that the search makes progress. */
void machine_progress(void);

/* The result of a search. */
struct result {
    uint64_t states, transitions, refusals;
    unsigned depth;
    uint64_t bytes;
    bool refuted, too_many;
};

/* Search all states, and print a trace if a rule is broken. Gives up beyond `limit` states. */
struct result explore(const struct plan *plan, uint64_t limit);
