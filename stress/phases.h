/* The phases, from easy to brutal, so that the first that fails says what kind of bug it is. */
#pragma once

#include <stress/run.h>

extern const struct phase phase_selftest;    /* fixed vectors, on a small pool of its own */
extern const struct phase phase_single;      /* one core, random orders, also out of memory */
extern const struct phase phase_mixed;       /* all cores, random orders */
extern const struct phase phase_remote_free; /* blocks freed by another core than took them */
extern const struct phase phase_exhaust;     /* all cores run out of memory at once */
extern const struct phase phase_fragment;    /* checkerboards, then full recovery */

/* The selftest's pool: what it takes in bytes, and making it, before the first phase. */
uint64_t phase_selftest_overhead(const struct page_allocator *allocator);
void phase_selftest_init(const struct page_allocator *allocator,
                         void *(*take)(size_t size, size_t align));
