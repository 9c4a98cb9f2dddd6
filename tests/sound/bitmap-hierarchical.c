/*
 * A bitmap with summaries above it: a bit of level n + 1 says that a word of level n is not zero. A
 * block lies in one word, so the largest order is 5. Also promises frees-parts, but nothing about
 * bad frees.
 */
#include "sound.h"

enum { LARGEST = 5, LEVELS = 4 }; /* enough for 64^4 words, more than there can be */

#define NONE UINT64_MAX

struct pool {
    struct spin lock;
    pfn_t start, end;
    pfn_t base; /* start rounded down to a word */
    uint64_t free_pages;
    uint64_t words[LEVELS]; /* words in each level */
    uint64_t *level[LEVELS];
    uint64_t *present;
};

static uint64_t level_words(pfn_t start, pfn_t end, unsigned level)
{
    uint64_t words = (end - round_down(start, WORD_BITS) + WORD_BITS - 1) / WORD_BITS;

    while (level-- > 0)
        words = (words + WORD_BITS - 1) / WORD_BITS;
    return words;
}

static size_t levels_size(pfn_t start, pfn_t end)
{
    uint64_t words = level_words(start, end, 0); /* of present */

    for (unsigned level = 0; level < LEVELS; level++)
        words += level_words(start, end, level);
    return words * sizeof(uint64_t);
}

static void levels_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->start = start;
    pool->end = end;
    pool->base = round_down(start, WORD_BITS);
    pool->present = metadata;
    uint64_t *next = pool->present + level_words(start, end, 0);
    for (unsigned level = 0; level < LEVELS; level++) {
        pool->level[level] = next;
        pool->words[level] = level_words(start, end, level);
        next += pool->words[level];
    }
}

/* Write a word of the lowest level, and update the levels above as far as they change. */
static void set_word(struct pool *pool, uint64_t index, uint64_t word)
{
    pool->level[0][index] = word;
    for (unsigned level = 1; level < LEVELS; level++) {
        bool was_set = pool->level[level][index / WORD_BITS] != 0;
        if (word)
            bit_set(pool->level[level], index);
        else
            bit_clear(pool->level[level], index);
        index /= WORD_BITS;
        word = pool->level[level][index];
        if (was_set == (word != 0))
            return;
    }
}

/* The first word of a level, at or behind `index`, that is not zero. */
static uint64_t next_word(const struct pool *pool, unsigned level, uint64_t index)
{
    while (index < pool->words[level]) {
        if (pool->level[level][index])
            return index;
        index++;
        if (level + 1 == LEVELS || index >= pool->words[level])
            continue;
        /* Look in the rest of the word above, then in the words behind it. */
        uint64_t above = index / WORD_BITS;
        uint64_t rest = pool->level[level + 1][above] & (~0ull << index % WORD_BITS);
        if (!rest) {
            above = next_word(pool, level + 1, above + 1);
            if (above == NONE)
                return NONE;
            rest = pool->level[level + 1][above];
        }
        index = above * WORD_BITS + (unsigned)__builtin_ctzll(rest);
    }
    return NONE;
}

static void put(struct pool *pool, pfn_t pfn, unsigned order)
{
    uint64_t bit = pfn - pool->base, index = bit / WORD_BITS;

    set_word(pool, index, pool->level[0][index] | word_mask(bit % WORD_BITS, order));
    pool->free_pages += order_pages(order);
}

static enum page_error insert_unlocked(struct pool *pool, pfn_t start, uint64_t count)
{
    enum page_error error = note_inserted(pool->present, pool->start, pool->end, start, count);

    if (error != PAGE_OK)
        return error;
    for (pfn_t pfn = start; pfn < start + count; pfn++)
        put(pool, pfn, 0);
    return PAGE_OK;
}

static enum page_error levels_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = insert_unlocked(pool, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

static pfn_t take(struct pool *pool, unsigned order)
{
    uint64_t index = next_word(pool, 0, 0);

    while (index != NONE && !word_blocks(pool->level[0][index], order))
        index = next_word(pool, 0, index + 1);
    if (index == NONE)
        return INVALID_PFN;
    uint64_t word = pool->level[0][index];
    unsigned bit = (unsigned)__builtin_ctzll(word_blocks(word, order));
    set_word(pool, index, word & ~word_mask(bit, order));
    pool->free_pages -= order_pages(order);
    return pool->base + index * WORD_BITS + bit;
}

static pfn_t levels_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;

    if (order > LARGEST)
        return INVALID_PFN;
    irq_flags_t flags = spin_lock(&pool->lock);
    pfn_t pfn = take(pool, order);
    spin_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error levels_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);

    put(pool, pfn, order);
    spin_unlock(&pool->lock, flags);
    return PAGE_OK;
}

static uint64_t levels_free_page_count(void *memory)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    uint64_t count = pool->free_pages;

    spin_unlock(&pool->lock, flags);
    return count;
}

static const struct page_allocator hierarchical = {
    .name = "bitmap-hierarchical",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE | PROMISE_FREES_PARTS,
    .orders = ORDERS_UP_TO(LARGEST),
    .pool_size = sizeof(struct pool),
    .metadata_size = levels_size,
    .init = levels_init,
    .insert_pages = levels_insert,
    .allocate_pages = levels_allocate,
    .free_pages = levels_free,
    .free_page_count = levels_free_page_count,
};
PAGE_ALLOCATOR(hierarchical);
