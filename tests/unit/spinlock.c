/* smp/spinlock.c: no update is lost, the interrupt flag comes back as it was, every misuse is
 * refused. */
#include "threads.h"

#include <arch/irq.h>

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
    host_cpu_enter(0, &thread_percpu[0]);
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
    CHECK(sum.handoffs >= THREADS - 1); /* each had it once */
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

/* The cores named take the lock and release it, one after the other. */
static void take_turns(const char *cores)
{
    start_lock();
    for (; *cores; cores++) {
        uint32_t core = (uint32_t)(*cores - '0');
        host_cpu_enter(core, &thread_percpu[core]);
        spinlock_irq_unlock(&lock, spinlock_irq_lock(&lock));
    }
}

TEST(order_of_handoffs)
{
    take_turns("000");
    CHECK(lock.order == 0 && thread_percpu[0].locks.order == 0);
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
    host_cpu_enter(1, &thread_percpu[1]);
    CHECK(!spinlock_irq_held(&lock));
    host_cpu_enter(0, &thread_percpu[0]);
    irq_disable();
    spinlock_irq_unlock(&lock, flags);
    CHECK(!spinlock_irq_held(&lock));
    CHECK_EQUAL(thread_percpu[0].locks_held, 0);
}

TEST(taken_again_by_owner)
{
    start_lock();
    spinlock_irq_lock(&lock);
    CHECK_FAILS("lock-owner", "test taken again by its owner, core 0", spinlock_irq_lock(&lock));
    CHECK_EQUAL(spinlock_irq_owner(&lock), 0);
}

TEST(released_by_another)
{
    start_lock();
    irq_flags_t flags = spinlock_irq_lock(&lock);
    host_cpu_enter(1, &thread_percpu[1]);
    irq_disable();
    CHECK_FAILS("lock-owner", "test held by core 0, released by core 1",
                spinlock_irq_unlock(&lock, flags));
    CHECK_EQUAL(spinlock_irq_owner(&lock), 0);
}

TEST(released_twice)
{
    start_lock();
    irq_flags_t flags = spinlock_irq_lock(&lock);
    spinlock_irq_unlock(&lock, flags);
    irq_disable();
    CHECK_FAILS("lock-owner", "test released twice", spinlock_irq_unlock(&lock, flags));
}

TEST(released_with_interrupts_on)
{
    start_lock();
    irq_flags_t flags = spinlock_irq_lock(&lock);
    irq_enable();
    CHECK_FAILS("irq-state", "test released by core 0", spinlock_irq_unlock(&lock, flags));
}
