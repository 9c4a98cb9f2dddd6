/*
 * The barrier: three members, three rounds, members that spin and members that sleep.
 *
 * A comment with a bar quotes the C of its step. Only the interrupt of the last member to arrive
 * wakes a sleeper: on a real machine a timer may wake it, too, and hide a lost wake-up. An
 * interrupt has no effect on a core that has interrupts on and does not sleep.
 *
 * Stands for smp/barrier.c passed f2182bf1b0dd
 * Stands for smp/barrier.c sleep_until_passed ee00202ceee1
 * Stands for smp/barrier.c barrier_wait d97b9d307c29
 * Stands for arch/x86_64/include/arch/cpu.h cpu_sleep 5ad2052fdcb3
 *
 * Proved: no member leaves a round before all have reached it; all members end; none sleeps for
 * ever; interrupts are on afterwards.
 *
 * Mutant 1 ONE_EARLY: the last but one to arrive opens the barrier
 * Mutant 2 PLAIN_COUNT: arrived + 1 is a load and a store
 * Mutant 3 OPENS_FIRST: round is raised before arrived is reset
 * Mutant 4 NO_RESET: arrived is not reset
 * Mutant 5 NO_WAKE: the sleepers are not woken
 * Mutant 6 SLEEPS_INTERRUPTIBLE: test and sleep with interrupts on, so a wake-up between is lost
 * Mutant 7 ROUND_READ_LATE: the round is read after the arrival was counted
 * Mutant 8 LEAVES_INTERRUPTS_OFF: a sleeper does not restore interrupts
 */
#include "mutant.inc"
#define MEMBERS 3
#define ROUNDS  3

byte arrived, round;
bool irq_on[MEMBERS] = true;
bool wake[MEMBERS];   /* an interrupt is pending */
byte entered[MEMBERS]; /* rounds that a member has reached */

#if MUTANT == 1
#define LAST (MEMBERS - 1)
#else
#define LAST MEMBERS
#endif

inline count_arrival()
{
#if MUTANT == 2
    count = arrived + 1;
    arrived = count;
#else
    d_step { arrived++; count = arrived } /* | __atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == */
#endif
}

inline wake_others()
{
    d_step {
        other = 0;
        do
        :: other < MEMBERS ->
            wake[other] = wake[other] || other != me;
            other++
        :: else -> break
        od;
        other = 0
    }
}

inline open()
{
#if MUTANT == 3
    round = my_round + 1;
#endif
#if MUTANT != 4
    arrived = 0;         /* | __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED); */
#endif
#if MUTANT != 3
    round = my_round + 1; /* | __atomic_store_n(&barrier->round, round + 1, __ATOMIC_RELEASE); */
#endif
#if MUTANT != 5
    wake_others()        /* | cpu_wake_others(); */
#endif
}

inline sleep_until_passed()
{
#if MUTANT != 6
    irq_on[me] = false;             /* | irq_flags_t flags = irq_save(); */
#endif
    do
    :: round != my_round -> break   /* | while (!passed(barrier, round)) */
    :: else ->                      /* | cpu_sleep(); */
        atomic { wake[me] -> wake[me] = false } /* | __asm__ volatile("sti; hlt; cli" : : : "memory"); */
    od;
#if MUTANT == 8
    skip
#else
    irq_on[me] = true               /* | irq_restore(flags); */
#endif
}

inline barrier_wait()
{
#if MUTANT != 7
    my_round = round;               /* | uint32_t round = __atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE); */
#endif
    count_arrival();
#if MUTANT == 7
    my_round = round;
#endif
    if
    :: count == LAST ->             /* | barrier->members) { */
        open()
    :: else ->
        if                          /* | for (unsigned spin = 0; spin < SPINS_BEFORE_SLEEP; spin++) { */
        :: round != my_round        /* | if (passed(barrier, round)) */
        :: sleep_until_passed()     /* | sleep_until_passed(barrier, round); */
        fi
    fi
}

proctype member(byte me)
{
    byte my_round, count, other;

    do
    :: entered[me] < ROUNDS ->
        entered[me]++;
        barrier_wait();
        d_step {
            for (other : 0 .. MEMBERS - 1) {
                assert(entered[other] >= entered[me])
            }
            assert(irq_on[me]);
            other = 0;
            my_round = 0;
            count = 0
        }
    :: else -> break
    od
}

/* Takes the interrupt whenever it can. */
proctype interrupts(byte me)
{
end:
    do
    :: d_step { irq_on[me] && wake[me] -> wake[me] = false }
    od
}

init
{
    byte i;

    atomic {
        for (i : 0 .. MEMBERS - 1) {
            run member(i);
            run interrupts(i)
        }
    }
}
