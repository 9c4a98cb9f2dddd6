/*
 * Free runs of any length in one list sorted by address, with links in the runs' first pages, as in
 * some kernels; each call walks the list. It writes into free pages, so it does not promise
 * metadata-outside. It trusts its caller when it frees.
 */
#include "sound.h"

struct run {
    struct run *next;
    uint64_t pages;
};

struct pool {
    struct spin lock;
    pfn_t start, end;
    struct run *first;
    uint64_t *present;
};

static size_t runs_metadata_size(pfn_t start, pfn_t end)
{
    return bit_bytes(end - start);
}

static void runs_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->start = start;
    pool->end = end;
    pool->present = metadata;
}

static pfn_t run_end(const struct run *run)
{
    return address_to_pfn(run) + run->pages;
}

static struct run *make_run(pfn_t start, uint64_t pages, struct run *next)
{
    struct run *run = pfn_to_address(start);

    *run = (struct run){next, pages};
    return run;
}

/* The link to the first run at or above `pfn`, and the run before it. */
static struct run **place_of(struct pool *pool, pfn_t pfn, struct run **before)
{
    struct run **place = &pool->first;

    *before = NULL;
    while (*place && address_to_pfn(*place) < pfn) {
        *before = *place;
        place = &(*place)->next;
    }
    return place;
}

static void put(struct pool *pool, pfn_t start, uint64_t count)
{
    struct run *before, *next;
    struct run **place = place_of(pool, start, &before);

    next = *place;
    if (next && start + count == address_to_pfn(next)) {
        count += next->pages;
        next = next->next;
    }
    if (before && run_end(before) == start) {
        before->pages += count;
        before->next = next;
    } else {
        *place = make_run(start, count, next);
    }
}

static enum page_error insert_unlocked(struct pool *pool, pfn_t start, uint64_t count)
{
    enum page_error error = note_inserted(pool->present, pool->start, pool->end, start, count);

    if (error != PAGE_OK)
        return error;
    put(pool, start, count);
    return PAGE_OK;
}

static enum page_error runs_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = insert_unlocked(pool, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

/* Take [from, from + count) out of the run that `place` links to. */
static void cut(struct run **place, pfn_t from, uint64_t count)
{
    struct run *run = *place, *rest = run->next;
    pfn_t end = run_end(run);

    if (from + count < end)
        rest = make_run(from + count, end - from - count, rest);
    if (address_to_pfn(run) == from) {
        *place = rest;
    } else {
        run->pages = from - address_to_pfn(run);
        run->next = rest;
    }
}

static pfn_t take(struct pool *pool, uint64_t count)
{
    for (struct run **place = &pool->first; *place; place = &(*place)->next) {
        pfn_t from = round_up(address_to_pfn(*place), count), end = run_end(*place);
        if (from < end && end - from >= count) {
            cut(place, from, count);
            return from;
        }
    }
    return INVALID_PFN;
}

static pfn_t runs_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;

    if (order > MAX_ORDER)
        return INVALID_PFN;
    irq_flags_t flags = spin_lock(&pool->lock);
    pfn_t pfn = take(pool, order_pages(order));
    spin_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error runs_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);

    put(pool, pfn, order_pages(order));
    spin_unlock(&pool->lock, flags);
    return PAGE_OK;
}

static void runs_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    const struct pool *pool = memory;
    uint64_t left = pool->end - pool->start;

    for (const struct run *run = pool->first; run && left > 0; run = run->next, left--)
        if (!visit_run(address_to_pfn(run), run_end(run), MAX_ORDER, visit, context))
            return;
}

static const struct page_allocator page_runs = {
    .name = "page-runs",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                PROMISE_INSTANCEABLE | PROMISE_FREES_PARTS,
    .pool_size = sizeof(struct pool),
    .metadata_size = runs_metadata_size,
    .init = runs_init,
    .insert_pages = runs_insert,
    .allocate_pages = runs_allocate,
    .free_pages = runs_free,
    .for_each_free = runs_for_each_free,
};
PAGE_ALLOCATOR(page_runs);
