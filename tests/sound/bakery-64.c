/*
 * A buddy under Lamport's bakery lock with 64-bit numbers, which never wrap: plain stores, and the
 * fences that x86 needs between a core's store and its look at the others. A core looks at all
 * others, whether they wait or not. Makes every promise except frees-parts and true-placement.
 */
#include "sound.h"

enum { CORES = 256 };

struct place {
    uint64_t number;   /* 0: the core does not wait; atomic */
    uint32_t choosing; /* atomic */
} __attribute__((aligned(64)));

struct lock {
    struct place places[CORES];
};

struct guard {
    irq_flags_t flags;
};

/* A core may delay a store until after later loads from other addresses (SDM 3, 9.2.3.4). */
static void fence(void)
{
    __asm__ volatile("mfence" : : : "memory");
}

static uint64_t next_number(struct lock *lock)
{
    uint64_t highest = 0;

    for (uint32_t i = 0; i < CORES; i++) {
        uint64_t number = __atomic_load_n(&lock->places[i].number, __ATOMIC_ACQUIRE);
        if (number > highest)
            highest = number;
    }
    return highest + 1;
}

static void wait_for(struct lock *lock, uint32_t other, uint32_t core, uint64_t mine)
{
    struct place *place = &lock->places[other];
    uint64_t theirs;

    while (__atomic_load_n(&place->choosing, __ATOMIC_ACQUIRE))
        cpu_relax();
    while ((theirs = __atomic_load_n(&place->number, __ATOMIC_ACQUIRE)) != 0 &&
           (theirs < mine || (theirs == mine && other < core)))
        cpu_relax();
}

static void lock_take(struct lock *lock, struct guard *guard)
{
    guard->flags = irq_save();
    uint32_t core = cpu_number();
    struct place *place = &lock->places[core];

    __atomic_store_n(&place->choosing, 1, __ATOMIC_RELEASE);
    fence();
    uint64_t mine = next_number(lock);
    __atomic_store_n(&place->number, mine, __ATOMIC_RELEASE);
    __atomic_store_n(&place->choosing, 0, __ATOMIC_RELEASE);
    fence();
    for (uint32_t other = 0; other < CORES; other++)
        wait_for(lock, other, core, mine);
}

static void lock_release(struct lock *lock, struct guard *guard)
{
    __atomic_store_n(&lock->places[cpu_number()].number, 0, __ATOMIC_RELEASE);
    irq_restore(guard->flags);
}

#include "locked.h"

LOCKED_BUDDY("bakery-64");
