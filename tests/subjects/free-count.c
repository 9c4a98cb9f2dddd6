/*
 * Counts one free page too many: "free-list".
 *
 * The lists are right, so its own validate() finds nothing. Only free_page_count() shows the
 * mistake.
 */
#include "subject.h"

static uint64_t free_page_count(void *memory)
{
    struct subject_pool *pool = memory;

    return sound_free_page_count(pool) + (__atomic_load_n(&pool->calls, __ATOMIC_RELAXED) > 200);
}

static pfn_t allocate(void *memory, unsigned order)
{
    subject_turn(memory, 1);
    return sound_allocate(memory, order);
}

SUBJECT("free-count", SOUND_PROMISES, .allocate_pages = allocate,
        .free_page_count = free_page_count);
