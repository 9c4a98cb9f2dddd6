/*
 * Drops the upper half of a split block now and then: "lost".
 *
 * It does not promise that out of memory is true: with pages lost it is not, and that is not what
 * this one is about.
 */
#include "subject.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;
    pfn_t pfn = sound_allocate(pool, order);

    if (pfn == INVALID_PFN || !subject_turn(pool, 50))
        return pfn;
    pfn_t other = sound_allocate(pool, order);
    if (other != INVALID_PFN && other != buddy_of(pfn, order))
        sound_free(pool, other, order);
    return pfn;
}

SUBJECT("lost", SOUND_PROMISES & ~PROMISE_TRUE_OOM, .allocate_pages = allocate);
