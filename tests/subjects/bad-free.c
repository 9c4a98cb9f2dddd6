/*
 * Accepts a free with a wrong order: "bad-free". It does not really free the block. Otherwise
 * another core could get the block before the failure is reported, which would be an "overlap".
 */
#include "subject.h"

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct subject_pool *pool = memory;
    enum page_error error = sound_free(pool, pfn, order);

    if (error == PAGE_WRONG_ORDER && subject_turn(pool, 50))
        return PAGE_OK;
    return error;
}

SUBJECT("bad-free", SOUND_PROMISES, .free_pages = free_block);
