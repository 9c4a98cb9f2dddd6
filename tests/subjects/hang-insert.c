/*
 * Loops for ever when it gets the machine's memory: "stall", before any phase. The report names the
 * call.
 */
#include "subject.h"

#include <arch/cpu.h>

static enum page_error insert(void *pool, pfn_t start, uint64_t count)
{
    while (count > 10000)
        cpu_relax();
    return sound_insert(pool, start, count);
}

SUBJECT("hang-insert", SOUND_PROMISES, .insert_pages = insert);
