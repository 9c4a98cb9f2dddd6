/*
 * A buddy under an MCS queue lock: each core spins on a node on its own stack (Mellor-Crummey and
 * Scott, 1991). Fair. Makes every promise except frees-parts and true-placement.
 */
#include "sound.h"

struct node {
    struct node *next; /* the core behind; atomic */
    uint32_t waits;    /* atomic */
};

struct lock {
    struct node *tail; /* the last core in the queue; NULL: the lock is free; atomic */
};

struct guard {
    struct node node;
    irq_flags_t flags;
};

static void lock_take(struct lock *lock, struct guard *guard)
{
    struct node *node = &guard->node;

    guard->flags = irq_save();
    __atomic_store_n(&node->next, NULL, __ATOMIC_RELAXED);
    __atomic_store_n(&node->waits, 1, __ATOMIC_RELAXED);
    struct node *before = __atomic_exchange_n(&lock->tail, node, __ATOMIC_ACQ_REL);
    if (!before)
        return;
    __atomic_store_n(&before->next, node, __ATOMIC_RELEASE);
    while (__atomic_load_n(&node->waits, __ATOMIC_ACQUIRE))
        cpu_relax();
}

/* If no core is behind this node, free the lock. False: one is behind, or about to be. */
static bool leave_empty(struct lock *lock, struct node *node)
{
    struct node *expected = node;

    return __atomic_compare_exchange_n(&lock->tail, &expected, NULL, false, __ATOMIC_RELEASE,
                                       __ATOMIC_RELAXED);
}

static void pass_on(struct lock *lock, struct node *node)
{
    struct node *next = __atomic_load_n(&node->next, __ATOMIC_ACQUIRE);

    if (!next && leave_empty(lock, node))
        return;
    while (!next) {
        cpu_relax();
        next = __atomic_load_n(&node->next, __ATOMIC_ACQUIRE);
    }
    __atomic_store_n(&next->waits, 0, __ATOMIC_RELEASE);
}

static void lock_release(struct lock *lock, struct guard *guard)
{
    pass_on(lock, &guard->node);
    irq_restore(guard->flags);
}

#include "locked.h"

LOCKED_BUDDY("mcs");
