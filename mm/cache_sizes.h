/*
 * How many blocks the caches of buddy-percpu hold (mm/buddy_percpu.h). The prover uses smaller
 * numbers: stress/prove/include has its own version of this header. So an arena of a few pages can
 * fill and empty the caches.
 */
#pragma once

#include <lib/sizes.h>

enum {
    CACHES = CORE_LIMIT, /* one for each core that there may be */
    CACHE_PAGES = 64, /* pages of each order in a cache, at most; the rest goes back to the lists */
    CACHE_BATCH = 32, /* pages of one order that move between cache and lists at a time */
};
