/*
 * Writes to a non-canonical address (bits 63 to 47 differ). So it is no page fault but "trap: #GP".
 */
#include "planted.h"

static pfn_t allocate(void *pool, unsigned order)
{
    volatile uintptr_t address = (uintptr_t)7 << 60; /* the compiler must not know */

    *(volatile char *)address = 1;
    return planted_allocate(pool, order);
}

PLANTED("no-address", PLANTED_PROMISES, .allocate_pages = allocate);
