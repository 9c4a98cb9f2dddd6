/* Fulfils the contract by calls of the student's class. */
#include <arch/paging.h>
#include <lib/bitmap.h>
#include <lib/fail.h>
#include <mm/adapters/stacsos/adapter.h>

_Static_assert((int)MAX_ORDER == (int)STACSOS_LAST_ORDER,
               "StACSOS's largest order is 16: make MAX_ORDER=16");

/*
 * StACSOS maps all physical memory. So a solution may read page 0, the buddy of page 1, before it
 * knows whether that page is free.
 */
const bool paging_page_0_is_readable = true;

void *stacsos_page_array;

/*
 * As in StACSOS, the array begins at page frame 0, whatever memory there is. It ends with a whole
 * block of the largest order, because the last block may have its buddy beyond all memory.
 */
static uint64_t descriptors(pfn_t end)
{
    return (end | (order_pages(MAX_ORDER) - 1)) + 1;
}

size_t stacsos_metadata_size(pfn_t start, pfn_t end)
{
    (void)start;
    return descriptors(end) * stacsos_descriptor_size() + 2 * BITMAP_BYTES(end) + end;
}

void stacsos_use(struct stacsos_pool *pool)
{
    if (__atomic_load_n(&stacsos_page_array, __ATOMIC_RELAXED) != pool->page_array)
        __atomic_store_n(&stacsos_page_array, pool->page_array, __ATOMIC_RELAXED);
}

void stacsos_init(void *memory, void *metadata, pfn_t start, pfn_t end, unsigned ways)
{
    struct stacsos_pool *pool = memory;

    pool->page_array = metadata;
    pool->in_map = (uint64_t *)((char *)metadata + descriptors(end) * stacsos_descriptor_size());
    pool->free_map = pool->in_map + BITMAP_WORDS(end);
    pool->orders = (uint8_t *)(pool->free_map + BITMAP_WORDS(end));
    pool->ways = ways;
    pool->start = start;
    pool->end = end;
    stacsos_use(pool);
    stacsos_construct(pool->object);
}

bool stacsos_is_range(const struct stacsos_pool *pool, pfn_t start, uint64_t count)
{
    return count > 0 && start >= pool->start && start < pool->end && count <= pool->end - start;
}

/* In StACSOS the caller must not insert a page twice. So the adapter refuses such a call. */
enum page_error stacsos_insert_pages(void *memory, pfn_t start, uint64_t count)
{
    struct stacsos_pool *pool = memory;

    if (!stacsos_is_range(pool, start, count))
        return PAGE_BAD_RANGE;
    struct stacsos_misuse misuse = stacsos_judge_insert(pool, start, count);
    if (misuse.error)
        return stacsos_misuse_insert(pool, misuse, start, count);
    irq_flags_t flags = stacsos_call_begin(pool);
    bitmap_set_range(pool->in_map, start, count);
    bitmap_set_range(pool->free_map, start, count);
    pool->inserted += count;
    stacsos_insert(pool->object, start, count);
    stacsos_call_end(pool, flags);
    return PAGE_OK;
}

/* The names of the interface of 2026. */
static const char *error_name(enum stacsos_error error)
{
    static const char *const names[] = {"none", "out_of_memory", "order_out_of_range",
                                        "page_not_aligned_with_order", "not_implemented"};

    return (unsigned)error < sizeof(names) / sizeof(names[0]) ? names[error] : "an unknown error";
}

/*
 * The course's self-test expects out_of_memory if no block is large enough. For an order above
 * LastOrder the assignment does not say which of two errors is right, so both are accepted.
 */
static void check_refusal(unsigned order, enum stacsos_error error)
{
    if (error != STACSOS_OUT_OF_MEMORY &&
        (order <= STACSOS_LAST_ORDER || error != STACSOS_ORDER_OUT_OF_RANGE))
        fail(RULE_ERROR_CODE, "allocate_pages order %u: %s, expected out_of_memory", order,
             error_name(error));
}

/* Whether the maps cover this block. The oracle judges a block outside of the pool. */
static bool in_map(const struct stacsos_pool *pool, pfn_t pfn, unsigned order)
{
    return pfn < pool->end && order <= MAX_ORDER && order_pages(order) <= pool->end - pfn;
}

pfn_t stacsos_allocate_pages(void *memory, unsigned order)
{
    struct stacsos_pool *pool = memory;
    enum stacsos_error error;
    irq_flags_t flags = stacsos_call_begin(pool);
    pfn_t pfn = stacsos_allocate(pool->object, order, &error);

    if (in_map(pool, pfn, order)) {
        bitmap_clear_range(pool->free_map, pfn, order_pages(order));
        pool->orders[pfn] = (uint8_t)(order + 1);
    }
    stacsos_call_end(pool, flags);
    if (pfn == STACSOS_NO_PAGE) {
        check_refusal(order, error);
        return INVALID_PFN;
    }
    return pfn;
}

/*
 * Another core may get the block as soon as the student's code has it. So the maps are updated
 * before.
 */
enum page_error stacsos_free_pages(void *memory, pfn_t pfn, unsigned order)
{
    struct stacsos_pool *pool = memory;
    struct stacsos_misuse misuse = stacsos_judge_free(pool, pfn, order);

    if (misuse.error)
        return stacsos_misuse_free(pool, misuse, pfn, order);
    irq_flags_t flags = stacsos_call_begin(pool);
    if (in_map(pool, pfn, order)) {
        pool->orders[pfn] = 0;
        bitmap_set_range(pool->free_map, pfn, order_pages(order));
    }
    enum stacsos_error error = stacsos_free(pool->object, pfn, order);
    stacsos_call_end(pool, flags);
    if (error != STACSOS_NONE)
        fail(RULE_FREE_REFUSED, "pfn 0x%lx order %u, rightly freed: free_pages returned %s", pfn,
             order, error_name(error));
    return PAGE_OK;
}

/* ---- forgeries ---- */

/*
 * The page that a forged link leads to: the page itself, its buddy at some order, or any page of
 * the pool, free or held, rounded down to some order.
 */
static pfn_t forged_target(const struct stacsos_pool *pool, pfn_t pfn, uint64_t key)
{
    unsigned order = (unsigned)(key >> 8) % (MAX_ORDER + 1);
    pfn_t any = pool->start + (key >> 16) % (pool->end - pool->start);

    switch (key % 4) {
    case 0:
        return pfn;
    case 1:
    case 2:
        return buddy_of(pfn & ~(order_pages(order) - 1), order);
    default:
        return any & ~(order_pages(order) - 1);
    }
}

uint64_t stacsos_forge_descriptor(void *memory, pfn_t pfn, uint64_t key)
{
    const struct stacsos_pool *pool = memory;

    return (uintptr_t)pool->page_array + forged_target(pool, pfn, key) * stacsos_descriptor_size();
}

uint64_t stacsos_forge_number(void *memory, pfn_t pfn, uint64_t key)
{
    return forged_target(memory, pfn, key);
}
