/* The data of each core. */
#pragma once

#include <arch/percpu.h>
#include <lib/sizes.h>
#include <smp/spinlock.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HELD_LOCKS = 4,
};

struct trap_frame;
struct core_stacks;

struct percpu {
    struct core_local local; /* first: the GS base points here */
    bool online;
    struct lock_counts locks;
    uint32_t locks_held; /* how many; held[] has the first few */
    const struct spinlock_irq *held[HELD_LOCKS];
    const struct spinlock_irq *waiting_for; /* the lock this core spins on, or NULL */
    const void *waiting_at;                 /* ... return address of its call */
    uint64_t waiting_since;                 /* ... and when, in cycles */
    bool frozen;                            /* stopped because another core reports a failure */
    const struct trap_frame *frozen_at;     /* ... where, or NULL if it stopped by itself */
    struct core_stacks *stacks;
} __attribute__((aligned(64)));

/* All cores that have come up, by number: [0, percpu_count). */
extern struct percpu *percpu_table[CORE_LIMIT];
extern uint32_t percpu_count;

/* This core's data. Valid from cpu_setup() on; any context. */
static inline struct percpu *this_core(void)
{
    return (struct percpu *)core_local();
}

/* The name of a lock that `core` holds, "none", or "another" if held[] has none of its locks. */
static inline const char *percpu_held_name(const struct percpu *core)
{
    for (uint32_t i = 0; i < core->locks_held && i < HELD_LOCKS; i++)
        if (core->held[i])
            return core->held[i]->name;
    return core->locks_held ? "another" : "none";
}
