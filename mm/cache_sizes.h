/*
 * How many blocks buddy-percpu keeps back (mm/buddy_percpu.h). The prover puts smaller numbers in
 * place of this header (stress/prove/include), so that an arena of a few pages fills and empties
 * the caches.
 */
#pragma once

#include <lib/sizes.h>

enum {
    CACHES = CORE_LIMIT, /* one for each core there may be */
    CACHE_PAGES = 64,    /* of each order, at most; more is given back */
    CACHE_BATCH = 32,    /* pages of one order that go to or from the lists at a time */
};
