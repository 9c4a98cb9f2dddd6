/* The phases. stress/phases.def says what each does and needs. */
#pragma once

#include <stress/run.h>

/* phase_mixed and so on. PHASE_ROW(mixed) is the row of phase_mixed. */
#define PHASE(name, ...) extern const struct phase phase_##name;
#include <stress/phases.def>

enum {
#define PHASE(name, ...) PHASE_NUMBER_##name,
#include <stress/phases.def>
    PHASE_COUNT,
};

extern const struct phase_row phase_rows[PHASE_COUNT];
#define PHASE_ROW(name) (&phase_rows[PHASE_NUMBER_##name])

/*
 * Make the selftest's pool. Call it before the run's pool is made: an allocator with one state for
 * all pools keeps the last one. `usable_pages`: pages of memory. `take` returns zeroed memory and
 * never fails.
 */
void phase_selftest_init(const struct page_allocator *allocator, uint64_t usable_pages,
                         void *(*take)(size_t size, size_t align));
