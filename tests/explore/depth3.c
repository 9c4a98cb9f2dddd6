/*
 * Depth 3: a lock that is tested and set in two steps. Both cores must have tested before either
 * sets. Under it a one-page stash, whose page is then handed out twice.
 */
#include "planted.h"

enum { LOCK, STASH };

static irq_flags_t lock(struct planted_pool *pool)
{
    irq_flags_t flags = irq_save();

    while (__atomic_load_n(&pool->words[LOCK], __ATOMIC_ACQUIRE))
        cpu_relax();
    __atomic_store_n(&pool->words[LOCK], 1, __ATOMIC_RELAXED);
    return flags;
}

static void unlock(struct planted_pool *pool, irq_flags_t flags)
{
    __atomic_store_n(&pool->words[LOCK], 0, __ATOMIC_RELEASE);
    irq_restore(flags);
}

static pfn_t allocate(void *memory, unsigned order)
{
    struct planted_pool *pool = memory;

    if (order)
        return planted_allocate(pool, order);
    irq_flags_t flags = lock(pool);
    pfn_t pfn = __atomic_load_n(&pool->words[STASH], __ATOMIC_RELAXED);
    __atomic_store_n(&pool->words[STASH], 0, __ATOMIC_RELAXED);
    unlock(pool, flags);
    return pfn ? pfn : planted_allocate(pool, 0);
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct planted_pool *pool = memory;

    if (order)
        return planted_free(pool, pfn, order);
    irq_flags_t flags = lock(pool);
    pfn_t before = __atomic_load_n(&pool->words[STASH], __ATOMIC_RELAXED);
    __atomic_store_n(&pool->words[STASH], pfn, __ATOMIC_RELAXED);
    unlock(pool, flags);
    return before ? planted_free(pool, before, 0) : PAGE_OK;
}

static void drain(void *memory)
{
    struct planted_pool *pool = memory;

    if (pool->words[STASH])
        planted_free(pool, pool->words[STASH], 0);
    pool->words[STASH] = 0;
}

PLANTED("depth3", PLANTED_PROMISES & ~(unsigned)(PROMISE_TRUE_OOM | PROMISE_COALESCES),
        .allocate_pages = allocate, .free_pages = free_block, .drain = drain);
