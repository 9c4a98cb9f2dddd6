/*
 * Hands out a block at the end of the range, part of which was never inserted: "outside".
 *
 * An allocator does this if it rounds an odd range up. If the end of the range is aligned to the
 * block's size, there is no such block, and the subject is sound.
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
