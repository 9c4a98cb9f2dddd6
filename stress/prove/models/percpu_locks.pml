/*
 * The locks of buddy-percpu. A core takes its own cache's lock and then, if needed, the pool's. A
 * core that must see all free blocks takes every cache's lock, by rising index, and then the
 * pool's. Meanwhile unused caches may join.
 *
 * Here each lock operation is one step: spinlock_irq.pml models its parts. With HANDLERS each core
 * has an interrupt handler that does the same work. A comment with a bar quotes the C of its step.
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
 * Proved:
 *  - there is no circular wait;
 *  - with all locked, every cache that has blocks is locked, and once they are drained no cache has
 *    blocks: so a refusal is true at one instant;
 *  - only the core with a cache's lock changes the cache, likewise for the pool;
 *  - interrupts are restored afterwards.
 *
 * Mutant 1 OWN_FIRST: lock_all() begins with the core's own cache
 * Mutant 2 POOL_FIRST: the pool is locked before the caches
 * Mutant 3 NO_SECOND_LOOK: whether a cache has joined since is not checked under the pool's lock
 * Mutant 4 KEEPS_POOL: the pool stays locked while the caches that joined are locked
 * Mutant 5 JOINS_UNLOCKED: a cache joins without the pool's lock
 * Mutant 6 NEVER_JOINS: a cache is used without having joined
 * Mutant 7 LEAVES_ONE: unlock_all() does not unlock cache 0
 * Mutant 8 COUNTS_LATE: the number of caches to unlock is read after the pool is unlocked
 * Mutant 9 KEPT_ON_REFUSAL: if there is no block, the cache stays locked
 * Mutant 10 ON_TOO_EARLY (HANDLERS=1): interrupts are on again before the caches are unlocked
 */
#include "mutant.inc"
#ifndef CPUS
#define CPUS 3
#endif
#ifndef HANDLERS
#define HANDLERS 0
#endif

byte cache_lock[CPUS], pool_lock; /* 0, or 1 + the core that holds it */
byte cache_count;                 /* the caches below have joined */
bool holds[CPUS];                 /* the cache has a block */
bool irq_on[CPUS], handling[CPUS];

/* spinlock_irq_lock() and spinlock_irq_unlock(), without the interrupt flags. */
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

/* Afterwards the cache has a block, or none. */
inline with_pool()
{
    lock(pool_lock);                  /* | irq_flags_t inner = spinlock_irq_lock(&pool->buddy.lock); */
    if
    :: holds[cpu] = true              /* | pfn = take_batch(pool, cache, order); */
    :: holds[cpu] = false             /* | cache_shrink(pool, cache, order, blocks_in(CACHE_PAGES - CACHE_BATCH, order)); */
    fi;
    unlock(pool_lock)                 /* | spinlock_irq_unlock(&pool->buddy.lock, inner); */
}

/* allocate_cached() and free_cached(): by the cache alone, or with the pool. */
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

/* allocate_after_drain(): all blocks in caches go to the pool. */
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
