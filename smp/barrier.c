#include <arch/cpu.h>
#include <arch/irq.h>
#include <smp/barrier.h>
#include <stdbool.h>

enum { SPINS_BEFORE_SLEEP = 1000 };

static bool passed(const struct barrier *barrier, uint32_t round)
{
    return __atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE) != round;
}

/* Interrupts are off from the test to the sleep, so the wake-up cannot be lost between them. */
static void sleep_until_passed(const struct barrier *barrier, uint32_t round)
{
    irq_flags_t flags = irq_save();

    while (!passed(barrier, round))
        cpu_sleep();
    irq_restore(flags);
}

void barrier_wait(struct barrier *barrier)
{
    uint32_t round = __atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE);

    if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == barrier->members) {
        __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&barrier->round, round + 1, __ATOMIC_RELEASE);
        if (barrier->members > 1)
            cpu_wake_others();
        return;
    }
    for (unsigned spin = 0; spin < SPINS_BEFORE_SLEEP; spin++) {
        if (passed(barrier, round))
            return;
        cpu_relax();
    }
    sleep_until_passed(barrier, round);
}
