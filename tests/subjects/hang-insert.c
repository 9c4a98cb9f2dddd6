/* Looks for a place in a list for ever, given the machine's own memory: "stall", before any phase,
 * with the call. */
#include "subject.h"

#include <arch/cpu.h>

static enum page_error insert(void *pool, pfn_t start, uint64_t count)
{
    while (count > 10000)
        cpu_relax();
    return sound_insert(pool, start, count);
}

SUBJECT("hang-insert", SOUND_PROMISES, .insert_pages = insert);
