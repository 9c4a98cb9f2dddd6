/* A plain counter of refusals without a lock: a race between two refusals. */
#include "planted.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct planted_pool *pool = memory;
    pfn_t pfn = planted_allocate(pool, order);

    if (pfn == INVALID_PFN)
        pool->words[0]++;
    return pfn;
}

PLANTED("no-lock", PLANTED_PROMISES, .allocate_pages = allocate);
