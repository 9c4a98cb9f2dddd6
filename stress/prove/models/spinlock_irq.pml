/*
 * The spin lock that keeps interrupts off, taken by three CPUs and by a handler on each of them.
 *
 * A handler is a process of its own that can go on only while its CPU takes interrupts or it runs
 * already; while it runs its CPU cannot. That is what `provided` says. Behind a bar stands the C
 * that a step is; spinning is waiting for the condition that ends it.
 *
 * Stands for smp/spinlock.c try_take 08dd3a361dfc
 * Stands for smp/spinlock.c wait_and_take 0010c160295d
 * Stands for smp/spinlock.c spinlock_irq_lock ab4cd797314c
 * Stands for smp/spinlock.c check_release 207ecbde25d6
 * Stands for smp/spinlock.c spinlock_irq_unlock 48c80bab9f18
 *
 * Proved: at most one holds the lock; interrupts are off on the CPU that does; after the unlock
 * they are as they were before the lock, on or off; no circle of waiting. Steps of one CPU's own are
 * joined into one, and what is not needed any more is reset: fewer states to look at.
 *
 * Never assert(0): what the monitor waits for
 *
 * Mutant 1 NO_CLI: the lock leaves interrupts on
 * Mutant 2 CLI_LATE: ... turns them off once it has the word
 * Mutant 3 PLAIN_TEST_AND_SET: finds the word 0 and then stores, in two steps
 * Mutant 4 RESTORE_EARLY: the unlock restores interrupts before it gives up the word
 * Mutant 5 ALWAYS_ON: ... turns them on, whatever they were
 * Mutant 6 SHARED_FLAGS: the flags are saved where all CPUs save theirs
 * Mutant 7 KEPT_ON_A_PATH: one way out does not unlock
 * Mutant 8 NEVER_RESTORED: ... unlocks, but leaves interrupts off
 */
#include "mutant.inc"
#define CPUS 3

byte word;           /* lock->word */
bool irq_on[CPUS];   /* each CPU's interrupt flag */
bool handling[CPUS]; /* ... is in its handler */
byte inside;         /* how many think that they hold the lock */
bool shared_flags;

#if MUTANT == 3
#define COMPARE_AND_SWAP word == 0 -> word = cpu + 1
#else
#define COMPARE_AND_SWAP atomic { word == 0 -> word = cpu + 1 }
#endif

inline irq_save()
{
    flags = irq_on[cpu];
#if MUTANT == 6
    shared_flags = flags;
#endif
#if MUTANT != 1 && MUTANT != 2
    irq_on[cpu] = false;
#endif
}

inline lock()
{
    irq_save();                  /* | irq_flags_t flags = irq_save(); */
                                 /* | uint32_t me = core->local.number + 1; */
    assert(word != cpu + 1);     /* | fail(RULE_LOCK_OWNER, "%s taken again by its owner */
    do                           /* | while (!try_take(lock, me)); */
    :: word == 0 ->              /* | __atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 && */
        if
        :: COMPARE_AND_SWAP;     /* | __atomic_compare_exchange_n(&lock->word, &expected, me, */
            break
        :: word != 0             /* another was first: spin on */
        fi
    od;
#if MUTANT == 2
    irq_on[cpu] = false;
#endif
}

inline unlock()
{
    assert(word == cpu + 1);     /* | if (word != me) */
#if MUTANT != 1
    assert(!irq_on[cpu]);        /* | if (irq_enabled()) */
#endif
#if MUTANT == 4
    irq_on[cpu] = flags;
#endif
    word = 0;                    /* | __atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE); */
#if MUTANT == 5
    irq_on[cpu] = true;
#elif MUTANT == 6
    irq_on[cpu] = shared_flags;
#elif MUTANT != 8
    d_step { irq_on[cpu] = flags; flags = false } /* | irq_restore(flags); */
#endif
}

/* All that anybody does with the lock held: be alone. */
inline locked_work()
{
    lock();
    atomic { inside++; assert(inside == 1) };
    inside--;
#if MUTANT == 7
    if
    :: skip
    :: unlock()
    fi;
#else
    unlock();
#endif
}

/* Whoever calls has interrupts on, or off. */
proctype processor(byte cpu) provided (!handling[cpu])
{
    bool flags, before;

    do
    :: if
       :: d_step { before = true; irq_on[cpu] = true }
       :: d_step { before = false; irq_on[cpu] = false }
       fi;
       locked_work();
       d_step { assert(irq_on[cpu] == before); before = false; irq_on[cpu] = true }
    od
}

/* An interrupt turns interrupts off (a gate does), its IRET on again. */
proctype handler(byte cpu) provided (irq_on[cpu] || handling[cpu])
{
    bool flags;

    do
    :: atomic { irq_on[cpu] && !handling[cpu] -> handling[cpu] = true; irq_on[cpu] = false };
       locked_work();
       atomic { assert(!irq_on[cpu]); irq_on[cpu] = true; handling[cpu] = false }
    od
}

/* In every state: the CPU whose number is in the word takes no interrupts. */
active proctype monitor()
{
end:
#if MUTANT != 1 && MUTANT != 2
    atomic { word != 0 && irq_on[word - 1] -> assert(false) }
#else
    false
#endif
}

init
{
    byte i;

    atomic {
        for (i : 0 .. CPUS - 1) {
            irq_on[i] = true;
            run processor(i);
            run handler(i)
        }
    }
}
