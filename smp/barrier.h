/* A point that no core passes before all have reached it. */
#pragma once

#include <stdint.h>

struct barrier {
    uint32_t members; /* set before first use */
    uint32_t arrived; /* atomic */
    uint32_t round;   /* atomic */
};

/*
 * Wait until all members have arrived. Interrupts must be on, no lock held. Waiting cores sleep,
 * which leaves the host's cores to those that still work. After it, all members see what any member
 * wrote before it.
 */
void barrier_wait(struct barrier *barrier);
