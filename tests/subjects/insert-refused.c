/* Refuses the machine's own memory: "insert-refused", before any phase. */
#include "subject.h"

static enum page_error insert(void *pool, pfn_t start, uint64_t count)
{
    return count > 1000 ? PAGE_BAD_RANGE : sound_insert(pool, start, count);
}

SUBJECT("insert-refused", SOUND_PROMISES, .insert_pages = insert);
