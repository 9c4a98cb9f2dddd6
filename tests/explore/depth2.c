/*
 * Depth 2: a load, another core's store, a store. The count of free pages is read and written in
 * two steps, so an update can be lost. The accesses are relaxed atomics, so there is no race.
 */
#include "planted.h"

static void add(struct planted_pool *pool, uint64_t pages)
{
    uint64_t before = __atomic_load_n(&pool->words[0], __ATOMIC_RELAXED);

    __atomic_store_n(&pool->words[0], before + pages, __ATOMIC_RELAXED);
}

static enum page_error insert(void *pool, pfn_t start, uint64_t count)
{
    add(pool, count);
    return planted_insert(pool, start, count);
}

static pfn_t allocate(void *pool, unsigned order)
{
    pfn_t pfn = planted_allocate(pool, order);

    if (pfn != INVALID_PFN)
        add(pool, -order_pages(order));
    return pfn;
}

static enum page_error free_block(void *pool, pfn_t pfn, unsigned order)
{
    add(pool, order_pages(order));
    return planted_free(pool, pfn, order);
}

static uint64_t count(void *memory)
{
    struct planted_pool *pool = memory;

    return __atomic_load_n(&pool->words[0], __ATOMIC_RELAXED);
}

PLANTED("depth2", PLANTED_PROMISES, .insert_pages = insert, .allocate_pages = allocate,
        .free_pages = free_block, .free_page_count = count);
