/* What the hosted programs, the stress and the explorer, begin with alike. */
#pragma once

#include <mm/page_allocator.h>
#include <stddef.h>
#include <stress/options.h>

/* A line of the log for each option. */
void host_report_options(const struct options *options);

/* The allocator that was asked for, or the first there is; fails by "usage". */
const struct page_allocator *host_choose_allocator(const struct options *options);

/* Keep what an allocator of one's own has outside of its pools, as it is now (stress/statics.h). */
void host_keep_statics(void);

/* Zeroed memory; fails by "memory". */
void *host_take(size_t size, size_t align);
