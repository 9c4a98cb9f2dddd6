/* Ignores the limit of allocate_below: "misplaced". */
#include "subject.h"

static pfn_t allocate_below(void *pool, unsigned order, pfn_t limit)
{
    (void)limit;
    return sound_allocate(pool, order);
}

SUBJECT("misplaced", SOUND_PROMISES, .allocate_below = allocate_below);
