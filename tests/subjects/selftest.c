/* Accepts pages that are already in the pool, and changes nothing: "selftest". */
#include "subject.h"

static enum page_error insert(void *pool, pfn_t start, uint64_t count)
{
    enum page_error error = sound_insert(pool, start, count);

    return error == PAGE_ALREADY_IN ? PAGE_OK : error;
}

SUBJECT("selftest", SOUND_PROMISES, .insert_pages = insert);
