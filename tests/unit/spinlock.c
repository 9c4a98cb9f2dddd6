/* smp/spinlock.c: no update is lost, the interrupt flag is restored, every misuse is refused. */
#include "threads.h"

#include <arch/cpu.h>
#include <arch/irq.h>
#include <lib/prng.h>
#include <lib/sizes.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS = 20000 };

static struct spinlock_irq lock;
static uint64_t counter;
static unsigned inside;

static void start_lock(void)
{
    lock = (struct spinlock_irq)SPINLOCK_IRQ("test");
    counter = 0;
    thread_percpu[0] = (struct percpu){.online = true};
    thread_percpu[1] = (struct percpu){.online = true};
    host_core_enter(0, &thread_percpu[0]);
}

static void count_up(void)
{
    for (int turn = 0; turn < TURNS; turn++) {
        irq_flags_t flags = spinlock_irq_lock(&lock);
        CHECK_EQUAL(inside++, 0);
        CHECK(!irq_enabled());
        CHECK(spinlock_irq_held(&lock));
        counter++;
        inside--;
        spinlock_irq_unlock(&lock, flags);
        CHECK(irq_enabled());
    }
}

static struct lock_counts all_counts(void)
{
    struct lock_counts sum = {0};
    for (int i = 0; i < THREADS; i++) {
        sum.acquisitions += thread_percpu[i].locks.acquisitions;
        sum.contended += thread_percpu[i].locks.contended;
        sum.handoffs += thread_percpu[i].locks.handoffs;
        CHECK_EQUAL(thread_percpu[i].locks_held, 0);
        CHECK(thread_percpu[i].waiting_for == NULL);
    }
    return sum;
}

static void check_counting(void)
{
    start_lock();
    run_threads(count_up);
    CHECK_EQUAL(counter, THREADS * TURNS);
    struct lock_counts sum = all_counts();
    CHECK_EQUAL(sum.acquisitions, THREADS * TURNS);
    CHECK(sum.contended <= sum.acquisitions);
    CHECK(sum.handoffs >= THREADS - 1); /* each thread held it at least once */
    CHECK_EQUAL(spinlock_irq_owner(&lock), -1);
}

TEST(no_lost_update)
{
    check_counting();
}

TEST(no_lost_update_with_yields)
{
    spinlock_yield(3, 19);
    check_counting();
    spinlock_yield(0, 0);
}

/* The named cores take and release the lock, one after the other. */
static void take_turns(const char *cores)
{
    start_lock();
    for (; *cores; cores++) {
        uint32_t core = (uint32_t)(*cores - '0');
        host_core_enter(core, &thread_percpu[core]);
        spinlock_irq_unlock(&lock, spinlock_irq_lock(&lock));
    }
}

TEST(order_of_handoffs)
{
    take_turns("000");
    CHECK(lock.order == 0 && thread_percpu[0].locks.order == 0);
    take_turns("010");
    uint64_t once = prng_mix(UINT64_C(1) << 32 | 2),
             twice = prng_mix(once ^ (UINT64_C(2) << 32 | 1));
    CHECK(lock.order == twice);
    CHECK(thread_percpu[0].locks.order == prng_mix(twice));
    take_turns("01010");
    uint64_t last = prng_mix(prng_mix(twice ^ (UINT64_C(1) << 32 | 2)) ^ (UINT64_C(2) << 32 | 1));
    CHECK(lock.order == last);
    CHECK(thread_percpu[0].locks.order == prng_mix(prng_mix(twice) ^ last));
    take_turns("0101");
    uint64_t whole = lock.order, mine = thread_percpu[0].locks.order;
    CHECK(whole != 0 && mine != 0 && mine != thread_percpu[1].locks.order);
    take_turns("001011");
    CHECK(lock.order == whole && thread_percpu[0].locks.order == mine);
    take_turns("1010");
    CHECK(lock.order != whole && thread_percpu[0].locks.order != mine);
    take_turns("010");
    CHECK(lock.order != whole);
}

