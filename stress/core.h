/* What each core keeps of its own work. Written by that core alone. */
#pragma once

#include <arch/page.h>
#include <lib/count.h>
#include <lib/prng.h>
#include <lib/sizes.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HISTORY_SIZE = 32, /* operations remembered a core */
    CORE_SLOTS = 32,   /* blocks a core holds at most in the mixed phases */
};

enum operation {
    OPERATION_NONE = 0,
    OPERATION_ALLOCATE,
    OPERATION_FREE,
    OPERATION_OUT_OF_MEMORY,
    OPERATION_BAD_FREE, /* to be refused */
    /* only in `now`: */
    OPERATION_ALLOCATING,
    OPERATION_INIT,   /* of a range: `serial` pages */
    OPERATION_INSERT, /* likewise */
    OPERATION_REMOVE, /* likewise */
    OPERATION_WALK,   /* the first, before any phase */
};

struct history_entry {
    uint64_t cycles;
    uint64_t pfn;
    uint8_t operation; /* enum operation */
    uint8_t order;
    uint16_t holder; /* of a freed block: the core that had allocated it */
    uint32_t serial;
};

struct core_counts {
    uint64_t allocations;
    uint64_t frees;
    uint64_t cross_frees; /* frees of a block that another core had allocated */
    uint64_t overlapped; /* calls of other cores that were going on when one of this core's began */
    uint64_t passed;     /* allocations of a block whose first page another core had freed last */
    uint64_t out_of_memory;
    uint64_t placed_refusals; /* of allocations with a condition, that were judged */
    uint64_t bad_frees;       /* that were refused, as they must be */
    uint64_t interrupts;      /* handlers that allocated or freed */
    uint64_t removals;        /* ranges taken out and put back */
    uint64_t checked_in_full; /* blocks whose whole content was compared */
};

struct core {
    uint32_t number;
    bool in_interrupt; /* this is what the core does in its interrupt handlers */
    uint32_t serial;   /* of the last block this core allocated */
    struct prng random;
    uint64_t steps;    /* turns of the phase's loop */
    uint64_t sequence; /* hash of the first SEQUENCE_STEPS turns' choices: repeats with the seed */
    struct core_counts counts;
    uint32_t looked_at; /* the core that was asked last whether its call overlaps with this one's */
    uint32_t calling; /* number of its call to the allocator, outside of handlers; 0 between calls.
                         Atomic: others look */
    uint32_t call_count;
    uint32_t met[CPU_LIMIT]; /* of each other core: the call that was counted last as overlapping */
    struct history_entry now; /* the operation that runs; operation OPERATION_NONE between calls */
    uint64_t history_next;
    struct history_entry history[HISTORY_SIZE];
} __attribute__((aligned(64)));

/* How many turns enter the sequence hash: few enough that every run of a second reaches them. */
enum { SEQUENCE_STEPS = 1000 };

/* Note that this core chose `choice` in its phase, and count the turn. */
static inline void core_step(struct core *core, uint64_t choice)
{
    if (core->steps < SEQUENCE_STEPS)
        core->sequence = prng_mix(core->sequence ^ choice);
    count_add(&core->steps, 1);
}
