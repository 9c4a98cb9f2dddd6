/*
 * Misuse: calls that no careful caller makes. StACSOS does not say what a solution does then. So
 * the adapter normally refuses them itself. Under HARDENING=1, one kind of them at a time reaches
 * the student's code.
 */
#include <lib/bitmap.h>
#include <lib/log.h>
#include <mm/adapters/stacsos/adapter.h>
#include <mm/adapters/stacsos/runtime.h>

/* Whether all these pages are in the pool and free. */
static bool all_free(const struct stacsos_pool *pool, pfn_t start, uint64_t count)
{
    return stacsos_is_range(pool, start, count) &&
           bitmap_find_clear(pool->free_map, start, start + count) == BITMAP_NONE;
}

/*
 * Whether these free pages are one whole block in a solution that merges: the larger block around
 * them is not free.
 */
static bool is_block(const struct stacsos_pool *pool, pfn_t start, uint64_t count)
{
    return (count & (count - 1)) == 0 && start % count == 0 &&
           (count == order_pages(MAX_ORDER) ||
            !all_free(pool, start & ~(2 * count - 1), 2 * count));
}

/* Judge a free within the pool, with a valid order and alignment. */
static struct stacsos_misuse judge_block(const struct stacsos_pool *pool, pfn_t pfn, unsigned order)
{
    uint64_t count = order_pages(order);

    if (pool->orders[pfn] == order + 1)
        return (struct stacsos_misuse){PAGE_OK, 0};
    if (pool->orders[pfn])
        return (struct stacsos_misuse){PAGE_WRONG_ORDER,
                                       order >= pool->orders[pfn] ? STACSOS_WRONG_ORDER : 0};
    if (bitmap_find_clear(pool->in_map, pfn, pfn + count) != BITMAP_NONE)
        return (struct stacsos_misuse){PAGE_NOT_ALLOCATED, STACSOS_FOREIGN};
    if (!all_free(pool, pfn, count))
        return (struct stacsos_misuse){PAGE_NOT_ALLOCATED, 0};
    return (struct stacsos_misuse){
        PAGE_NOT_ALLOCATED, is_block(pool, pfn, count) ? STACSOS_DOUBLE_FREE : STACSOS_INNER_FREE};
}

/* Outside of the pool there are no descriptors. So in StACSOS no caller can name such a page. */
struct stacsos_misuse stacsos_judge_free(const struct stacsos_pool *pool, pfn_t pfn, unsigned order)
{
    if (!(pool->ways & STACSOS_MISUSE))
        return (struct stacsos_misuse){PAGE_OK, 0};
    if (!stacsos_is_range(pool, pfn, 1))
        return (struct stacsos_misuse){PAGE_NOT_ALLOCATED, 0};
    if (order > MAX_ORDER)
        return (struct stacsos_misuse){PAGE_BAD_ORDER, STACSOS_BAD_ORDER};
    if (!stacsos_is_range(pool, pfn, order_pages(order)))
        return (struct stacsos_misuse){PAGE_BAD_RANGE, 0};
    if (pfn % order_pages(order))
        return (struct stacsos_misuse){PAGE_MISALIGNED, STACSOS_MISALIGNED};
    return judge_block(pool, pfn, order);
}

struct stacsos_misuse stacsos_judge_insert(const struct stacsos_pool *pool, pfn_t start,
                                           uint64_t count)
{
    if (bitmap_find_set(pool->in_map, start, start + count) == BITMAP_NONE)
        return (struct stacsos_misuse){PAGE_OK, 0};
    if (!all_free(pool, start, count))
        return (struct stacsos_misuse){PAGE_ALREADY_IN, 0};
    return (struct stacsos_misuse){PAGE_ALREADY_IN, is_block(pool, start, count)
                                                        ? STACSOS_DOUBLE_INSERT
                                                        : STACSOS_INNER_INSERT};
}

/* Log once that a misuse reached the code: then a refusal is the code's own. */
static void tell_once(void)
{
    static bool told;

    if (!told)
        log_line("misuse=reached (a call that is to be refused reaches the code)");
    told = true;
}

enum page_error stacsos_misuse_free(struct stacsos_pool *pool, struct stacsos_misuse misuse,
                                    pfn_t pfn, unsigned order)
{
    if (!(pool->ways & misuse.kind))
        return misuse.error;
    tell_once();
    irq_flags_t flags = stacsos_call_begin(pool);
    stacsos_in_misuse = 1;
    stacsos_free(pool->object, pfn, order);
    stacsos_in_misuse = 0;
    stacsos_call_end(pool, flags);
    return misuse.error;
}

enum page_error stacsos_misuse_insert(struct stacsos_pool *pool, struct stacsos_misuse misuse,
                                      pfn_t start, uint64_t count)
{
    if (!(pool->ways & misuse.kind))
        return misuse.error;
    tell_once();
    irq_flags_t flags = stacsos_call_begin(pool);
    stacsos_in_misuse = 1;
    stacsos_insert(pool->object, start, count);
    stacsos_in_misuse = 0;
    stacsos_call_end(pool, flags);
    return misuse.error;
}
