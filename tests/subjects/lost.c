/*
 * Loses the upper half of a split block now and then: "lost".
 *
 * It does not promise true-oom. Because of the lost pages a refusal can be wrong, and that is not
 * what this subject is about.
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
