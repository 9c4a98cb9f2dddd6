/* Hands out a block beyond the end of all inserted pages: "outside". */
#include "subject.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;

    if (!subject_turn(pool, 200))
        return sound_allocate(pool, order);
    return (pool->buddy.array.end + order_pages(order)) & ~(order_pages(order) - 1);
}

SUBJECT("outside", SOUND_PROMISES, .allocate_pages = allocate);
