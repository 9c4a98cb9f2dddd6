/*
 * Writes a link into the first word of a freed block's buddy without checking that the buddy is
 * free: "content".
 *
 * The first word of a held page belongs to its holder. An allocator does this if it keeps its links
 * there and trusts them when it merges.
 */
#include "subject.h"

static bool is_held(const struct page_array *array, pfn_t pfn)
{
    return page_array_contains(array, pfn) && page_of(array, pfn)->state == PAGE_HELD_HEAD;
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct subject_pool *pool = memory;
    pfn_t buddy = buddy_of(pfn, order);

    if (is_held(&pool->buddy.array, buddy) && subject_turn(pool, 20))
        *(uint64_t *)pfn_to_address(buddy) = pfn;
    return sound_free(pool, pfn, order);
}

SUBJECT("content", SOUND_PROMISES & ~PROMISE_METADATA_OUTSIDE, .free_pages = free_block);
