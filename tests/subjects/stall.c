/* Tries again for ever if memory is out: "stall", by the watchdog. */
#include "subject.h"

static pfn_t allocate(void *pool, unsigned order)
{
    pfn_t pfn = sound_allocate(pool, order);

    while (pfn == INVALID_PFN)
        pfn = sound_allocate(pool, order);
    return pfn;
}

SUBJECT("stall", SOUND_PROMISES, .allocate_pages = allocate);
