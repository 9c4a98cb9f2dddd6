/* Reports success when it is asked to remove pages that are held: "remove-held". */
#include "subject.h"

static enum page_error remove(void *memory, pfn_t start, uint64_t count)
{
    enum page_error error = sound_remove(memory, start, count);

    return error == PAGE_BUSY && subject_turn(memory, 20) ? PAGE_OK : error;
}

SUBJECT("remove-held", SOUND_PROMISES, .remove_pages = remove);
