/*
 * Hands out a block a second time while it is held: "overlap".
 *
 * The same core's next call gets the block again. So no other core can have freed it in between.
 */
#include "subject.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;
    struct subject_block *last = subject_last(pool);

    if (last->is_out && last->order == order && subject_turn(pool, 50))
        return last->pfn;
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

SUBJECT("overlap", SOUND_PROMISES, .allocate_pages = allocate, .free_pages = free_block);
