/*
 * Drops the last page of a range that is inserted: "lost", before any phase.
 *
 * Ranges of up to 1000 pages are inserted correctly. So the loss shows when the machine's memory is
 * inserted, not in selftest.
 */
#include "subject.h"

static enum page_error insert(void *pool, pfn_t start, uint64_t count)
{
    return sound_insert(pool, start, count > 1000 ? count - 1 : count);
}

SUBJECT("lost-remainder", SOUND_PROMISES, .insert_pages = insert);
