/* The lock, its checks and its counts. */
#include <arch/cpu.h>
#include <lib/count.h>
#include <lib/fail.h>
#include <lib/prng.h>
#include <lib/sizes.h>
#include <smp/percpu.h>
#include <smp/spinlock.h>

static uint64_t yield_period;

/* Decides when each core yields. */
static struct yield_stream {
    struct prng random;
} __attribute__((aligned(64))) yield_streams[CORE_LIMIT];

void spinlock_yield(uint64_t period, uint64_t seed)
{
    for (uint32_t i = 0; i < CORE_LIMIT; i++)
        prng_seed(&yield_streams[i].random, seed, i);
    yield_period = period;
}

static void maybe_yield(const struct percpu *core)
{
    if (!yield_period)
        return;
    if (prng_below(&yield_streams[core->local.number].random, yield_period) == 0)
        cpu_relax();
}

static bool try_take(struct spinlock_irq *lock, uint32_t me)
{
    uint32_t expected = 0;

    return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 &&
           __atomic_compare_exchange_n(&lock->word, &expected, me, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

/* Another core holds the lock: spin, and count the time. */
static void wait_and_take(struct spinlock_irq *lock, struct percpu *core, uint32_t me,
                          const void *caller)
{
    uint64_t start = cpu_cycles();

    core->waiting_at = caller;
    core->waiting_since = start;
    __atomic_store_n(&core->waiting_for, lock, __ATOMIC_RELAXED);
    do
        cpu_relax();
    while (!try_take(lock, me));
    __atomic_store_n(&core->waiting_for, (const struct spinlock_irq *)0, __ATOMIC_RELAXED);

    uint64_t waited = cpu_cycles() - start;
    count_add(&core->locks.contended, 1);
    count_add(&core->locks.wait_cycles, waited);
    count_raise(&core->locks.longest_wait, waited);
}

/*
 * This core took the lock, and another core held it last. The lock's hash covers all of its
 * hand-overs. The core's hash covers those to this core, of all locks. If either hash differs
 * between two runs, the cores interleaved differently.
 */
static void note_handoff(struct spinlock_irq *lock, struct percpu *core, uint32_t me)
{
    lock->order = prng_mix(lock->order ^ ((uint64_t)lock->last_owner << 32 | me));
    count_add(&core->locks.handoffs, 1);
    __atomic_store_n(&core->locks.order, prng_mix(core->locks.order ^ lock->order),
                     __ATOMIC_RELAXED);
}

irq_flags_t spinlock_irq_lock(struct spinlock_irq *lock)
{
    irq_flags_t flags = irq_save();
    struct percpu *core = this_core();
    uint32_t me = core->local.number + 1;

    maybe_yield(core);
    if (!try_take(lock, me)) {
        if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) == me)
            fail(RULE_LOCK_OWNER, "%s taken again by its owner, core %u, at %p (held since %p)",
                 lock->name, me - 1, __builtin_return_address(0), lock->owner_at);
        wait_and_take(lock, core, me, __builtin_return_address(0));
    }
    if (core->locks_held < HELD_LOCKS)
        core->held[core->locks_held] = lock;
    core->locks_held++;
    count_add(&core->locks.acquisitions, 1);
    if (lock->last_owner && lock->last_owner != me)
        note_handoff(lock, core, me);
    lock->last_owner = me;
    lock->owner_at = __builtin_return_address(0);
    lock->taken_at = cpu_cycles();
    maybe_yield(core);
    return flags;
}

static void check_release(const struct spinlock_irq *lock, uint32_t me, const void *caller)
{
    uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

    if (word == 0)
        fail(RULE_LOCK_OWNER, "%s released twice: free, and core %u releases it at %p", lock->name,
             me - 1, caller);
    if (word != me)
        fail(RULE_LOCK_OWNER, "%s held by core %u, released by core %u at %p", lock->name, word - 1,
             me - 1, caller);
    if (irq_enabled())
        fail(RULE_IRQ_STATE, "%s released by core %u at %p with interrupts on", lock->name, me - 1,
             caller);
}

/* Locks may be released in any order. */
static void forget(struct percpu *core, const struct spinlock_irq *lock)
{
    uint32_t last = --core->locks_held;

    for (uint32_t i = 0; i < last && i < HELD_LOCKS; i++)
        if (core->held[i] == lock)
            core->held[i] = last < HELD_LOCKS ? core->held[last] : (const struct spinlock_irq *)0;
}

void spinlock_irq_unlock(struct spinlock_irq *lock, irq_flags_t flags)
{
    struct percpu *core = this_core();
    uint32_t me = core->local.number + 1;

    check_release(lock, me, __builtin_return_address(0));
    uint64_t held = cpu_cycles() - lock->taken_at;
    count_add(&core->locks.hold_cycles, held);
    count_raise(&core->locks.longest_hold, held);
    forget(core, lock);
    __atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
    maybe_yield(core);
    irq_restore(flags);
}

int spinlock_irq_owner(const struct spinlock_irq *lock)
{
    return (int)__atomic_load_n(&lock->word, __ATOMIC_RELAXED) - 1;
}

bool spinlock_irq_held(const struct spinlock_irq *lock)
{
    return spinlock_irq_owner(lock) == (int)cpu_number();
}

void spinlock_irq_abandon(void)
{
    struct percpu *core = this_core();

    for (uint32_t i = 0; i < core->locks_held && i < HELD_LOCKS; i++)
        if (core->held[i] && spinlock_irq_held(core->held[i]))
            __atomic_store_n((uint32_t *)&core->held[i]->word, 0, __ATOMIC_RELEASE);
    core->locks_held = 0;
}
