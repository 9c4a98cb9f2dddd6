/* In place of mm/cache_sizes.h: caches so small that an arena of 8 pages fills and empties them. */
#pragma once

enum {
    CACHES = 2,
    CACHE_PAGES = 4,
    CACHE_BATCH = 2,
};
