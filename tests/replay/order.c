/*
 * Wrong after three operations in this order, by whatever cores: an allocation of order 0, a free
 * of order 1, an allocation of order 0. The last is handed what the first was: "overlap".
 */
#include <tests/explore/planted.h>

enum { LAST, ARMED };

static pfn_t allocate(void *memory, unsigned order)
{
    struct planted_pool *pool = memory;
    bool armed = __atomic_exchange_n(&pool->words[ARMED], 0, __ATOMIC_ACQ_REL);
    pfn_t last = __atomic_load_n(&pool->words[LAST], __ATOMIC_ACQUIRE);

    if (order == 0 && armed && last)
        return last;
    pfn_t pfn = planted_allocate(pool, order);
    if (order == 0)
        __atomic_store_n(&pool->words[LAST], pfn, __ATOMIC_RELEASE);
    return pfn;
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct planted_pool *pool = memory;

    if (pfn == __atomic_load_n(&pool->words[LAST], __ATOMIC_ACQUIRE))
        __atomic_store_n(&pool->words[LAST], 0, __ATOMIC_RELEASE);
    __atomic_store_n(&pool->words[ARMED], order == 1, __ATOMIC_RELEASE);
    return planted_free(pool, pfn, order);
}

PLANTED("order", PLANTED_PROMISES, .allocate_pages = allocate, .free_pages = free_block);
