/*
 * The locks of buddy-percpu: each core takes its own cache's and then, maybe, the pool's; who must
 * see all that is free takes every cache's, by rising index, and then the pool's, while caches that
 * nobody has used yet join.
 *
 * A lock here is one step: spinlock_irq.pml is about what it is made of. With HANDLERS each CPU has
 * an interrupt handler that does what its CPU does. Behind a bar stands the C that a step is.
 *
 * Stands for mm/buddy_percpu.c join_caches 2baa601e913b
 * Stands for mm/buddy_percpu.c lock_own_cache d7293768843d
 * Stands for mm/buddy_percpu.c lock_all 36aa0f6cc9f7
 * Stands for mm/buddy_percpu.c unlock_all 497a3248d485
 * Stands for mm/buddy_percpu.c allocate_cached 93abdea0a993
 * Stands for mm/buddy_percpu.c allocate_after_drain 4c924d9bb012
 * Stands for mm/buddy_percpu.c free_cached bc4363d6ae65
 * Stands for mm/buddy_percpu.c give_back_batch e9038855d179
 *
 * Runs CPUS=3 HANDLERS=0
 * Runs CPUS=2 HANDLERS=1
 * Runs slowly CPUS=3 HANDLERS=1
 *
 * Proved: no circle of waiting; with all locked, every cache that holds anything is locked, and
 * after they are emptied none holds anything, so that a refusal is true at one instant; a cache is
 * changed by who has its lock, the pool likewise; interrupts are afterwards as they were.
 *
 * Mutant 1 OWN_FIRST: all are locked beginning with one's own
 * Mutant 2 POOL_FIRST: the pool is locked before the caches
 * Mutant 3 NO_SECOND_LOOK: who has joined since is not asked under the pool's lock
 * Mutant 4 KEEPS_POOL: the pool stays locked while the caches that joined are locked
 * Mutant 5 JOINS_UNLOCKED: a cache joins without the pool's lock
 * Mutant 6 NEVER_JOINS: a cache is used without having joined
 * Mutant 7 LEAVES_ONE: the way back does not unlock cache 0
 * Mutant 8 COUNTS_LATE: how many to unlock is asked after the pool is unlocked
 * Mutant 9 KEPT_ON_REFUSAL: nothing to be had, and the cache stays locked
 * Mutant 10 ON_TOO_EARLY (HANDLERS=1): interrupts are on again before the caches are unlocked
 */
#include "mutant.inc"
#ifndef CPUS
#define CPUS 3
#endif
#ifndef HANDLERS
#define HANDLERS 0
#endif

byte cache_lock[CPUS], pool_lock; /* 0, or 1 + the CPU that holds it */
byte cache_count;                 /* caches that have joined are below */
bool holds[CPUS];                 /* the cache has a block */
bool irq_on[CPUS], handling[CPUS];

/* spinlock_irq_lock() and _unlock(), the flags aside. */
inline lock(word)
{
    assert(word != cpu + 1);
    atomic { word == 0 -> word = cpu + 1 }
}

inline unlock(word)
{
    atomic { assert(word == cpu + 1); word = 0 }
}

inline join_caches()
{
#if MUTANT != 5
    lock(pool_lock);                  /* | irq_flags_t flags = spinlock_irq_lock(&pool->buddy.lock); */
#endif
    if
    :: cpu >= cache_count ->          /* | if (index >= pool->cache_count) */
        cache_count = cpu + 1         /* | __atomic_store_n(&pool->cache_count, index + 1, __ATOMIC_RELAXED); */
    :: else
    fi;
#if MUTANT != 5
    unlock(pool_lock)                 /* | spinlock_irq_unlock(&pool->buddy.lock, flags); */
#endif
}

inline lock_own_cache()
{
    atomic { flags = irq_on[cpu]; irq_on[cpu] = false };
    lock(cache_lock[cpu]);            /* | *flags = spinlock_irq_lock(&pool->caches[index].lock); */
#if MUTANT != 6
    if
    :: cpu >= cache_count ->          /* | if (index >= __atomic_load_n(&pool->cache_count, __ATOMIC_RELAXED)) */
        join_caches()                 /* | join_caches(pool, index); */
    :: else
    fi
#endif
}

/* The cache has a block afterwards, or none. */
inline with_pool()
{
    lock(pool_lock);                  /* | irq_flags_t inner = spinlock_irq_lock(&pool->buddy.lock); */
    if
    :: holds[cpu] = true              /* | pfn = take_batch(pool, cache, order); */
    :: holds[cpu] = false             /* | cache_shrink(pool, cache, order, blocks_in(CACHE_PAGES - CACHE_BATCH, order)); */
    fi;
    unlock(pool_lock)                 /* | spinlock_irq_unlock(&pool->buddy.lock, inner); */
}

