/*
 * Sound: each block is zeroed after the lock is released. Blocks go from core to core, and their
 * contents are not the allocator's business. The largest blocks of the explorer's programs have
 * 32768 words.
 */
#include "planted.h"
#include <lib/string.h>

static pfn_t allocate(void *memory, unsigned order)
{
    pfn_t pfn = planted_allocate(memory, order);

    if (pfn != INVALID_PFN)
        memset(pfn_to_address(pfn), 0, PAGE_SIZE << order);
    return pfn;
}

PLANTED("zeroing", PLANTED_PROMISES, .allocate_pages = allocate);
