/* The phases, from easy to brutal, so that the first that fails says what kind of bug it is. */
#pragma once

#include <stress/run.h>

extern const struct phase phase_selftest;      /* fixed vectors, on a small pool of its own */
extern const struct phase phase_single;        /* one core, random orders, also out of memory */
extern const struct phase phase_single_irq;    /* ... with handlers that allocate and free */
extern const struct phase phase_mixed;         /* all cores, random orders */
extern const struct phase phase_remote_free;   /* blocks freed by another core than took them */
extern const struct phase phase_irq;           /* all cores, all with such handlers */
extern const struct phase phase_exhaust;       /* all cores run out of memory at once */
extern const struct phase phase_fragment;      /* checkerboards, then full recovery */
extern const struct phase phase_hotplug;       /* ranges taken out and put back meanwhile */
extern const struct phase phase_bad_free;      /* every wrong free is refused */
extern const struct phase phase_single_placed; /* one core, allocations with a condition */
extern const struct phase phase_placed;        /* all cores, likewise */

/* Make the selftest's pool. Before the run's own, which an allocator of one state is left with. */
void phase_selftest_init(const struct page_allocator *allocator, uint64_t usable_pages,
                         void *(*take)(size_t size, size_t align));
