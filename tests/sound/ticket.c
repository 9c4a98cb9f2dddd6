/*
 * A buddy under a ticket lock: fair, first come first served, so a preempted core holds up all
 * cores behind it. Makes every promise except frees-parts and true-placement.
 */
#include "sound.h"

struct lock {
    uint32_t next;    /* the ticket of the next core that comes; atomic, wraps */
    uint32_t serving; /* the ticket whose turn it is; atomic, written by the holder */
};

struct guard {
    irq_flags_t flags;
    uint32_t ticket;
};

static void lock_take(struct lock *lock, struct guard *guard)
{
    guard->flags = irq_save();
    guard->ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != guard->ticket)
        cpu_relax();
}

static void lock_release(struct lock *lock, struct guard *guard)
{
    __atomic_store_n(&lock->serving, guard->ticket + 1, __ATOMIC_RELEASE);
    irq_restore(guard->flags);
}

#include "locked.h"

LOCKED_BUDDY("ticket");
