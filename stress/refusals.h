/*
 * Which errors are right for a call that has to be refused: each that says something true of it, by
 * the oracle's books, since the contract does not say what an allocator looks at first
 * (mm/page_allocator.h, enum page_error).
 *
 * A set is a number with bit 1 << error for each error. The pages that the call is about must not
 * change hands meanwhile.
 */
#pragma once

#include <stress/arena.h>

enum { REFUSALS_SIZE = 80 };

unsigned refusals_of_free(const struct arena *arena, pfn_t pfn, unsigned order);

/* Pages that are not in: PAGE_BUSY, or PAGE_BAD_RANGE. */
unsigned refusals_of_remove(const struct arena *arena, pfn_t start, uint64_t count);

static inline bool refusals_have(unsigned set, enum page_error error)
{
    return (unsigned)error < 32 && set & 1u << error;
}

/* "misaligned or not-allocated". Returns `text`. */
const char *refusals_describe(unsigned set, char text[REFUSALS_SIZE]);
