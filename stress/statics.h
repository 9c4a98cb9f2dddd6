/*
 * What an allocator keeps outside of its pools: its own variables. They are kept as they were
 * before its first call, and put back before a pool is made anew, so that an allocator with state
 * in globals starts each time as it would after booting. Nothing of the allocator runs meanwhile.
 */
#pragma once

#include <stddef.h>

enum { STATICS_RANGES = 2 };

struct statics_range {
    void *start;
    size_t size; /* 0: there is none */
};

/* Keep what is in STATICS_RANGES ranges now. `take` gives zeroed memory and never fails. Once. */
void statics_keep(const struct statics_range *ranges, void *(*take)(size_t size, size_t align));

/* Put back what was kept; nothing if nothing was. */
void statics_restore(void);
