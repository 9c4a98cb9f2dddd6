/*
 * Undoes one step too many if it cannot take all pages of a block: "overlap". Lock-free.
 *
 * It takes a block page by page. If another core takes one of the pages first, it frees those it
 * has taken so far. But the undo includes the index that failed, so it frees the other core's page,
 * too. LLFree at 970bb3d undoes the wrong entries in such a place.
 */
#include <mm/environment.h>

enum { ABSENT, FREE, HELD };

struct undo_pool {
    pfn_t start, end;
    uint8_t *map; /* atomic */
};

static size_t metadata_size(pfn_t start, pfn_t end)
{
    return end - start;
}

static void init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct undo_pool *pool = memory;

    *pool = (struct undo_pool){start, end, metadata};
}

static bool change(uint8_t *state, uint8_t from, uint8_t to)
{
    return __atomic_compare_exchange_n(state, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static bool looks_free(const uint8_t *state, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (__atomic_load_n(&state[i], __ATOMIC_RELAXED) != FREE)
            return false;
    return true;
}

static bool take(uint8_t *state, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (change(&state[i], FREE, HELD))
            continue;
        for (uint64_t undone = 0; undone <= i; undone++)
            __atomic_store_n(&state[undone], FREE, __ATOMIC_RELEASE);
        return false;
    }
    return true;
}

static enum page_error insert(void *memory, pfn_t start, uint64_t count)
{
    struct undo_pool *pool = memory;
    uint8_t *state = &pool->map[start - pool->start];

    for (uint64_t i = 0; i < count; i++)
        if (__atomic_load_n(&state[i], __ATOMIC_RELAXED) != ABSENT)
            return PAGE_ALREADY_IN;
    for (uint64_t i = 0; i < count; i++)
        __atomic_store_n(&state[i], FREE, __ATOMIC_RELEASE);
    return PAGE_OK;
}

static pfn_t allocate(void *memory, unsigned order)
{
    struct undo_pool *pool = memory;
    uint64_t count = order_pages(order <= MAX_ORDER ? order : 0);
    pfn_t pfn = (pool->start + count - 1) & ~(count - 1);

    for (; order <= MAX_ORDER && pfn + count <= pool->end; pfn += count) {
        uint8_t *state = &pool->map[pfn - pool->start];
        if (looks_free(state, count) && take(state, count))
            return pfn;
    }
    return INVALID_PFN;
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct undo_pool *pool = memory;

    for (uint64_t i = 0; i < order_pages(order); i++)
        __atomic_store_n(&pool->map[pfn - pool->start + i], FREE, __ATOMIC_RELEASE);
    return PAGE_OK;
}

static bool is_free(const struct undo_pool *pool, pfn_t pfn)
{
    return pfn < pool->end && pool->map[pfn - pool->start] == FREE;
}

/* Shows free pages as the largest blocks that fit. */
static void for_each_free(void *memory, page_visit_free *visit, void *context)
{
    const struct undo_pool *pool = memory;

    for (pfn_t pfn = pool->start, end = pfn; pfn < pool->end; pfn = end) {
        for (end = pfn; is_free(pool, end);)
            end++;
        for (unsigned order = 0; pfn < end; pfn += order_pages(order)) {
            order = largest_order(pfn, end);
            if (!visit(context, pfn, order))
                return;
        }
        end++;
    }
}

static const struct page_allocator undo_too_far = {
    .name = "undo-too-far",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_INSTANCEABLE |
                PROMISE_METADATA_OUTSIDE,
    .most_blocks = 4096, /* because each search walks the map */
    .pool_size = sizeof(struct undo_pool),
    .metadata_size = metadata_size,
    .init = init,
    .insert_pages = insert,
    .allocate_pages = allocate,
    .free_pages = free_block,
    .for_each_free = for_each_free,
};
PAGE_ALLOCATOR(undo_too_far);
