/* As no-lock, but the race is declared as intended. So it is listed and not reported. */
#include "planted.h"

static void count_refusal(struct planted_pool *pool)
{
    pool->words[0]++;
}

static pfn_t allocate(void *pool, unsigned order)
{
    pfn_t pfn = planted_allocate(pool, order);

    if (pfn == INVALID_PFN)
        count_refusal(pool);
    return pfn;
}

BENIGN_RACE("allocate", "a count for people, some of which may be lost");
PLANTED("benign", PLANTED_PROMISES, .allocate_pages = allocate);
