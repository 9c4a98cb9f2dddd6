/* The phases. stress/phases.def says what each does and needs. */
#pragma once

#include <stress/run.h>

/* phase_mixed and so on, and their rows: PHASE_ROW(mixed). */
#define PHASE(name, ...) extern const struct phase phase_##name;
#include <stress/phases.def>

enum {
#define PHASE(name, ...) PHASE_NUMBER_##name,
#include <stress/phases.def>
    PHASE_COUNT,
};

extern const struct phase_row phase_rows[PHASE_COUNT];
#define PHASE_ROW(name) (&phase_rows[PHASE_NUMBER_##name])

/* Make the selftest's pool. Before the run's own, which an allocator of one state is left with. */
void phase_selftest_init(const struct page_allocator *allocator, uint64_t usable_pages,
                         void *(*take)(size_t size, size_t align));
