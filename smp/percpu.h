/* What each core has of its own. */
#pragma once

#include <arch/percpu.h>
#include <lib/prng.h>
#include <smp/spinlock.h>
#include <stdbool.h>
#include <stdint.h>

enum { MAX_CPUS = 256 };

struct trap_frame;
struct cpu_stacks;

struct percpu {
    struct cpu_local local; /* first: the GS base points here */
    bool online;
    struct lock_counts locks;
    uint32_t locks_held;
    const struct spinlock_irq *waiting_for; /* the lock this core spins on, or NULL */
    const void *waiting_at;                 /* ... and who asked for it */
    struct prng yield_stream;               /* when to give way (spinlock_yield) */
    bool frozen;                            /* stopped because another core reports a failure */
    const struct trap_frame *frozen_at;     /* ... where, or NULL if it stopped by itself */
    struct cpu_stacks *stacks;
} __attribute__((aligned(64)));

/* All cores that have come up, by number: [0, percpu_count). */
extern struct percpu *percpu_table[MAX_CPUS];
extern uint32_t percpu_count;

/* This core's. Valid from cpu_setup() on; any context. */
static inline struct percpu *this_cpu(void)
{
    return (struct percpu *)cpu_local();
}
