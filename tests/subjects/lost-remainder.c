/*
 * Drops the last page of an odd range that is inserted: "lost", before any phase.
 *
 * Ranges of less than 1000 pages are spared, so it is the machine's own memory that it comes out
 * by.
 */
#include "subject.h"

static enum page_error insert(void *pool, pfn_t start, uint64_t count)
{
    return sound_insert(pool, start, count > 1000 ? count - 1 : count);
}

SUBJECT("lost-remainder", SOUND_PROMISES, .insert_pages = insert);
