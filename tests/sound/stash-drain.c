/*
 * Caches of single pages, each with its lock, before a buddy of sets; `drain` and remove_pages
 * empty them, an allocation does not. Every optional function is there. A page in another core's
 * cache is free, but it is neither found nor merged. So it promises neither true-oom nor coalesces.
 */
#include "sets.h"

enum { STASHES = 16, STASH_PAGES = 16 };

/* Locking order: the stashes by index, then the pool. */
struct stash {
    struct spin lock;
    uint32_t count;
    pfn_t pages[STASH_PAGES];
} __attribute__((aligned(64)));

struct pool {
    struct spin lock; /* protects the sets */
    struct sets sets;
    struct stash stashes[STASHES];
};

static void stash_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    sets_init(&((struct pool *)memory)->sets, metadata, start, end);
}

static irq_flags_t lock_all(struct pool *pool)
{
    irq_flags_t flags = irq_save();

    for (unsigned i = 0; i < STASHES; i++)
        spin_take(&pool->stashes[i].lock);
    spin_take(&pool->lock);
    return flags;
}

static void unlock_all(struct pool *pool, irq_flags_t flags)
{
    spin_drop(&pool->lock);
    for (unsigned i = 0; i < STASHES; i++)
        spin_drop(&pool->stashes[i].lock);
    irq_restore(flags);
}

static void empty(struct pool *pool)
{
    for (unsigned i = 0; i < STASHES; i++)
        while (pool->stashes[i].count > 0)
            sets_put(&pool->sets, pool->stashes[i].pages[--pool->stashes[i].count], 0);
}

static void stash_drain(void *memory)
{
    irq_flags_t flags = lock_all(memory);

    empty(memory);
    unlock_all(memory, flags);
}

static enum page_error stash_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = sets_insert(&pool->sets, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

static enum page_error stash_remove(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = lock_all(pool);

    empty(pool);
    enum page_error error = sets_remove(&pool->sets, start, count);
    unlock_all(pool, flags);
    return error;
}

/* Take a block. The lock of the sets also protects the mark that a stashed page is held again. */
static pfn_t take(struct pool *pool, struct stash *stash, unsigned order)
{
    pfn_t pfn;

    spin_take(&pool->lock);
    if (order == 0 && stash->count > 0) {
        pfn = stash->pages[--stash->count];
        pool->sets.held[pfn - pool->sets.start] = 1;
    } else {
        pfn = sets_take(&pool->sets, order);
    }
    spin_drop(&pool->lock);
    return pfn;
}

static pfn_t stash_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = irq_save();
    struct stash *stash = &pool->stashes[cpu_number() % STASHES];

    spin_take(&stash->lock);
    pfn_t pfn = take(pool, stash, order);
    spin_drop(&stash->lock);
    irq_restore(flags);
    return pfn;
}

static enum page_error put(struct pool *pool, struct stash *stash, pfn_t pfn, unsigned order)
{
    spin_take(&pool->lock);
    enum page_error error = sets_unhold(&pool->sets, pfn, order);
    if (error == PAGE_OK && order == 0 && stash->count < STASH_PAGES)
        stash->pages[stash->count++] = pfn;
    else if (error == PAGE_OK)
        sets_put(&pool->sets, pfn, order);
    spin_drop(&pool->lock);
    return error;
}

static enum page_error stash_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = irq_save();
    struct stash *stash = &pool->stashes[cpu_number() % STASHES];

    spin_take(&stash->lock);
    enum page_error error = put(pool, stash, pfn, order);
    spin_drop(&stash->lock);
    irq_restore(flags);
    return error;
}

static uint64_t pages_stashed(const struct pool *pool)
{
    uint64_t pages = 0;

    for (unsigned i = 0; i < STASHES; i++)
        pages += pool->stashes[i].count;
    return pages;
}

static uint64_t stash_free_page_count(void *memory)
{
    struct pool *pool = memory;
    irq_flags_t flags = lock_all(pool);
    uint64_t count = pool->sets.free_pages + pages_stashed(pool);

    unlock_all(pool, flags);
    return count;
}

static void stash_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    const struct pool *pool = memory;

    if (!sets_visit(&pool->sets, visit, context))
        return;
    for (unsigned i = 0; i < STASHES; i++)
        for (unsigned k = 0; k < pool->stashes[i].count; k++)
            if (!visit(context, pool->stashes[i].pages[k], 0))
                return;
}

static bool stash_validate(void *memory, char *message, size_t size)
{
    const struct pool *pool = memory;

    return sets_validate(&pool->sets, pages_stashed(pool), message, size);
}

static const struct page_allocator stash_with_drain = {
    .name = "stash-drain",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_REFUSES_BAD_FREE |
                PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .orders = ORDERS_UP_TO(SETS_LARGEST),
    .pool_size = sizeof(struct pool),
    .metadata_size = sets_metadata_size,
    .init = stash_init,
    .insert_pages = stash_insert,
    .allocate_pages = stash_allocate,
    .free_pages = stash_free,
    .remove_pages = stash_remove,
    .free_page_count = stash_free_page_count,
    .for_each_free = stash_for_each_free,
    .drain = stash_drain,
    .validate = stash_validate,
};
PAGE_ALLOCATOR(stash_with_drain);
