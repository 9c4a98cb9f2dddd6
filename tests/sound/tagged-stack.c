/*
 * Single pages in a lock-free stack (Treiber, 1986): its 64-bit head holds a page and a tag that
 * counts changes, so that a compare-and-swap notices when the head has changed and come back. The
 * links are outside of the pages. The stack is empty at one instant, so it promises true-oom.
 */
#include "sound.h"

struct pool {
    uint64_t head; /* tag << 32 | index + 1; 0 in the lower half: empty; atomic */
    pfn_t start, end;
    uint32_t *next;    /* index + 1 of the page below; atomic */
    uint64_t *present; /* atomic */
};

static size_t stack_metadata_size(pfn_t start, pfn_t end)
{
    return bit_bytes(end - start) + (end - start) * sizeof(uint32_t);
}

static void stack_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->start = start;
    pool->end = end;
    pool->present = metadata;
    pool->next = (uint32_t *)(void *)((char *)metadata + bit_bytes(end - start));
}

static uint64_t with_page(uint64_t head, uint32_t page)
{
    return ((head >> 32) + 1) << 32 | page;
}

static void push(struct pool *pool, pfn_t pfn)
{
    uint32_t page = (uint32_t)(pfn - pool->start) + 1;
    uint64_t head = __atomic_load_n(&pool->head, __ATOMIC_RELAXED);

    do
        __atomic_store_n(&pool->next[page - 1], (uint32_t)head, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&pool->head, &head, with_page(head, page), true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

/*
 * If another core has taken the page meanwhile, the tag differs and the link that was read is not
 * used.
 */
static pfn_t pop(struct pool *pool)
{
    uint64_t head = __atomic_load_n(&pool->head, __ATOMIC_ACQUIRE);

    while ((uint32_t)head) {
        uint32_t page = (uint32_t)head;
        uint32_t next = __atomic_load_n(&pool->next[page - 1], __ATOMIC_RELAXED);
        if (__atomic_compare_exchange_n(&pool->head, &head, with_page(head, next), true,
                                        __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
            return pool->start + page - 1;
    }
    return INVALID_PFN;
}

static uint64_t *present_word(struct pool *pool, pfn_t pfn)
{
    return &pool->present[(pfn - pool->start) / WORD_BITS];
}

static uint64_t present_bit(const struct pool *pool, pfn_t pfn)
{
    return (uint64_t)1 << (pfn - pool->start) % WORD_BITS;
}

/* Mark the pages as inserted. If one of them already is, undo everything and return false. */
static bool claim(struct pool *pool, pfn_t start, pfn_t end)
{
    for (pfn_t pfn = start; pfn < end; pfn++) {
        uint64_t bit = present_bit(pool, pfn);
        if (!(__atomic_fetch_or(present_word(pool, pfn), bit, __ATOMIC_ACQ_REL) & bit))
            continue;
        while (pfn-- > start)
            __atomic_fetch_and(present_word(pool, pfn), ~present_bit(pool, pfn), __ATOMIC_ACQ_REL);
        return false;
    }
    return true;
}

static enum page_error stack_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;

    if (!range_is_within(start, count, pool->start, pool->end))
        return PAGE_BAD_RANGE;
    if (!claim(pool, start, start + count))
        return PAGE_ALREADY_IN;
    for (pfn_t pfn = start; pfn < start + count; pfn++)
        push(pool, pfn);
    return PAGE_OK;
}

static pfn_t stack_allocate(void *memory, unsigned order)
{
    return order == 0 ? pop(memory) : INVALID_PFN;
}

static enum page_error stack_free(void *memory, pfn_t pfn, unsigned order)
{
    (void)order;
    push(memory, pfn);
    return PAGE_OK;
}

static const struct page_allocator tagged_stack = {
    .name = "tagged-stack",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_TRUE_OOM | PROMISE_INSTANCEABLE |
                PROMISE_METADATA_OUTSIDE,
    .orders = ORDERS_UP_TO(0),
    .pool_size = sizeof(struct pool),
    .metadata_size = stack_metadata_size,
    .init = stack_init,
    .insert_pages = stack_insert,
    .allocate_pages = stack_allocate,
    .free_pages = stack_free,
};
PAGE_ALLOCATOR(tagged_stack);
