/*
 * Hands out the block at the end of the pages, half of which was never inserted: "outside".
 *
 * As an allocator would that rounds an odd range up. Where the end of the range is aligned to the
 * block, there is none such, and the subject is sound.
 */
#include "subject.h"

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;
    pfn_t end = pool->buddy.array.end;
    pfn_t head = (end - 1) & ~(order_pages(order) - 1);

    if (order > MAX_ORDER || end % order_pages(order) == 0 || !subject_turn(pool, 2))
        return sound_allocate(pool, order);
    return head;
}

SUBJECT("outside-end", SOUND_PROMISES, .allocate_pages = allocate);
