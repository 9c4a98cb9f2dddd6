/*
 * No metadata from the harness: each inserted range keeps its first pages for a map of one byte for
 * each page (pages_kept), and blocks of two ranges never merge. It writes into pages it was given,
 * so it does not promise metadata-outside. It promises nothing about bad frees.
 */
#include "sound.h"

enum { KEPT, FREE, HELD };

/* At the beginning of the kept pages. */
struct region {
    struct region *next;
    pfn_t start, end; /* of the whole range */
    uint8_t map[];    /* one byte for each page, from `start` on */
};

struct pool {
    struct spin lock;
    pfn_t start, end;
    struct region *first;
};

static void kept_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    (void)metadata;
    *(struct pool *)memory = (struct pool){.start = start, .end = end};
}

/* A range that is too small for records and pages is kept as a whole. */
static uint64_t kept_pages(void *memory, pfn_t start, uint64_t count)
{
    uint64_t kept = (sizeof(struct region) + count + PAGE_SIZE - 1) / PAGE_SIZE;

    (void)memory;
    (void)start;
    return kept < count ? kept : count;
}

static bool overlaps(const struct pool *pool, pfn_t start, pfn_t end)
{
    for (const struct region *region = pool->first; region; region = region->next)
        if (start < region->end && end > region->start)
            return true;
    return false;
}

static void add_region(struct pool *pool, pfn_t start, uint64_t count)
{
    struct region *region = pfn_to_address(start);
    uint64_t kept = kept_pages(pool, start, count);

    region->start = start;
    region->end = start + count;
    region->next = pool->first;
    if (kept < count) {
        memset(region->map, KEPT, kept);
        memset(region->map + kept, FREE, count - kept);
    }
    pool->first = region;
}

static enum page_error kept_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    enum page_error error = PAGE_OK;
    irq_flags_t flags = spin_lock(&pool->lock);

    if (!range_is_within(start, count, pool->start, pool->end))
        error = PAGE_BAD_RANGE;
    else if (overlaps(pool, start, start + count))
        error = PAGE_ALREADY_IN;
    else
        add_region(pool, start, count);
    spin_unlock(&pool->lock, flags);
    return error;
}

static bool all_free(const struct region *region, pfn_t pfn, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (region->map[pfn - region->start + i] != FREE)
            return false;
    return true;
}

static pfn_t take_from(struct region *region, uint64_t count)
{
    uint64_t pages = region->end - region->start;
    pfn_t pfn = round_up(region->start + kept_pages(NULL, region->start, pages), count);

    while (pfn < region->end && region->end - pfn >= count && !all_free(region, pfn, count))
        pfn += count;
    if (pfn >= region->end || region->end - pfn < count)
        return INVALID_PFN;
    memset(region->map + (pfn - region->start), HELD, count);
    return pfn;
}

static pfn_t kept_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    pfn_t pfn = INVALID_PFN;

    if (order > MAX_ORDER)
        return INVALID_PFN;
    irq_flags_t flags = spin_lock(&pool->lock);
    for (struct region *region = pool->first; region && pfn == INVALID_PFN; region = region->next)
        pfn = take_from(region, order_pages(order));
    spin_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error kept_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    struct region *region = pool->first;

    while (region && (pfn < region->start || pfn >= region->end))
        region = region->next;
    if (region)
        memset(region->map + (pfn - region->start), FREE, order_pages(order));
    spin_unlock(&pool->lock, flags);
    return region ? PAGE_OK : PAGE_NOT_ALLOCATED;
}

static const struct page_allocator kept = {
    .name = "kept-pages",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                PROMISE_INSTANCEABLE,
    .pool_size = sizeof(struct pool),
    .init = kept_init,
    .insert_pages = kept_insert,
    .pages_kept = kept_pages,
    .allocate_pages = kept_allocate,
    .free_pages = kept_free,
};
PAGE_ALLOCATOR(kept);