/* allocate_cached() and free_cached(): with the cache alone, or with the pool. */
inline use_cache()
{
    lock_own_cache();                 /* | struct buddy_cache *cache = lock_own_cache(pool, &flags); */
    if
    :: holds[cpu] -> holds[cpu] = false /* | pfn = cache_pop(pool, cache, order); */
    :: holds[cpu] = true              /* | cache_push(pool, cache, pfn, order); */
    :: with_pool()                    /* | give_back_batch(pool, cache, order); */
    fi;
#if MUTANT == 9
    if
    :: holds[cpu] -> unlock(cache_lock[cpu])
    :: else
    fi;
#else
    unlock(cache_lock[cpu]);          /* | spinlock_irq_unlock(&cache->lock, flags); */
#endif
    atomic { irq_on[cpu] = flags; flags = false }
}

inline lock_all()
{
    atomic { flags = irq_on[cpu]; irq_on[cpu] = false }; /* | irq_flags_t flags = irq_save(); */
#if MUTANT == 1
    if
    :: cpu < cache_count -> lock(cache_lock[cpu])
    :: else
    fi;
#elif MUTANT == 2
    lock(pool_lock);
#endif
    do                                /* | for (;;) { */
    :: locked < cache_count ->        /* | for (; locked < __atomic_load_n(&pool->cache_count, __ATOMIC_RELAXED); locked++) */
#if MUTANT == 1
        if
        :: cache_lock[locked] != cpu + 1 -> lock(cache_lock[locked])
        :: else
        fi;
#else
        lock(cache_lock[locked]);     /* | spinlock_irq_lock(&pool->caches[locked].lock); */
#endif
        locked++
    :: else ->
#if MUTANT == 3
        lock(pool_lock);
        break
#elif MUTANT == 2
        break
#elif MUTANT == 4
        if
        :: pool_lock != cpu + 1 -> lock(pool_lock)
        :: else
        fi;
        if
        :: locked == cache_count -> break
        :: else
        fi
#else
        lock(pool_lock);              /* | spinlock_irq_lock(&pool->buddy.lock); */
        if
        :: locked == cache_count ->   /* | if (locked == pool->cache_count) */
            break                     /* | return flags; */
        :: else ->
            unlock(pool_lock)         /* | spinlock_irq_unlock(&pool->buddy.lock, irq_flags()); */
        fi
#endif
    od
}

/* allocate_after_drain(): what is free in any cache goes to the pool. */
inline drain_all()
{
    d_step {
        assert(pool_lock == cpu + 1);
        for (i : 0 .. CPUS - 1) {
            assert(!holds[i] || cache_lock[i] == cpu + 1);
            if
            :: i < cache_count -> holds[i] = false /* | drain_all(pool); */
            :: else
            fi;
            assert(!holds[i])
        }
        i = 0
    }
}

inline unlock_all()
{
#if MUTANT == 8
    unlock(pool_lock);
    locked = cache_count;
#else
    locked = cache_count;             /* | uint32_t locked = pool->cache_count; */
#if MUTANT == 10
    irq_on[cpu] = flags;
#endif
    unlock(pool_lock);                /* | spinlock_irq_unlock(&pool->buddy.lock, irq_flags()); */
#endif
    do
#if MUTANT == 7
    :: locked > 1 ->
#else
    :: locked > 0 ->                  /* | while (locked-- > 0) */
#endif
        locked--;
        unlock(cache_lock[locked])    /* | spinlock_irq_unlock(&pool->caches[locked].lock, irq_flags()); */
    :: else -> break
    od;
    atomic { irq_on[cpu] = flags; flags = false; locked = 0 } /* | irq_restore(flags); */
}

inline work()
{
    if
    :: use_cache()
    :: lock_all();                    /* | irq_flags_t flags = lock_all(pool); */
       drain_all();
       unlock_all()                   /* | unlock_all(pool, flags); */
    fi
}

proctype processor(byte cpu) provided (!handling[cpu])
{
    bool flags;
    byte locked, i;

    do
    :: work();
       assert(irq_on[cpu])
    od
}

#if HANDLERS
proctype handler(byte cpu) provided (irq_on[cpu] || handling[cpu])
{
    bool flags;
    byte locked, i;

    do
    :: atomic { irq_on[cpu] && !handling[cpu] -> handling[cpu] = true; irq_on[cpu] = false };
       work();
       atomic { assert(!irq_on[cpu]); irq_on[cpu] = true; handling[cpu] = false }
    od
}
#endif

init
{
    byte n;

    atomic {
        for (n : 0 .. CPUS - 1) {
            irq_on[n] = true;
            run processor(n);
#if HANDLERS
            run handler(n)
#endif
        }
    }
}
