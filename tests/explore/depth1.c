/*
 * Depth 1: one event must come before another. Once two blocks were freed, allocations of order 0
 * are refused. All words are atomic, so there is no race.
 */
#include "planted.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct planted_pool *pool = memory;

    if (order == 0 && __atomic_load_n(&pool->words[0], __ATOMIC_ACQUIRE) > 1)
        return INVALID_PFN;
    return planted_allocate(pool, order);
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct planted_pool *pool = memory;

    __atomic_fetch_add(&pool->words[0], 1, __ATOMIC_RELEASE);
    return planted_free(pool, pfn, order);
}

PLANTED("depth1", PLANTED_PROMISES, .allocate_pages = allocate, .free_pages = free_block);