TEST(interrupt_flag_restored)
{
    start_lock();
    irq_flags_t flags = spinlock_irq_lock(&lock);
    CHECK(!irq_enabled());
    spinlock_irq_unlock(&lock, flags);
    CHECK(irq_enabled());
    irq_disable();
    flags = spinlock_irq_lock(&lock);
    spinlock_irq_unlock(&lock, flags);
    CHECK(!irq_enabled());
    irq_enable();
}

TEST(owner)
{
    start_lock();
    CHECK_EQUAL(spinlock_irq_owner(&lock), -1);
    irq_flags_t flags = spinlock_irq_lock(&lock);
    CHECK_EQUAL(spinlock_irq_owner(&lock), 0);
    CHECK(spinlock_irq_held(&lock));
    CHECK_EQUAL(thread_percpu[0].locks_held, 1);
    host_core_enter(1, &thread_percpu[1]);
    CHECK(!spinlock_irq_held(&lock));
    host_core_enter(0, &thread_percpu[0]);
    irq_disable();
    spinlock_irq_unlock(&lock, flags);
    CHECK(!spinlock_irq_held(&lock));
    CHECK_EQUAL(thread_percpu[0].locks_held, 0);
}

TEST(taken_again_by_owner)
{
    start_lock();
    spinlock_irq_lock(&lock);
    CHECK_FAILS(RULE_LOCK_OWNER, "test taken again by its owner, core 0", spinlock_irq_lock(&lock));
    CHECK_EQUAL(spinlock_irq_owner(&lock), 0);
}

TEST(released_by_another)
{
    start_lock();
    irq_flags_t flags = spinlock_irq_lock(&lock);
    host_core_enter(1, &thread_percpu[1]);
    irq_disable();
    CHECK_FAILS(RULE_LOCK_OWNER, "test held by core 0, released by core 1",
                spinlock_irq_unlock(&lock, flags));
    CHECK_EQUAL(spinlock_irq_owner(&lock), 0);
}

TEST(released_twice)
{
    start_lock();
    irq_flags_t flags = spinlock_irq_lock(&lock);
    spinlock_irq_unlock(&lock, flags);
    irq_disable();
    CHECK_FAILS(RULE_LOCK_OWNER, "test released twice", spinlock_irq_unlock(&lock, flags));
}

TEST(released_with_interrupts_on)
{
    start_lock();
    irq_flags_t flags = spinlock_irq_lock(&lock);
    irq_enable();
    CHECK_FAILS(RULE_IRQ_STATE, "test released by core 0", spinlock_irq_unlock(&lock, flags));
}

/* ---- what locks and cores record ---- */

/*
 * The functions below call the lock's functions. So a recorded return address must lie in one of
 * them.
 */
enum { CODE_BYTES = 256 };

static bool is_in(const void *address, const void *function)
{
    return (uintptr_t)address - (uintptr_t)function < CODE_BYTES;
}

__attribute__((noinline)) static irq_flags_t take_here(struct spinlock_irq *one)
{
    irq_flags_t flags = spinlock_irq_lock(one);
    __asm__ volatile("" : : : "memory"); /* so that the call does not become a jump */
    return flags;
}

__attribute__((noinline)) static void release_here(struct spinlock_irq *one, irq_flags_t flags)
{
    spinlock_irq_unlock(one, flags);
    __asm__ volatile("" : : : "memory");
}

static void hold_for(uint64_t cycles)
{
    for (uint64_t start = cpu_cycles(); cpu_cycles() - start < cycles;)
        ;
}

TEST(taking_is_noted)
{
    start_lock();
    uint64_t before = cpu_cycles();
    irq_flags_t flags = take_here(&lock);
    CHECK(lock.taken_at >= before && lock.taken_at <= cpu_cycles());
    CHECK(is_in(lock.owner_at, (const void *)take_here));
    CHECK_EQUAL(lock.last_owner, 1);
    spinlock_irq_unlock(&lock, flags);
    CHECK_EQUAL(lock.last_owner, 1);
}

