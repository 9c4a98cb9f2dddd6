/*
 * A buddy under a lock in inline assembly, which neither the explorer nor a sanitizer can see.
 * Makes every promise except frees-parts and true-placement.
 */
#include "sound.h"

struct lock {
    uint32_t word;
};

struct guard {
    irq_flags_t flags;
};

/* Sets bit 0. Returns whether it was set before. (SDM 2, BTS) */
static bool set_bit(struct lock *lock)
{
    bool was_set;

    __asm__ volatile("lock btsl $0, %1" : "=@ccc"(was_set), "+m"(lock->word) : : "memory");
    return was_set;
}

static uint32_t peek(const struct lock *lock)
{
    uint32_t word;

    __asm__ volatile("movl %1, %0" : "=r"(word) : "m"(lock->word) : "memory");
    return word;
}

static void lock_take(struct lock *lock, struct guard *guard)
{
    guard->flags = irq_save();
    while (set_bit(lock))
        while (peek(lock))
            cpu_relax();
}

static void lock_release(struct lock *lock, struct guard *guard)
{
    __asm__ volatile("movl $0, %0" : "=m"(lock->word) : : "memory");
    irq_restore(guard->flags);
}

#include "locked.h"

LOCKED_BUDDY("assembly-lock");
