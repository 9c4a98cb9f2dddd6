/*
 * Each core caches single pages that no other core can use and that no drain gives back: a refusal
 * may be wrong, and buddies stay unmerged. So it promises neither true-oom nor coalesces. It shows
 * no free blocks.
 */
#include "buddy.h"

enum { CORES = 256, STASH_PAGES = 32 };

/* Used by its core alone, with interrupts off. */
struct stash {
    uint32_t count;
    pfn_t pages[STASH_PAGES];
} __attribute__((aligned(64)));

struct pool {
    struct spin lock; /* protects the buddy */
    struct buddy buddy;
    struct stash stashes[CORES];
};

static void stash_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    buddy_init(&((struct pool *)memory)->buddy, metadata, start, end, MAX_ORDER);
}

static enum page_error stash_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = buddy_insert(&pool->buddy, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

static pfn_t take_shared(struct pool *pool, unsigned order)
{
    spin_take(&pool->lock);
    pfn_t pfn = buddy_take(&pool->buddy, order);
    spin_drop(&pool->lock);
    return pfn;
}

static pfn_t stash_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = irq_save();
    struct stash *stash = &pool->stashes[cpu_number()];
    pfn_t pfn;

    if (order == 0 && stash->count > 0)
        pfn = stash->pages[--stash->count];
    else
        pfn = take_shared(pool, order);
    irq_restore(flags);
    return pfn;
}

static enum page_error stash_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = irq_save();
    struct stash *stash = &pool->stashes[cpu_number()];
    enum page_error error = PAGE_OK;

    if (order == 0 && stash->count < STASH_PAGES) {
        stash->pages[stash->count++] = pfn;
    } else {
        spin_take(&pool->lock);
        error = buddy_give(&pool->buddy, pfn, order);
        spin_drop(&pool->lock);
    }
    irq_restore(flags);
    return error;
}

static const struct page_allocator stash = {
    .name = "stash",
    .promises =
        PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .pool_size = sizeof(struct pool),
    .metadata_size = buddy_metadata_size,
    .init = stash_init,
    .insert_pages = stash_insert,
    .allocate_pages = stash_allocate,
    .free_pages = stash_free,
};
PAGE_ALLOCATOR(stash);
