/* Takes back a block with another order than it was handed out with: "bad-free". */
#include "subject.h"

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct subject_pool *pool = memory;
    enum page_error error = sound_free(pool, pfn, order);

    if (error == PAGE_WRONG_ORDER && subject_turn(pool, 50))
        return sound_free(pool, pfn, page_of(&pool->buddy.array, pfn)->order);
    return error;
}

SUBJECT("bad-free", SOUND_PROMISES, .free_pages = free_block);
