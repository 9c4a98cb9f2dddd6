/*
 * An allocator's own variables, outside of its pools. They are saved before its first call and
 * restored before a pool is recreated. So an allocator with state in globals starts each time as
 * after booting. Nothing of the allocator may run meanwhile.
 */
#pragma once

#include <stddef.h>

enum { STATICS_RANGES = 2 };

struct statics_range {
    void *start;
    size_t size; /* 0: there is none */
};

/*
 * Save the contents of STATICS_RANGES ranges. `take` returns zeroed memory and never fails. Call it
 * once.
 */
void statics_keep(const struct statics_range *ranges, void *(*take)(size_t size, size_t align));

/* Restore what was saved, if anything was. */
void statics_restore(void);
