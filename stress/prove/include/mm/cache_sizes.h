/* Replaces mm/cache_sizes.h: an arena of 8 pages fills and empties caches of these sizes. */
#pragma once

enum {
    CACHES = 2,
    CACHE_PAGES = 4,
    CACHE_BATCH = 2,
};
