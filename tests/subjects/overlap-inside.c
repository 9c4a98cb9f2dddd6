/*
 * Hands out a page from the middle of a held block: "overlap".
 *
 * An allocator does this if it compares a page's state without its order.
 */
#include "subject.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;
    struct subject_block *last = subject_last(pool);

    if (last->is_out && last->order > order && subject_turn(pool, 50))
        return last->pfn + order_pages(order);
    pfn_t pfn = sound_allocate(pool, order);
    *last = (struct subject_block){.is_out = pfn != INVALID_PFN, .pfn = pfn, .order = order};
    return pfn;
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct subject_block *last = subject_last(memory);

    if (last->pfn == pfn)
        last->is_out = false;
    return sound_free(memory, pfn, order);
}

SUBJECT("overlap-inside", SOUND_PROMISES, .allocate_pages = allocate, .free_pages = free_block);
