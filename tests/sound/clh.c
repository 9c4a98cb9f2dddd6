/*
 * A buddy under a CLH queue lock: each core spins on the node of the core before it, and takes that
 * node over when it is done (Craig; Landin and Hagersten, 1993). Makes every promise except
 * frees-parts and true-placement.
 */
#include "sound.h"

enum { CORES = 256 };

struct lock {
    uint32_t tail;            /* the node of the last core in the queue; at first node 0; atomic */
    uint32_t busy[CORES + 1]; /* for each node: its owner holds the lock or waits for it; atomic */
    uint32_t
        owned[CORES]; /* for each core: its node + 1; 0: its first node, which is its number + 1 */
};

struct guard {
    irq_flags_t flags;
    uint32_t own, before; /* nodes */
};

static void lock_take(struct lock *lock, struct guard *guard)
{
    guard->flags = irq_save();
    uint32_t core = cpu_number();
    guard->own = lock->owned[core] ? lock->owned[core] - 1 : core + 1;
    __atomic_store_n(&lock->busy[guard->own], 1, __ATOMIC_RELAXED);
    guard->before = __atomic_exchange_n(&lock->tail, guard->own, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&lock->busy[guard->before], __ATOMIC_ACQUIRE))
        cpu_relax();
}

/*
 * No core looks at the node `before` any more, but the core behind may still look at the own one.
 */
static void lock_release(struct lock *lock, struct guard *guard)
{
    lock->owned[cpu_number()] = guard->before + 1;
    __atomic_store_n(&lock->busy[guard->own], 0, __ATOMIC_RELEASE);
    irq_restore(guard->flags);
}

#include "locked.h"

LOCKED_BUDDY("clh");
