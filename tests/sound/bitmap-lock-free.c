/*
 * A bitmap without any lock: a block lies in one word, which a compare-and-swap changes; largest
 * order 6. A search may pass a word just before its pages are freed, so it does not promise
 * true-oom. It promises nothing about bad frees.
 */
#include "sound.h"

enum { LARGEST = 6 };

struct pool {
    pfn_t start, end;
    pfn_t base; /* start rounded down to a word */
    uint64_t words;
    uint64_t *free;    /* atomic */
    uint64_t *present; /* atomic */
};

static uint64_t word_count(pfn_t start, pfn_t end)
{
    return (end - round_down(start, WORD_BITS) + WORD_BITS - 1) / WORD_BITS;
}

static size_t words_size(pfn_t start, pfn_t end)
{
    return 2 * word_count(start, end) * sizeof(uint64_t);
}

static void words_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->start = start;
    pool->end = end;
    pool->base = round_down(start, WORD_BITS);
    pool->words = word_count(start, end);
    pool->free = metadata;
    pool->present = pool->free + pool->words;
}

/* The bits of [bit, end) that lie in the same word as `bit`, as a mask. */
static uint64_t piece(uint64_t bit, uint64_t end)
{
    uint64_t mask = ~0ull << bit % WORD_BITS;

    if (end / WORD_BITS == bit / WORD_BITS)
        mask &= ((uint64_t)1 << end % WORD_BITS) - 1;
    return mask;
}

static uint64_t next_piece(uint64_t bit)
{
    return (bit / WORD_BITS + 1) * WORD_BITS;
}

static void clear_bits(uint64_t *map, uint64_t bit, uint64_t end)
{
    for (; bit < end; bit = next_piece(bit))
        __atomic_fetch_and(&map[bit / WORD_BITS], ~piece(bit, end), __ATOMIC_RELEASE);
}

/* Mark the pages as inserted. If one of them already is, undo everything and return false. */
static bool claim(struct pool *pool, uint64_t first, uint64_t end)
{
    for (uint64_t bit = first; bit < end; bit = next_piece(bit)) {
        uint64_t mask = piece(bit, end), *word = &pool->present[bit / WORD_BITS];
        uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED);
        do {
            if (old & mask) {
                clear_bits(pool->present, first, bit);
                return false;
            }
        } while (!__atomic_compare_exchange_n(word, &old, old | mask, true, __ATOMIC_ACQ_REL,
                                              __ATOMIC_RELAXED));
    }
    return true;
}

static enum page_error words_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;

    if (!range_is_within(start, count, pool->start, pool->end))
        return PAGE_BAD_RANGE;
    uint64_t first = start - pool->base, end = first + count;
    if (!claim(pool, first, end))
        return PAGE_ALREADY_IN;
    for (uint64_t bit = first; bit < end; bit = next_piece(bit))
        __atomic_fetch_or(&pool->free[bit / WORD_BITS], piece(bit, end), __ATOMIC_RELEASE);
    return PAGE_OK;
}

/* Take a block from this word. Returns INVALID_PFN if it has none. */
static pfn_t take_from(struct pool *pool, uint64_t index, unsigned order)
{
    uint64_t word = __atomic_load_n(&pool->free[index], __ATOMIC_RELAXED);

    while (word_blocks(word, order)) {
        unsigned bit = (unsigned)__builtin_ctzll(word_blocks(word, order));
        if (__atomic_compare_exchange_n(&pool->free[index], &word, word & ~word_mask(bit, order),
                                        true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return pool->base + index * WORD_BITS + bit;
    }
    return INVALID_PFN;
}

static pfn_t words_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    pfn_t pfn = INVALID_PFN;

    if (order > LARGEST)
        return INVALID_PFN;
    for (uint64_t index = 0; index < pool->words && pfn == INVALID_PFN; index++)
        pfn = take_from(pool, index, order);
    return pfn;
}

static enum page_error words_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    uint64_t bit = pfn - pool->base;

    __atomic_fetch_or(&pool->free[bit / WORD_BITS], word_mask(bit % WORD_BITS, order),
                      __ATOMIC_RELEASE);
    return PAGE_OK;
}

static uint64_t words_free_page_count(void *memory)
{
    struct pool *pool = memory;
    uint64_t count = 0;

    for (uint64_t index = 0; index < pool->words; index++)
        for (uint64_t word = __atomic_load_n(&pool->free[index], __ATOMIC_RELAXED); word;
             word &= word - 1)
            count++;
    return count;
}

static const struct page_allocator lock_free = {
    .name = "bitmap-lock-free",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_INSTANCEABLE |
                PROMISE_METADATA_OUTSIDE | PROMISE_FREES_PARTS,
    .orders = ORDERS_UP_TO(LARGEST),
    .pool_size = sizeof(struct pool),
    .metadata_size = words_size,
    .init = words_init,
    .insert_pages = words_insert,
    .allocate_pages = words_allocate,
    .free_pages = words_free,
    .free_page_count = words_free_page_count,
};
PAGE_ALLOCATOR(lock_free);
