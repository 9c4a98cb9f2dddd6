/*
 * The spin lock on x86: does the next holder see what the last one wrote?
 *
 * A store goes into its core's buffer, in order, and reaches memory some time later. A load looks
 * into its own core's buffer first. An instruction with a LOCK prefix waits until the buffer is
 * empty. Sewell, Sarkar, Owens, Zappa Nardelli and Myreen, "x86-TSO", 2010. A comment with a bar
 * quotes the C of its step.
 *
 * Stands for smp/spinlock.c try_take 08dd3a361dfc
 * Stands for smp/spinlock.c spinlock_irq_unlock 48c80bab9f18
 *
 * Proved: with plain stores for the data and for the release, the holder of the lock reads the
 * data last written under it, and is alone.
 *
 * Never at1[cpu] = 1: the swap has emptied the buffer, so that the data are its first entry
 *
 * Mutant 1 NO_LOCK_PREFIX: the compare-and-swap is a plain load and a plain store
 * Mutant 2 RELEASE_FIRST: the data are stored after the release
 * Mutant 3 RELAXED_RELEASE: stores leave the buffer in any order, as a relaxed release allows
 * Mutant 4 PETERSON: a lock of loads and stores alone, without a fence
 * Holds 5 PETERSON_IN_ORDER: the same lock, if stores reach memory at once: so the buffer breaks it
 */
#include "mutant.inc"
#if MUTANT == 4 || MUTANT == 5
#define CPUS 2
#else
#define CPUS 3
#endif

/* Places in memory. Peterson's lock has two wishes and a turn. */
#define WORD   0
#define DATA   1
#define WISH   0
#define TURN   2
#define PLACES 4

byte memory[PLACES + 1];
byte at0[CPUS], value0[CPUS]; /* the older store in the buffer */
byte at1[CPUS], value1[CPUS]; /* the younger store */
byte waiting[CPUS];           /* stores in the buffer: at most two between two LOCKs */

byte inside, last_written;

/* into = memory[place], as this core sees it. */
inline load(into, place)
{
    d_step {
        if
        :: waiting[cpu] == 2 && at1[cpu] == (place) -> into = value1[cpu]
        :: else ->
            if
            :: waiting[cpu] >= 1 && at0[cpu] == (place) -> into = value0[cpu]
            :: else -> into = memory[place]
            fi
        fi
    }
}

inline store(place, value)
{
#if MUTANT == 5
    memory[place] = value;
#else
    atomic {
        waiting[cpu] < 2;
        if
        :: waiting[cpu] == 0 -> at0[cpu] = place; value0[cpu] = value
        :: else -> at1[cpu] = place; value1[cpu] = value
        fi;
        waiting[cpu]++
    };
#endif
}

/* The older store reaches memory. */
inline drain_one()
{
    memory[at0[cpu]] = value0[cpu];
    at0[cpu] = at1[cpu];
    value0[cpu] = value1[cpu];
    at1[cpu] = 0;
    value1[cpu] = 0;
    waiting[cpu]--
}

proctype buffer(byte cpu)
{
end:
    do
    :: d_step { waiting[cpu] > 0 -> drain_one() }
#if MUTANT == 3
    :: d_step {
        waiting[cpu] == 2 && at0[cpu] != at1[cpu] ->
        memory[at1[cpu]] = value1[cpu];
        at1[cpu] = 0;
        value1[cpu] = 0;
        waiting[cpu]--
    }
#endif
    od
}

#if MUTANT == 4 || MUTANT == 5
inline lock()
{
    store(WISH + cpu * 3, 1);
    store(TURN, 1 - cpu);
    do
    :: load(seen, WISH + (1 - cpu) * 3);
       if
       :: seen == 0 -> break
       :: else
       fi;
       load(seen, TURN);
       if
       :: seen == cpu -> break
       :: else
       fi
    od
}
inline unlock()
{
    store(WISH + cpu * 3, 0)
}
#else
inline lock()
{
    do
    :: load(seen, WORD); /* | __atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 && */
       if
       :: seen != 0
#if MUTANT == 1
       :: else -> store(WORD, cpu + 1); break
#else
       :: else ->
           if            /* | __atomic_compare_exchange_n(&lock->word, &expected, me, */
           :: atomic { waiting[cpu] == 0 && memory[WORD] == 0 -> memory[WORD] = cpu + 1 };
              break
           :: waiting[cpu] == 0 && memory[WORD] != 0
           fi
#endif
       fi
    od
}
inline unlock()
{
    store(WORD, 0)       /* | __atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE); */
}
#endif

/* The data are a number that each holder increments, modulo 3. */
proctype processor(byte cpu)
{
    byte seen;

    do
    :: lock();
       atomic { inside++; assert(inside == 1) };
       load(seen, DATA);
       assert(seen == last_written);
       atomic { seen = (seen + 1) % 3; last_written = seen };
#if MUTANT == 2
       inside--;
       unlock();
       store(DATA, seen);
#else
       store(DATA, seen);
       inside--;
       unlock();
#endif
       seen = 0
    od
}

init
{
    byte i;

    atomic {
        for (i : 0 .. CPUS - 1) {
            run processor(i);
            run buffer(i)
        }
    }
}
