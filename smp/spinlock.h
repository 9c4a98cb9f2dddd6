/*
 * A spin lock that also keeps this core's interrupts off: test-and-test-and-set with PAUSE.
 *
 * Not a queue: first-come-first-served locks collapse a thousandfold when virtual CPUs outnumber
 * the host's cores, because the next in line is not running. Rudolph and Segall, "Dynamic
 * decentralized cache schemes", 1984.
 *
 * Invariant: word is 0, or 1 + the number of the core that holds it; owner_at, taken_at, last_owner
 * and order are written by the holder alone. Every misuse ends in fail() with the values:
 * "lock-owner" for a second acquisition by the holder, a foreign or a double release; "irq-state"
 * for a release with interrupts on.
 */
#pragma once

#include <arch/irq.h>
#include <stdbool.h>
#include <stdint.h>

struct spinlock_irq {
    uint32_t word;        /* 0: free; else owner + 1. Atomic */
    uint32_t last_owner;  /* 1 + the core that held it last; 0: none yet */
    uint64_t order;       /* hash of all its hand-overs: which core after which */
    const void *owner_at; /* return address of the acquisition */
    uint64_t taken_at;    /* cpu_cycles() at the acquisition */
    const char *name;
};

#define SPINLOCK_IRQ(lock_name) \
    {                           \
        .name = (lock_name)     \
    }

/* A core's counts over all its acquisitions. Only that core writes them, any core may read. */
struct lock_counts {
    uint64_t acquisitions;
    uint64_t contended;   /* ... that found the lock taken */
    uint64_t handoffs;    /* ... of a lock that another core had held last */
    uint64_t order;       /* hash of those hand-overs */
    uint64_t wait_cycles; /* from request to acquisition, when contended */
    uint64_t hold_cycles;
    uint64_t longest_wait;
    uint64_t longest_hold;
};

/*
 * Disable interrupts, take the lock. Returns the previous interrupt state, for the unlock. Any
 * context but an NMI handler. Acquire ordering: this core sees what the last holder wrote.
 */
irq_flags_t spinlock_irq_lock(struct spinlock_irq *lock);

/* Release the lock, then restore the state that spinlock_irq_lock() returned. Release ordering. */
void spinlock_irq_unlock(struct spinlock_irq *lock, irq_flags_t flags);

/* The number of the core that holds the lock, or -1. A snapshot. */
int spinlock_irq_owner(const struct spinlock_irq *lock);

/* Whether this core holds the lock: for asserts in functions that need it. */
bool spinlock_irq_held(const struct spinlock_irq *lock);

/*
 * For a core that abandons its work: release all locks in its held[] (struct percpu) that it holds.
 * The interrupt flag stays unchanged.
 */
void spinlock_irq_abandon(void);

/*
 * Execute PAUSE at random before and after taking a lock and after its release: at each of these
 * points once in `period` times (0: never). Each core has its own random stream of `seed`. If one
 * host thread runs all virtual CPUs, it changes CPU at PAUSE, so this makes them interleave inside
 * the lock. Call it before the cores start.
 */
void spinlock_yield(uint64_t period, uint64_t seed);
