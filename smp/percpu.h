/* What each core has of its own. */
#pragma once

#include <arch/percpu.h>
#include <lib/prng.h>
#include <lib/sizes.h>
#include <smp/spinlock.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HELD_LOCKS = 4,
};

/* What the watchdog knows of a core (stress/watch.h). */
struct watch {
    bool busy;              /* at work: progress is due */
    uint64_t progress;      /* counts up as this core gets things done */
    uint32_t asked;         /* NMIs sent to this core to ask after it, by the one that watches it */
    uint32_t answered;      /* ... and answered */
    uint32_t answered_then; /* ... of these before its last progress */
    /* What this core remembers of the one it watches: its progress, when it moved last, when it had
     * an excuse last and had answered how often, and when it was asked. */
    uint64_t seen_progress, moved_at, excused_at, asked_at;
    uint32_t answers_before;
    uint64_t progress_before; /* ... and of all cores together, at that excuse */
    /* ... and of all cores together. */
    uint64_t all_progress, all_moved_at;
};

struct trap_frame;
struct cpu_stacks;

struct percpu {
    struct cpu_local local; /* first: the GS base points here */
    bool online;
    struct lock_counts locks;
    uint32_t locks_held; /* how many; the first few stand in held[] */
    const struct spinlock_irq *held[HELD_LOCKS];
    const struct spinlock_irq *waiting_for; /* the lock this core spins on, or NULL */
    const void *waiting_at;                 /* ... who asked for it */
    uint64_t waiting_since;                 /* ... and when, in cycles */
    struct prng yield_stream;               /* when to give way (spinlock_yield) */
    bool deaf;                              /* takes no NMI any more (provoke=deaf) */
    bool frozen;                            /* stopped because another core reports a failure */
    const struct trap_frame *frozen_at;     /* ... where, or NULL if it stopped by itself */
    struct cpu_stacks *stacks;
    struct watch watch;
} __attribute__((aligned(64)));

/* All cores that have come up, by number: [0, percpu_count). */
extern struct percpu *percpu_table[CPU_LIMIT];
extern uint32_t percpu_count;

/* This core's. Valid from cpu_setup() on; any context. */
static inline struct percpu *this_cpu(void)
{
    return (struct percpu *)cpu_local();
}

/* The name of a lock that this core holds, "none", or "another" if it is not among those noted. */
static inline const char *percpu_held_name(const struct percpu *cpu)
{
    for (uint32_t i = 0; i < cpu->locks_held && i < HELD_LOCKS; i++)
        if (cpu->held[i])
            return cpu->held[i]->name;
    return cpu->locks_held ? "another" : "none";
}
