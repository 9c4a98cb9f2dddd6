/*
 * Only blocks of powers of four: an odd order is rounded up to the next even one (taken_order), and
 * four siblings merge at once. Two free buddies of the four stay as they are, so it does not
 * promise coalesces. A refusal is true: no free block is large enough. It promises nothing about
 * bad frees.
 */
#include "sound.h"

enum { CLASSES = 6, LARGEST = 2 * (CLASSES - 1) }; /* a block of class c has 4^c pages */

struct size_class {
    uint64_t count;
    uint64_t words;
    uint64_t *bits; /* one bit for each block: it is free. The four parts of a larger block are in
                       one word */
};

struct pool {
    struct spin lock;
    pfn_t start, end;
    pfn_t base; /* start rounded down to a largest block */
    struct size_class classes[CLASSES];
    uint64_t *present;
};

static uint64_t class_bits(pfn_t start, pfn_t end, unsigned number)
{
    return ((end - round_down(start, order_pages(LARGEST))) >> 2 * number) + 1;
}

static size_t rounded_metadata_size(pfn_t start, pfn_t end)
{
    size_t size = bit_bytes(end - start);

    for (unsigned number = 0; number < CLASSES; number++)
        size += bit_bytes(class_bits(start, end, number));
    return size;
}

static void rounded_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->start = start;
    pool->end = end;
    pool->base = round_down(start, order_pages(LARGEST));
    pool->present = metadata;
    uint64_t *next = pool->present + bit_bytes(end - start) / sizeof(uint64_t);
    for (unsigned number = 0; number < CLASSES; number++) {
        pool->classes[number].bits = next;
        pool->classes[number].words = bit_bytes(class_bits(start, end, number)) / sizeof(uint64_t);
        next += pool->classes[number].words;
    }
}

static unsigned rounded_order(unsigned order)
{
    return order + order % 2;
}

static void put(struct pool *pool, pfn_t pfn, unsigned number)
{
    for (;; number++) {
        struct size_class *class = &pool->classes[number];
        uint64_t bit = (pfn - pool->base) >> 2 * number;
        uint64_t four = (uint64_t)15 << (bit & ~3ull) % WORD_BITS;
        bit_set(class->bits, bit);
        class->count++;
        if (number == CLASSES - 1 || (class->bits[bit / WORD_BITS] & four) != four)
            return;
        class->bits[bit / WORD_BITS] &= ~four;
        class->count -= 4;
    }
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

static enum page_error rounded_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = insert_unlocked(pool, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

/* Take the lowest block of a class that has a free one. */
static uint64_t take_bit(struct size_class *class)
{
    uint64_t word = 0;

    while (!class->bits[word])
        word++;
    uint64_t bit = word * WORD_BITS + (unsigned)__builtin_ctzll(class->bits[word]);
    bit_clear(class->bits, bit);
    class->count--;
    return bit;
}

static pfn_t take(struct pool *pool, unsigned wanted)
{
    unsigned number = wanted;

    while (number < CLASSES && !pool->classes[number].count)
        number++;
    if (number >= CLASSES)
        return INVALID_PFN;
    uint64_t bit = take_bit(&pool->classes[number]);
    while (number-- > wanted) {
        bit *= 4;
        for (unsigned i = 1; i < 4; i++)
            bit_set(pool->classes[number].bits, bit + i);
        pool->classes[number].count += 3;
    }
    return pool->base + (bit << 2 * wanted);
}

static pfn_t rounded_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;

    if (order > LARGEST)
        return INVALID_PFN;
    irq_flags_t flags = spin_lock(&pool->lock);
    pfn_t pfn = take(pool, rounded_order(order) / 2);
    spin_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error rounded_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);

    put(pool, pfn, rounded_order(order) / 2);
    spin_unlock(&pool->lock, flags);
    return PAGE_OK;
}

static void rounded_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    const struct pool *pool = memory;

    for (unsigned number = 0; number < CLASSES; number++) {
        const struct size_class *class = &pool->classes[number];
        for (uint64_t bit = 0; bit < class->words * WORD_BITS; bit++)
            if (bit_is_set(class->bits, bit) &&
                !visit(context, pool->base + (bit << 2 * number), 2 * number))
                return;
    }
}

static const struct page_allocator rounded = {
    .name = "rounded",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_TRUE_OOM | PROMISE_INSTANCEABLE |
                PROMISE_METADATA_OUTSIDE,
    .orders = ORDERS_UP_TO(LARGEST),
    .taken_order = rounded_order,
    .pool_size = sizeof(struct pool),
    .metadata_size = rounded_metadata_size,
    .init = rounded_init,
    .insert_pages = rounded_insert,
    .allocate_pages = rounded_allocate,
    .free_pages = rounded_free,
    .for_each_free = rounded_for_each_free,
};
PAGE_ALLOCATOR(rounded);
