/*
 * A test-and-set lock whose waiters read a volatile word, as in kernels before C11: the compiler
 * sees no atomic access there. Makes every promise except frees-parts and true-placement.
 */
#include "sound.h"

struct lock {
    volatile uint32_t taken; /* waiting cores read it; an exchange sets it */
};

struct guard {
    irq_flags_t flags;
};

static void lock_take(struct lock *lock, struct guard *guard)
{
    guard->flags = irq_save();
    while (__sync_lock_test_and_set(&lock->taken, 1))
        while (lock->taken)
            cpu_relax();
}

static void lock_release(struct lock *lock, struct guard *guard)
{
    __sync_lock_release(&lock->taken);
    irq_restore(guard->flags);
}

#include "locked.h"

LOCKED_BUDDY("volatile-word");
