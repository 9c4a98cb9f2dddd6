/* What each core records about its own work. Only that core writes it. */
#pragma once

#include <arch/page.h>
#include <lib/count.h>
#include <lib/prng.h>
#include <lib/sizes.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HISTORY_SIZE = 32, /* operations remembered per core */
    CORE_SLOTS = 32,   /* most blocks that a core holds in the mixed workload */
};

enum operation {
    OPERATION_NONE = 0,
    OPERATION_ALLOCATE,
    OPERATION_FREE,
    OPERATION_OUT_OF_MEMORY,
    OPERATION_BAD_FREE, /* a free that must be refused */
    /* only in core.now: */
    OPERATION_ALLOCATING,
    OPERATION_INIT,   /* about a range of `serial` pages */
    OPERATION_INSERT, /* likewise */
    OPERATION_REMOVE, /* likewise */
    OPERATION_WALK,   /* the first walk, before any phase */
};

/* A block as its holder names it: the core, the number of its allocation there, the order. */
struct block {
    uint32_t serial;
    uint16_t core;
    uint8_t order;
};

struct history_entry {
    uint64_t cycles;
    uint64_t pfn;
    uint8_t operation; /* enum operation */
    uint8_t order;
    uint16_t holder; /* of a freed block: the core that allocated it */
    uint32_t serial;
};

struct core_counts {
    uint64_t allocations;
    uint64_t frees;
    uint64_t cross_frees; /* frees of a block that another core allocated */
    /* Calls of other cores that ran when a call of this core began. */
    uint64_t overlapped;
    uint64_t passed; /* allocations of a block that another core freed last */
    uint64_t out_of_memory;
    uint64_t placed_refusals; /* judged refusals of allocations with a condition */
    uint64_t bad_frees;       /* bad frees, all of them refused */
    uint64_t interrupts;      /* interrupt handlers that allocated or freed */
    uint64_t removals;        /* ranges taken out and put back */
    uint64_t checked_in_full; /* blocks whose whole content was compared */
};

struct core {
    uint32_t number;
    bool in_interrupt; /* this is for the work of the core's interrupt handlers */
    uint32_t serial;   /* number of the last allocation, refused ones included */
    struct prng random;
    uint64_t steps; /* turns of the phase's loop */
    /* Hash of the choices in the first SEQUENCE_STEPS turns: the same for the same seed. */
    uint64_t sequence;
    struct core_counts counts;
    uint32_t looked_at; /* the core at which the last call looked, to see whether it overlaps */
    /*
     * Number of the allocator call that runs, calls of handlers not counted; 0 between calls.
     * Atomic: other cores read it.
     */
    uint32_t calling;
    uint32_t call_count;
    /* For each other core: the number of its call that was last counted as overlapping. */
    uint32_t met[CORE_LIMIT];
    /* The operation that runs; now.operation is OPERATION_NONE between calls. */
    struct history_entry now;
    uint64_t history_next;
    struct history_entry history[HISTORY_SIZE];
} __attribute__((aligned(64)));

/* How many turns enter the sequence hash: few enough for every run of one second to reach them. */
enum { SEQUENCE_STEPS = 1000 };

/* Note that this core chose `choice` in its phase, and count the turn. */
static inline void core_step(struct core *core, uint64_t choice)
{
    if (core->steps < SEQUENCE_STEPS)
        core->sequence = prng_mix(core->sequence ^ choice);
    count_add(&core->steps, 1);
}