/* The address in the message of a refused release. */
static const void *refused_at(irq_flags_t flags)
{
    static struct host_expectation expectation;
    host_expected = &expectation;
    if (setjmp(expectation.frame) == 0)
        release_here(&lock, flags);
    host_expected = NULL;
    const char *address = strstr(expectation.text, " at 0x");
    return address ? (const void *)strtoul(address + 4, NULL, 16) : NULL;
}

TEST(refused_release_tells_where)
{
    start_lock();
    irq_flags_t flags = spinlock_irq_lock(&lock);
    host_core_enter(1, &thread_percpu[1]);
    irq_disable();
    CHECK(is_in(refused_at(flags), (const void *)release_here)); /* held by another core */
    host_core_enter(0, &thread_percpu[0]);
    irq_enable();
    CHECK(is_in(refused_at(flags), (const void *)release_here)); /* with interrupts on */
    irq_disable();
    spinlock_irq_unlock(&lock, flags);
    CHECK(is_in(refused_at(flags), (const void *)release_here)); /* free */
}

TEST(counts_without_contention)
{
    enum { LONG = 20000, SHORT = 1000 };
    const struct lock_counts *first = &thread_percpu[0].locks, *second = &thread_percpu[1].locks;
    start_lock();
    uint64_t before = cpu_cycles();
    irq_flags_t flags = spinlock_irq_lock(&lock);
    hold_for(LONG);
    spinlock_irq_unlock(&lock, flags);
    CHECK(first->hold_cycles >= LONG && first->hold_cycles <= cpu_cycles() - before);
    CHECK_EQUAL(first->longest_hold, first->hold_cycles);
    uint64_t longest = first->longest_hold;
    flags = spinlock_irq_lock(&lock);
    hold_for(SHORT);
    spinlock_irq_unlock(&lock, flags);
    CHECK(first->hold_cycles >= longest + SHORT && first->longest_hold >= longest);
    CHECK_EQUAL(first->acquisitions, 2);
    CHECK_EQUAL(first->handoffs, 0); /* nobody held it before, then this core itself */
    host_core_enter(1, &thread_percpu[1]);
    flags = spinlock_irq_lock(&lock);
    spinlock_irq_unlock(&lock, flags);
    CHECK_EQUAL(second->acquisitions, 1);
    CHECK_EQUAL(second->handoffs, 1);
    CHECK_EQUAL(first->contended + second->contended, 0);
    CHECK_EQUAL(first->wait_cycles + first->longest_wait, 0);
}

static struct spinlock_irq several[HELD_LOCKS + 2];

static void take_several(unsigned count)
{
    start_lock();
    irq_disable();
    for (unsigned i = 0; i < count; i++) {
        several[i] = (struct spinlock_irq)SPINLOCK_IRQ("one of several");
        spinlock_irq_lock(&several[i]);
    }
    CHECK_EQUAL(thread_percpu[0].locks_held, count);
}

static void release_one(unsigned i)
{
    spinlock_irq_unlock(&several[i], irq_flags());
}

/* Check that the recorded locks have these numbers; -1: none. */
static void check_noted(const int *numbers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        CHECK(thread_percpu[0].held[i] == (numbers[i] < 0 ? NULL : &several[numbers[i]]));
    CHECK(thread_percpu[0].waiting_for == NULL); /* the member behind the array is unharmed */
}

TEST(held_locks_are_noted)
{
    take_several(3);
    check_noted((int[]){0, 1, 2}, 3);
    release_one(0); /* the last one moves to its place */
    check_noted((int[]){2, 1}, 2);
    release_one(2);
    check_noted((int[]){1}, 1);
    release_one(1);
    CHECK_EQUAL(thread_percpu[0].locks_held, 0);
    take_several(HELD_LOCKS);
    release_one(1);
    check_noted((int[]){0, 3, 2}, 3);
    irq_enable();
}

