/* A point that no core passes before all have reached it. */
#pragma once

#include <stdint.h>

struct barrier {
    uint32_t members; /* set before first use */
    uint32_t arrived; /* atomic */
    uint32_t round;   /* atomic */
};

/*
 * Wait until all members are here. Interrupts must be on, no lock held: waiting cores sleep, so
 * that those that still work have the host's processors to themselves. What any member wrote before
 * is seen by all after.
 */
void barrier_wait(struct barrier *barrier);
