/* Refuses to take back a block that it has handed out: "free-refused". */
#include "subject.h"

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct subject_pool *pool = memory;

    return subject_turn(pool, 100) ? PAGE_NOT_ALLOCATED : sound_free(pool, pfn, order);
}

SUBJECT("free-refused", SOUND_PROMISES, .free_pages = free_block);
