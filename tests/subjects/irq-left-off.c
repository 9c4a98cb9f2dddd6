/* Returns with interrupts off if memory is out: "irq-state". */
#include "subject.h"

static pfn_t allocate(void *pool, unsigned order)
{
    pfn_t pfn = sound_allocate(pool, order);

    if (pfn == INVALID_PFN)
        irq_disable();
    return pfn;
}

SUBJECT("irq-left-off", SOUND_PROMISES, .allocate_pages = allocate);
