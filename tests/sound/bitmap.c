/*
 * A bitmap with next fit: one bit for each page says that it is free, a second that it was
 * inserted, and a search continues where the last one ended. Also promises frees-parts, but nothing
 * about bad frees.
 */
#include "sound.h"

struct pool {
    struct spin lock;
    pfn_t start, end;
    pfn_t next; /* where the next search begins */
    uint64_t *free;
    uint64_t *present;
};

static size_t bitmap_size(pfn_t start, pfn_t end)
{
    return 2 * bit_bytes(end - start);
}

static void bitmap_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->start = pool->next = start;
    pool->end = end;
    pool->free = metadata;
    pool->present = pool->free + bit_bytes(end - start) / sizeof(uint64_t);
}

static enum page_error insert_unlocked(struct pool *pool, pfn_t start, uint64_t count)
{
    enum page_error error = note_inserted(pool->present, pool->start, pool->end, start, count);

    if (error != PAGE_OK)
        return error;
    bits_change(pool->free, start - pool->start, count, true);
    return PAGE_OK;
}

static enum page_error bitmap_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = insert_unlocked(pool, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

static enum page_error remove_unlocked(struct pool *pool, pfn_t start, uint64_t count)
{
    if (!range_is_within(start, count, pool->start, pool->end))
        return PAGE_BAD_RANGE;
    if (!bits_all(pool->free, start - pool->start, count))
        return PAGE_BUSY;
    bits_change(pool->free, start - pool->start, count, false);
    bits_change(pool->present, start - pool->start, count, false);
    return PAGE_OK;
}

static enum page_error bitmap_remove(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = remove_unlocked(pool, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

/* The first free block that begins in [from, to). */
static pfn_t find(const struct pool *pool, pfn_t from, pfn_t to, uint64_t count)
{
    for (pfn_t pfn = round_up(from, count); pfn < to && pool->end - pfn >= count; pfn += count)
        if (bits_all(pool->free, pfn - pool->start, count))
            return pfn;
    return INVALID_PFN;
}

static pfn_t bitmap_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;

    if (order > MAX_ORDER)
        return INVALID_PFN;
    uint64_t count = order_pages(order);
    irq_flags_t flags = spin_lock(&pool->lock);
    pfn_t pfn = find(pool, pool->next, pool->end, count);
    if (pfn == INVALID_PFN)
        pfn = find(pool, pool->start, pool->next, count);
    if (pfn != INVALID_PFN) {
        bits_change(pool->free, pfn - pool->start, count, false);
        pool->next = pfn + count;
    }
    spin_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error bitmap_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);

    bits_change(pool->free, pfn - pool->start, order_pages(order), true);
    spin_unlock(&pool->lock, flags);
    return PAGE_OK;
}

static const struct page_allocator bitmap = {
    .name = "bitmap",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE | PROMISE_FREES_PARTS,
    .pool_size = sizeof(struct pool),
    .metadata_size = bitmap_size,
    .init = bitmap_init,
    .insert_pages = bitmap_insert,
    .allocate_pages = bitmap_allocate,
    .free_pages = bitmap_free,
    .remove_pages = bitmap_remove,
};
PAGE_ALLOCATOR(bitmap);