/* More locks than there is room for. The names of the rest are not recorded. */
TEST(more_held_than_are_noted)
{
    take_several(HELD_LOCKS + 2);
    check_noted((int[]){0, 1, 2, 3}, 4);
    release_one(3);
    check_noted((int[]){0, 1, 2, -1}, 4);
    release_one(0);
    check_noted((int[]){-1, 1, 2, -1}, 4);
    release_one(HELD_LOCKS + 1); /* not recorded */
    check_noted((int[]){-1, 1, 2}, 3);
    release_one(1); /* no recorded lock can take its place */
    check_noted((int[]){-1, 2}, 1);
    CHECK_EQUAL(thread_percpu[0].locks_held, 2);
    take_several(HELD_LOCKS + 1);
    release_one(1);
    check_noted((int[]){0, -1, 2, 3}, 4);
    irq_enable();
}

/* ---- waiting ---- */

static void *wait_for_lock(void *unused)
{
    (void)unused;
    host_core_enter(1, &thread_percpu[1]);
    spinlock_irq_unlock(&lock, take_here(&lock));
    return NULL;
}

static bool is_seen_waiting(void)
{
    enum { MOST_LOOKS = 2000000 };

    for (int look = 0; look < MOST_LOOKS; look++) {
        if (__atomic_load_n(&thread_percpu[1].waiting_for, __ATOMIC_RELAXED) == &lock)
            return true;
        cpu_relax();
    }
    return false;
}

TEST(waiting_is_noted_and_counted)
{
    enum { LONG = 20000 };
    const struct percpu *waiter = &thread_percpu[1];
    pthread_t thread;
    start_lock();
    uint64_t before = cpu_cycles();
    irq_flags_t flags = spinlock_irq_lock(&lock);
    pthread_create(&thread, NULL, wait_for_lock, NULL);
    bool seen = is_seen_waiting();
    hold_for(LONG);
    spinlock_irq_unlock(&lock, flags);
    pthread_join(thread, NULL);
    uint64_t whole = cpu_cycles() - before;
    CHECK(seen);
    CHECK(waiter->waiting_for == NULL);
    CHECK(is_in(waiter->waiting_at, (const void *)take_here));
    CHECK(waiter->waiting_since > before && waiter->waiting_since < before + whole);
    CHECK_EQUAL(waiter->locks.contended, 1);
    CHECK_EQUAL(waiter->locks.handoffs, 1);
    CHECK(waiter->locks.wait_cycles >= LONG && waiter->locks.wait_cycles < whole);
    CHECK_EQUAL(waiter->locks.longest_wait, waiter->locks.wait_cycles);
}

/* ---- yields ---- */

/*
 * PAUSE before and after taking the lock and after its release, from the core's own random stream,
 * once in `period` each.
 */
static void check_yields(uint32_t number)
{
    enum { PERIOD = 3, SEED = 23 };
    struct percpu core = {.online = true};
    struct prng expected;
    uint64_t yields = 0, relaxed = host_relaxed;
    start_lock();
    host_core_enter(number, &core);
    prng_seed(&expected, SEED, number);
    spinlock_yield(PERIOD, SEED);
    for (int turn = 0; turn < 100; turn++) {
        spinlock_irq_unlock(&lock, spinlock_irq_lock(&lock));
        for (int draw = 0; draw < 3; draw++)
            yields += prng_below(&expected, PERIOD) == 0;
    }
    spinlock_yield(0, 0);
    spinlock_irq_unlock(&lock, spinlock_irq_lock(&lock));
    CHECK_EQUAL(host_relaxed - relaxed, yields);
}

TEST(yields_as_drawn)
{
    check_yields(0);
    check_yields(5);
    check_yields(CORE_LIMIT - 1);
}
