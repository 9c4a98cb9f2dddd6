/*
 * First fit with boundary tags (Knuth, volume 1, 2.5): free runs of any length are in one unsorted
 * list, and their length is stored at both ends, so that a neighbour is found without a search.
 * Also promises frees-parts, but nothing about bad frees.
 */
#include "sound.h"

struct link {
    uint32_t next, prev; /* index + 1 of a run's first page; 0: none */
};

struct pool {
    struct spin lock;
    pfn_t start, end;
    uint32_t head;
    uint64_t free_pages;
    uint64_t *present;
    uint32_t *tags; /* pages of the free run that begins or ends here; 0 anywhere else */
    struct link *links;
};

static size_t tags_size(pfn_t start, pfn_t end)
{
    return bit_bytes(end - start) + (end - start) * (sizeof(struct link) + sizeof(uint32_t));
}

static void tags_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->start = start;
    pool->end = end;
    pool->present = metadata;
    pool->links = (struct link *)(void *)((char *)metadata + bit_bytes(end - start));
    pool->tags = (uint32_t *)(pool->links + (end - start));
}

static void set_tags(struct pool *pool, uint64_t first, uint64_t count, uint32_t tag)
{
    pool->tags[first] = tag;
    pool->tags[first + count - 1] = tag;
}

static void add_run(struct pool *pool, uint64_t first, uint64_t count)
{
    if (count == 0)
        return;
    set_tags(pool, first, count, (uint32_t)count);
    pool->links[first] = (struct link){.next = pool->head};
    if (pool->head)
        pool->links[pool->head - 1].prev = (uint32_t)first + 1;
    pool->head = (uint32_t)first + 1;
}

static void drop_run(struct pool *pool, uint64_t first)
{
    struct link link = pool->links[first];

    set_tags(pool, first, pool->tags[first], 0);
    if (link.prev)
        pool->links[link.prev - 1].next = link.next;
    else
        pool->head = link.next;
    if (link.next)
        pool->links[link.next - 1].prev = link.prev;
}

/*
 * Free a run. A tag just before it is the end of a free run; one just behind it is the beginning of
 * one.
 */
static void put_run(struct pool *pool, uint64_t first, uint64_t count)
{
    uint64_t behind = first + count;

    pool->free_pages += count;
    if (behind < pool->end - pool->start && pool->tags[behind]) {
        count += pool->tags[behind];
        drop_run(pool, behind);
    }
    if (first > 0 && pool->tags[first - 1]) {
        uint64_t before = pool->tags[first - 1];
        first -= before;
        count += before;
        drop_run(pool, first);
    }
    add_run(pool, first, count);
}

static enum page_error insert_unlocked(struct pool *pool, pfn_t start, uint64_t count)
{
    enum page_error error = note_inserted(pool->present, pool->start, pool->end, start, count);

    if (error != PAGE_OK)
        return error;
    put_run(pool, start - pool->start, count);
    return PAGE_OK;
}

static enum page_error tags_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = insert_unlocked(pool, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

/* Blocks are aligned. So a block may come from the middle of a run and leave two. */
static pfn_t cut(struct pool *pool, uint64_t first, uint64_t from, uint64_t count)
{
    uint64_t end = first + pool->tags[first];

    drop_run(pool, first);
    add_run(pool, first, from - first);
    add_run(pool, from + count, end - from - count);
    pool->free_pages -= count;
    return pool->start + from;
}

static pfn_t take(struct pool *pool, uint64_t count)
{
    for (uint32_t run = pool->head; run; run = pool->links[run - 1].next) {
        uint64_t first = run - 1, end = first + pool->tags[first];
        uint64_t from = round_up(pool->start + first, count) - pool->start;
        if (from < end && end - from >= count)
            return cut(pool, first, from, count);
    }
    return INVALID_PFN;
}

static pfn_t tags_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;

    if (order > MAX_ORDER)
        return INVALID_PFN;
    irq_flags_t flags = spin_lock(&pool->lock);
    pfn_t pfn = take(pool, order_pages(order));
    spin_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error tags_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);

    put_run(pool, pfn - pool->start, order_pages(order));
    spin_unlock(&pool->lock, flags);
    return PAGE_OK;
}

static uint64_t tags_free_page_count(void *memory)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    uint64_t count = pool->free_pages;

    spin_unlock(&pool->lock, flags);
    return count;
}

static void tags_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    const struct pool *pool = memory;
    uint64_t left = pool->end - pool->start;

    for (uint32_t run = pool->head; run && left > 0; run = pool->links[run - 1].next, left--) {
        pfn_t first = pool->start + run - 1;
        if (!visit_run(first, first + pool->tags[run - 1], MAX_ORDER, visit, context))
            return;
    }
}

static const struct page_allocator boundary_tags = {
    .name = "boundary-tags",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE | PROMISE_FREES_PARTS,
    .pool_size = sizeof(struct pool),
    .metadata_size = tags_size,
    .init = tags_init,
    .insert_pages = tags_insert,
    .allocate_pages = tags_allocate,
    .free_pages = tags_free,
    .free_page_count = tags_free_page_count,
    .for_each_free = tags_for_each_free,
};
PAGE_ALLOCATOR(boundary_tags);
