/*
 * Sound: each block is zeroed after the lock is free again. Blocks go from core to core in an order
 * that is not the allocator's matter, and the largest have 32768 words.
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
