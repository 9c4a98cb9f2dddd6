/* smp/barrier.c: no thread passes before all have arrived, in round after round. */
#include "threads.h"

#include <arch/irq.h>
#include <smp/barrier.h>
#include <unistd.h>

enum { ROUNDS = 3000, LATE_ROUNDS = 500, LATE_US = 10000 /* so that the others go to sleep */ };

static struct barrier barrier;

/*
 * Plain variables, each written by one thread and read by all. Only the barrier orders the
 * accesses.
 */
static int arrived[THREADS];

static void meet(void)
{
    for (int round = 1; round <= ROUNDS; round++) {
        arrived[cpu_number()] = round;
        if (round % LATE_ROUNDS == 0 && cpu_number() == 0)
            usleep(LATE_US);
        barrier_wait(&barrier);
        for (int i = 0; i < THREADS; i++)
            CHECK_EQUAL(arrived[i], round);
        CHECK(irq_enabled());
        barrier_wait(&barrier);
    }
}

TEST(rounds)
{
    barrier = (struct barrier){.members = THREADS};
    host_wakes = 0;
    run_threads(meet);
    CHECK_EQUAL(barrier.round, 2 * ROUNDS);
    CHECK_EQUAL(host_wakes, 2 * ROUNDS); /* sleepers are woken in each round */
}

TEST(alone)
{
    barrier = (struct barrier){.members = 1};
    barrier_wait(&barrier);
    barrier_wait(&barrier);
    CHECK_EQUAL(barrier.round, 2);
}
