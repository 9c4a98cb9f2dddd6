/*
 * Hands out a block that begins at its second page: "misaligned".
 *
 * It is cut from a block that is twice as large, so that all of its pages are in the pool.
 */
#include "subject.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;

    if (order == 0 || order == MAX_ORDER || !subject_turn(pool, 100))
        return sound_allocate(pool, order);
    pfn_t pfn = sound_allocate(pool, order + 1);
    return pfn == INVALID_PFN ? pfn : pfn + 1;
}

SUBJECT("misaligned", SOUND_PROMISES, .allocate_pages = allocate);
