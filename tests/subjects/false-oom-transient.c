/*
 * Takes all free blocks off the lists and puts them back, without holding the lock in between. So
 * other cores find the lists empty: "false-oom", but only if cores allocate at the same time.
 */
#include "subject.h"

enum { MOST_TAKEN = 256 };

struct taken {
    pfn_t pfn;
    unsigned order;
};

static unsigned take_all(void *pool, struct taken *taken)
{
    unsigned count = 0;

    for (unsigned order = MAX_ORDER + 1; order-- > 0;) {
        pfn_t pfn = sound_allocate(pool, order);
        for (; pfn != INVALID_PFN; pfn = sound_allocate(pool, order)) {
            taken[count++] = (struct taken){pfn, order};
            if (count == MOST_TAKEN)
                return count;
        }
    }
    return count;
}

static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;
    struct taken taken[MOST_TAKEN];

    if (subject_turn(pool, 10))
        for (unsigned count = take_all(pool, taken); count-- > 0;)
            sound_free(pool, taken[count].pfn, taken[count].order);
    return sound_allocate(pool, order);
}

SUBJECT("false-oom-transient", SOUND_PROMISES, .allocate_pages = allocate);
