/*
 * Also removes the page behind the range: "lost".
 *
 * It has no free_page_count(). That count would be wrong, too, and would be found first.
 */
#include "subject.h"

static enum page_error remove_more(void *pool, pfn_t start, uint64_t count)
{
    enum page_error error = sound_remove(pool, start, count + 1);

    return error == PAGE_OK ? error : sound_remove(pool, start, count);
}

SUBJECT("remove-runs-on", SOUND_PROMISES, .remove_pages = remove_more, .free_page_count = NULL);
