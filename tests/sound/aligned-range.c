/*
 * The range must begin and end at multiples of the largest block, 512 pages (range_alignment),
 * because the allocator counts pages from its start. It never looks at absolute page numbers. A
 * count of free pages for each chunk shortens the search. Also promises frees-parts, but nothing
 * about bad frees.
 */
#include "sound.h"

enum { LARGEST = 9, CHUNK = 1 << LARGEST, WORDS = CHUNK / WORD_BITS, WORD_ORDER = 6 };

struct chunk {
    uint64_t free[WORDS];
    uint64_t present[WORDS];
    uint64_t count; /* of free pages */
};

struct pool {
    struct spin lock;
    pfn_t start, end;
    struct chunk *chunks;
};

static size_t chunks_size(pfn_t start, pfn_t end)
{
    return (end - start) / CHUNK * sizeof(struct chunk);
}

static void aligned_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    ASSERT(start % CHUNK == 0);
    ASSERT(end % CHUNK == 0);
    *(struct pool *)memory = (struct pool){.start = start, .end = end, .chunks = metadata};
}

static bool any_present(const struct pool *pool, uint64_t page, uint64_t count)
{
    for (uint64_t i = page; i < page + count; i++)
        if (bit_is_set(pool->chunks[i / CHUNK].present, i % CHUNK))
            return true;
    return false;
}

static enum page_error insert_unlocked(struct pool *pool, pfn_t start, uint64_t count)
{
    if (!range_is_within(start, count, pool->start, pool->end))
        return PAGE_BAD_RANGE;
    if (any_present(pool, start - pool->start, count))
        return PAGE_ALREADY_IN;
    for (uint64_t i = start - pool->start; i < start - pool->start + count; i++) {
        bit_set(pool->chunks[i / CHUNK].present, i % CHUNK);
        bit_set(pool->chunks[i / CHUNK].free, i % CHUNK);
        pool->chunks[i / CHUNK].count++;
    }
    return PAGE_OK;
}

static enum page_error aligned_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = insert_unlocked(pool, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

static bool words_are_full(const uint64_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (words[i] != ~(uint64_t)0)
            return false;
    return true;
}

/* The first page of a free block in the chunk, or CHUNK. */
static unsigned find(const struct chunk *chunk, unsigned order)
{
    unsigned step = order > WORD_ORDER ? 1u << (order - WORD_ORDER) : 1;

    for (unsigned word = 0; word < WORDS; word += step) {
        uint64_t blocks = word_blocks(chunk->free[word], order < WORD_ORDER ? order : WORD_ORDER);
        if (blocks && words_are_full(chunk->free + word, order > WORD_ORDER ? step : 0))
            return word * WORD_BITS + (unsigned)__builtin_ctzll(blocks);
    }
    return CHUNK;
}

static pfn_t take(struct pool *pool, unsigned order)
{
    for (uint64_t i = 0; i < (pool->end - pool->start) / CHUNK; i++) {
        struct chunk *chunk = &pool->chunks[i];
        unsigned page = chunk->count >= order_pages(order) ? find(chunk, order) : CHUNK;
        if (page == CHUNK)
            continue;
        bits_change(chunk->free, page, order_pages(order), false);
        chunk->count -= order_pages(order);
        return pool->start + i * CHUNK + page;
    }
    return INVALID_PFN;
}

static pfn_t aligned_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;

    if (order > LARGEST)
        return INVALID_PFN;
    irq_flags_t flags = spin_lock(&pool->lock);
    pfn_t pfn = take(pool, order);
    spin_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error aligned_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    struct chunk *chunk = &pool->chunks[(pfn - pool->start) / CHUNK];
    irq_flags_t flags = spin_lock(&pool->lock);

    bits_change(chunk->free, (pfn - pool->start) % CHUNK, order_pages(order), true);
    chunk->count += order_pages(order);
    spin_unlock(&pool->lock, flags);
    return PAGE_OK;
}

static const struct page_allocator aligned_range = {
    .name = "aligned-range",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE | PROMISE_FREES_PARTS,
    .orders = ORDERS_UP_TO(LARGEST),
    .range_alignment = CHUNK,
    .pool_size = sizeof(struct pool),
    .metadata_size = chunks_size,
    .init = aligned_init,
    .insert_pages = aligned_insert,
    .allocate_pages = aligned_allocate,
    .free_pages = aligned_free,
};
PAGE_ALLOCATOR(aligned_range);
