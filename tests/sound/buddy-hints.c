/*
 * A buddy without lists: memory is chunks of 512 pages, each searched block by block, and a hint
 * for each chunk says how large its largest free block is at most. A search that fails corrects the
 * hint. Largest order 9. Makes every promise except smallest-fit, frees-parts and true-placement.
 */
#include "sound.h"

enum { LARGEST = 9, CHUNK = 1 << LARGEST };

enum {
    ABSENT,
    INSIDE,
    FREE = 0x40,
    HELD = 0x80
}; /* FREE | order, HELD | order: at the first page of a block */

struct pool {
    struct spin lock;
    pfn_t start, end;
    pfn_t base; /* start rounded down to a chunk */
    uint64_t chunks;
    uint8_t *hints;  /* upper bound for the largest free block: order + 1; 0: none */
    uint8_t *states; /* one byte for each page from `base` on, whole chunks */
};

static uint64_t chunk_count(pfn_t start, pfn_t end)
{
    return (round_up(end, CHUNK) - round_down(start, CHUNK)) / CHUNK;
}

static size_t chunks_size(pfn_t start, pfn_t end)
{
    return chunk_count(start, end) * (CHUNK + 1);
}

static void hints_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->start = start;
    pool->end = end;
    pool->base = round_down(start, CHUNK);
    pool->chunks = chunk_count(start, end);
    pool->states = metadata;
    pool->hints = pool->states + pool->chunks * CHUNK;
}

/* A block lies within one chunk, so its buddy lies in the same one. */
static void put(struct pool *pool, pfn_t pfn, unsigned order)
{
    uint8_t *hint = &pool->hints[(pfn - pool->base) / CHUNK];

    pool->states[pfn - pool->base] = INSIDE;
    while (order < LARGEST && pool->states[buddy_of(pfn, order) - pool->base] == (FREE | order)) {
        pool->states[buddy_of(pfn, order) - pool->base] = INSIDE;
        pfn &= ~order_pages(order);
        order++;
    }
    pool->states[pfn - pool->base] = (uint8_t)(FREE | order);
    if (*hint <= order)
        *hint = (uint8_t)(order + 1);
}

static enum page_error insert_unlocked(struct pool *pool, pfn_t start, uint64_t count)
{
    if (!range_is_within(start, count, pool->start, pool->end))
        return PAGE_BAD_RANGE;
    for (uint64_t i = 0; i < count; i++)
        if (pool->states[start - pool->base + i] != ABSENT)
            return PAGE_ALREADY_IN;
    memset(pool->states + (start - pool->base), INSIDE, count);
    for (pfn_t pfn = start, end = start + count; pfn < end;) {
        unsigned order = order_that_fits(pfn, end, LARGEST);
        put(pool, pfn, order);
        pfn += order_pages(order);
    }
    return PAGE_OK;
}

static enum page_error hints_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = insert_unlocked(pool, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

/* Halve a free block until it has this order. The upper halves stay free. */
static void split(uint8_t *states, unsigned from, unsigned order)
{
    while (from-- > order)
        states[order_pages(from)] = (uint8_t)(FREE | from);
    *states = (uint8_t)(HELD | order);
}

static pfn_t take_from(struct pool *pool, uint64_t chunk, unsigned order)
{
    uint8_t *states = pool->states + chunk * CHUNK, largest = 0;

    for (unsigned page = 0; page < CHUNK;) {
        uint8_t state = states[page];
        unsigned of = state & (FREE | HELD) ? state & ~(FREE | HELD) : 0;
        if ((state & FREE) && of >= order) {
            split(states + page, of, order);
            return pool->base + chunk * CHUNK + page;
        }
        if ((state & FREE) && of + 1 > largest)
            largest = (uint8_t)(of + 1);
        page += 1u << of;
    }
    pool->hints[chunk] = largest;
    return INVALID_PFN;
}

static pfn_t hints_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    pfn_t pfn = INVALID_PFN;

    for (uint64_t chunk = 0; chunk < pool->chunks && pfn == INVALID_PFN; chunk++)
        if (pool->hints[chunk] > order)
            pfn = take_from(pool, chunk, order);
    spin_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error free_unlocked(struct pool *pool, pfn_t pfn, unsigned order)
{
    if (pfn < pool->start || pfn >= pool->end)
        return PAGE_BAD_RANGE;
    uint8_t state = pool->states[pfn - pool->base];
    if (!(state & HELD))
        return PAGE_NOT_ALLOCATED;
    if ((unsigned)(state & ~HELD) != order)
        return PAGE_WRONG_ORDER;
    put(pool, pfn, order);
    return PAGE_OK;
}

static enum page_error hints_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = free_unlocked(pool, pfn, order);

    spin_unlock(&pool->lock, flags);
    return error;
}

static void hints_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    const struct pool *pool = memory;

    for (uint64_t i = 0; i < pool->chunks * CHUNK; i++)
        if ((pool->states[i] & FREE) && !visit(context, pool->base + i, pool->states[i] & ~FREE))
            return;
}

static const struct page_allocator buddy_hints = {
    .name = "buddy-hints",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE |
                PROMISE_TRUE_OOM | PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .orders = ORDERS_UP_TO(LARGEST),
    .pool_size = sizeof(struct pool),
    .metadata_size = chunks_size,
    .init = hints_init,
    .insert_pages = hints_insert,
    .allocate_pages = hints_allocate,
    .free_pages = hints_free,
    .for_each_free = hints_for_each_free,
};
PAGE_ALLOCATOR(buddy_hints);
