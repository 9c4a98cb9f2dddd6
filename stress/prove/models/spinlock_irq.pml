/*
 * The spin lock that keeps interrupts off, taken by three cores and by a handler on each of them.
 *
 * A handler is a separate process. By `provided` it runs only if its core has interrupts on or the
 * handler runs already, and then its core's process does not run. A comment with a bar quotes the C
 * of its step. Spinning is modelled as waiting for the condition that ends it.
 *
 * Stands for smp/spinlock.c try_take 08dd3a361dfc
 * Stands for smp/spinlock.c wait_and_take 0010c160295d
 * Stands for smp/spinlock.c spinlock_irq_lock ab4cd797314c
 * Stands for smp/spinlock.c check_release 207ecbde25d6
 * Stands for smp/spinlock.c spinlock_irq_unlock 48c80bab9f18
 *
 * Proved: at most one holds the lock; interrupts are off on its core; after the unlock they are as
 * they were before the lock, on or off; there is no circular wait. To have fewer states, a core's
 * local steps are joined into one, and variables are reset after their last use.
 *
 * Never assert(0): what the monitor waits for
 *
 * Mutant 1 NO_CLI: the lock leaves interrupts on
 * Mutant 2 CLI_LATE: the lock turns interrupts off only after it has the word
 * Mutant 3 PLAIN_TEST_AND_SET: finds the word 0 and then stores, in two steps
 * Mutant 4 RESTORE_EARLY: the unlock restores interrupts before it clears the word
 * Mutant 5 ALWAYS_ON: the unlock turns interrupts on, whatever they were
 * Mutant 6 SHARED_FLAGS: all cores save their flags in the same variable
 * Mutant 7 KEPT_ON_A_PATH: one path does not unlock
 * Mutant 8 NEVER_RESTORED: the unlock leaves interrupts off
 */
#include "mutant.inc"
#define CPUS 3

byte word;           /* lock->word */
bool irq_on[CPUS];   /* each core's interrupt flag */
bool handling[CPUS]; /* the core is in its handler */
byte inside;         /* how many processes are behind lock() */
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
        :: word != 0             /* another was first: continue to spin */
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

/* With the lock held, only check that no other process holds it. */
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

/* The caller has interrupts on, or off. */
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

/* An interrupt gate turns interrupts off, its IRET turns them on again. */
proctype handler(byte cpu) provided (irq_on[cpu] || handling[cpu])
{
    bool flags;

    do
    :: atomic { irq_on[cpu] && !handling[cpu] -> handling[cpu] = true; irq_on[cpu] = false };
       locked_work();
       atomic { assert(!irq_on[cpu]); irq_on[cpu] = true; handling[cpu] = false }
    od
}

/* In every state: the core whose number is in the word has interrupts off. */
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
