/*
 * A buddy under Lamport's bakery lock with 32-bit numbers: no atomic read-modify-write decides who
 * is next. A core's stores must be visible before it looks at the others. They are exchanges, which
 * are full fences on x86. Makes every promise except frees-parts and true-placement.
 */
#include "sound.h"

enum { CORES = 256 };

struct lock {
    uint32_t cores;           /* all cores that ever came have lower numbers; atomic */
    uint32_t choosing[CORES]; /* atomic */
    uint32_t numbers[CORES];  /* 0: the core does not wait; atomic. They wrap */
};

struct guard {
    irq_flags_t flags;
};

/*
 * Done before the core shows its number. So if this core does not see another one, the other one
 * sees it.
 */
static void announce(struct lock *lock, uint32_t core)
{
    uint32_t seen = __atomic_load_n(&lock->cores, __ATOMIC_SEQ_CST);

    while (seen <= core)
        if (__atomic_compare_exchange_n(&lock->cores, &seen, core + 1, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return;
}

/*
 * Numbers in use at the same time are close together. So their difference also tells which is lower
 * when they wrap.
 */
static bool is_before(uint32_t left, uint32_t right)
{
    return (int32_t)(left - right) < 0;
}

static uint32_t next_number(struct lock *lock)
{
    uint32_t cores = __atomic_load_n(&lock->cores, __ATOMIC_SEQ_CST), highest = 0;

    for (uint32_t i = 0; i < cores; i++) {
        uint32_t number = __atomic_load_n(&lock->numbers[i], __ATOMIC_ACQUIRE);
        if (number && (!highest || is_before(highest, number)))
            highest = number;
    }
    return highest + 1 ? highest + 1 : 1;
}

static void wait_for(struct lock *lock, uint32_t other, uint32_t core, uint32_t mine)
{
    uint32_t theirs;

    while (__atomic_load_n(&lock->choosing[other], __ATOMIC_ACQUIRE))
        cpu_relax();
    while ((theirs = __atomic_load_n(&lock->numbers[other], __ATOMIC_ACQUIRE)) != 0 &&
           (is_before(theirs, mine) || (theirs == mine && other < core)))
        cpu_relax();
}

static void lock_take(struct lock *lock, struct guard *guard)
{
    guard->flags = irq_save();
    uint32_t core = cpu_number();
    announce(lock, core);
    __atomic_exchange_n(&lock->choosing[core], 1, __ATOMIC_SEQ_CST);
    uint32_t mine = next_number(lock);
    __atomic_exchange_n(&lock->numbers[core], mine, __ATOMIC_SEQ_CST);
    __atomic_exchange_n(&lock->choosing[core], 0, __ATOMIC_SEQ_CST);
    uint32_t cores = __atomic_load_n(&lock->cores, __ATOMIC_SEQ_CST);
    for (uint32_t other = 0; other < cores; other++)
        wait_for(lock, other, core, mine);
}

static void lock_release(struct lock *lock, struct guard *guard)
{
    __atomic_store_n(&lock->numbers[cpu_number()], 0, __ATOMIC_RELEASE);
    irq_restore(guard->flags);
}

#include "locked.h"

LOCKED_BUDDY("bakery-32");
