/* Hands out a block that lies above the limit it was told: "misplaced". */
#include "subject.h"

static pfn_t allocate_below(void *pool, unsigned order, pfn_t limit)
{
    (void)limit;
    return sound_allocate(pool, order);
}

SUBJECT("misplaced", SOUND_PROMISES, .allocate_below = allocate_below);
