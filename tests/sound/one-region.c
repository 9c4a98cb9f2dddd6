/*
 * Takes one region at init and no other (insert_pages is NULL). New blocks come from its unused
 * end. Freed blocks go to a list of their order and never merge. So it promises neither coalesces
 * nor true-oom, and it shows no free blocks.
 */
#include "sound.h"

struct pool {
    struct spin lock;
    pfn_t start, end;
    pfn_t fresh;                   /* [fresh, end) was never handed out */
    uint32_t heads[MAX_ORDER + 1]; /* index + 1; 0: none */
    uint32_t *next;                /* index + 1 of the next free block of the same order */
};

static size_t links_size(pfn_t start, pfn_t end)
{
    return (end - start) * sizeof(uint32_t);
}

static void region_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->start = pool->fresh = start;
    pool->end = end;
    pool->next = metadata;
}

static void push(struct pool *pool, pfn_t pfn, unsigned order)
{
    uint32_t index = (uint32_t)(pfn - pool->start);

    pool->next[index] = pool->heads[order];
    pool->heads[order] = index + 1;
}

static pfn_t pop(struct pool *pool, unsigned order)
{
    uint32_t head = pool->heads[order];

    if (!head)
        return INVALID_PFN;
    pool->heads[order] = pool->next[head - 1];
    return pool->start + head - 1;
}

/* Cut a block from the unused end. Pages that alignment skips go to the lists. */
static pfn_t cut_fresh(struct pool *pool, unsigned order)
{
    pfn_t pfn = round_up(pool->fresh, order_pages(order));

    if (pfn >= pool->end || pool->end - pfn < order_pages(order))
        return INVALID_PFN;
    while (pool->fresh < pfn) {
        unsigned small = order_that_fits(pool->fresh, pfn, order);
        push(pool, pool->fresh, small);
        pool->fresh += order_pages(small);
    }
    pool->fresh += order_pages(order);
    return pfn;
}

/* Cut a block from a larger one that was freed. The rest goes to the lists. */
static pfn_t cut_freed(struct pool *pool, unsigned order)
{
    unsigned found = order + 1;

    while (found <= MAX_ORDER && !pool->heads[found])
        found++;
    if (found > MAX_ORDER)
        return INVALID_PFN;
    pfn_t pfn = pop(pool, found);
    while (found-- > order)
        push(pool, pfn + order_pages(found), found);
    return pfn;
}

static pfn_t region_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;

    if (order > MAX_ORDER)
        return INVALID_PFN;
    irq_flags_t flags = spin_lock(&pool->lock);
    pfn_t pfn = pop(pool, order);
    if (pfn == INVALID_PFN)
        pfn = cut_fresh(pool, order);
    if (pfn == INVALID_PFN)
        pfn = cut_freed(pool, order);
    spin_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error region_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);

    push(pool, pfn, order);
    spin_unlock(&pool->lock, flags);
    return PAGE_OK;
}

static const struct page_allocator one_region = {
    .name = "one-region",
    .promises =
        PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .pool_size = sizeof(struct pool),
    .metadata_size = links_size,
    .init = region_init,
    .allocate_pages = region_allocate,
    .free_pages = region_free,
};
PAGE_ALLOCATOR(one_region);
