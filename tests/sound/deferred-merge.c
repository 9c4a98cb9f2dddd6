/*
 * Freed blocks stay as they are; buddies are merged only when an allocation would fail otherwise.
 * So it promises true-oom, but not coalesces.
 */
#include "sets.h"

struct pool {
    struct spin lock;
    struct sets sets;
};

static void deferred_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    sets_init(&((struct pool *)memory)->sets, metadata, start, end);
}

static enum page_error deferred_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = sets_insert(&pool->sets, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

/* Merge all pairs of free buddies of one order. */
static void merge_order(struct sets *sets, unsigned order)
{
    static const uint64_t lower = 0x5555555555555555; /* the bits of the lower buddies */

    for (uint64_t word = 0; word < sets->free[order].words; word++) {
        uint64_t bits = sets->free[order].bits[word];
        for (uint64_t pairs = bits & bits >> 1 & lower; pairs; pairs &= pairs - 1) {
            uint64_t bit = word * WORD_BITS + (unsigned)__builtin_ctzll(pairs);
            pfn_t pfn = sets->base + (bit << order);
            sets_drop(sets, pfn, order);
            sets_drop(sets, buddy_of(pfn, order), order);
            sets_add(sets, pfn, order + 1);
        }
    }
}

static pfn_t take_after_merge(struct sets *sets, unsigned order)
{
    for (unsigned merged = 0; merged < order && merged < SETS_LARGEST; merged++)
        merge_order(sets, merged);
    return sets_take(sets, order);
}

static pfn_t deferred_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    pfn_t pfn = sets_take(&pool->sets, order);

    if (pfn == INVALID_PFN && order <= SETS_LARGEST)
        pfn = take_after_merge(&pool->sets, order);
    spin_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error deferred_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = sets_unhold(&pool->sets, pfn, order);

    if (error == PAGE_OK)
        sets_add(&pool->sets, pfn, order);
    spin_unlock(&pool->lock, flags);
    return error;
}

static uint64_t deferred_free_page_count(void *memory)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    uint64_t count = pool->sets.free_pages;

    spin_unlock(&pool->lock, flags);
    return count;
}

static void deferred_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    sets_visit(&((struct pool *)memory)->sets, visit, context);
}

static const struct page_allocator deferred_merge = {
    .name = "deferred-merge",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_REFUSES_BAD_FREE | PROMISE_TRUE_OOM |
                PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .orders = ORDERS_UP_TO(SETS_LARGEST),
    .pool_size = sizeof(struct pool),
    .metadata_size = sets_metadata_size,
    .init = deferred_init,
    .insert_pages = deferred_insert,
    .allocate_pages = deferred_allocate,
    .free_pages = deferred_free,
    .free_page_count = deferred_free_page_count,
    .for_each_free = deferred_for_each_free,
};
PAGE_ALLOCATOR(deferred_merge);
