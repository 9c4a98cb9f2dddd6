/*
 * Depth 2: a stash of one page is emptied in two steps. Two cores that both look before either
 * empties it are handed the same page: "overlap".
 */
#include <tests/explore/planted.h>

enum { STASH };

static pfn_t allocate(void *memory, unsigned order)
{
    struct planted_pool *pool = memory;
    pfn_t pfn = order ? 0 : __atomic_load_n(&pool->words[STASH], __ATOMIC_ACQUIRE);

    if (!pfn)
        return planted_allocate(pool, order);
    __atomic_store_n(&pool->words[STASH], 0, __ATOMIC_RELEASE);
    return pfn;
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct planted_pool *pool = memory;

    if (order)
        return planted_free(pool, pfn, order);
    pfn_t before = __atomic_exchange_n(&pool->words[STASH], pfn, __ATOMIC_ACQ_REL);
    return before ? planted_free(pool, before, 0) : PAGE_OK;
}

static void drain(void *memory)
{
    struct planted_pool *pool = memory;

    if (pool->words[STASH])
        planted_free(pool, pool->words[STASH], 0);
    pool->words[STASH] = 0;
}

PLANTED("two-steps", PLANTED_PROMISES & ~(unsigned)(PROMISE_TRUE_OOM | PROMISE_COALESCES),
        .allocate_pages = allocate, .free_pages = free_block, .drain = drain);
