/* Reports that memory is out without looking: "false-oom". */
#include "subject.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;

    return subject_turn(pool, 50) ? INVALID_PFN : sound_allocate(pool, order);
}

SUBJECT("false-oom", SOUND_PROMISES, .allocate_pages = allocate);
