/*
 * The race detector. A race is two accesses to the same bytes in no order, at least one of them a
 * write and at least one not atomic. Order is that of the C11 memory model; a lock is no more than
 * its atomics. It uses vector clocks, as in Flanagan and Freund, "FastTrack: efficient and precise
 * dynamic race detection", 2009. But it keeps the last accesses of all threads, by byte, so that it
 * can name both sides of a race.
 *
 * An interrupt is ordered after what its core did before it, and before what the core does after
 * it. So if an interrupt breaks something by coming in between, the oracle sees it, not this.
 * Sequential consistency and fences are approximated: a race may be missed, but none is invented.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stress/explore/program.h>

enum access_kind {
    ACCESS_READ = 0,
    ACCESS_WRITE = 1 << 0,
    ACCESS_ATOMIC = 1 << 1,
    ACCESS_ACQUIRE = 1 << 2,
    ACCESS_RELEASE = 1 << 3,
    ACCESS_MODIFY = 1 << 4, /* with ACCESS_WRITE: reads, then writes */
};

/* The thread, whether the access writes, whether it is atomic, and the set of the bytes that it
 * touched, of the eight. */
#define ACCESS_WHAT(thread, kind, bytes) \
    ((thread) | ((kind) & (ACCESS_WRITE | ACCESS_ATOMIC)) << 8 | (uint32_t)(bytes) << 16)

struct race_access {
    uint32_t clock;
    uint32_t what;    /* ACCESS_WHAT(): one word, so that it is compared at once */
    const void *at;   /* the address behind the instrumented access */
    const char *lock; /* a lock that was held, "another" or "none" */
};

static inline unsigned access_thread(const struct race_access *access)
{
    return access->what & 0xff;
}

static inline unsigned access_kind(const struct race_access *access)
{
    return access->what >> 8 & 0xff;
}

static inline unsigned access_bytes(const struct race_access *access)
{
    return access->what >> 16;
}

/* A vector clock: for each thread, how much of its past is ordered before a step. */
struct race_moment {
    uint32_t of[EXPLORE_THREADS];
};

struct race {
    uintptr_t address;
    struct race_access first, second;
};

/* Forget everything: a new trial. */
void race_reset(void);

/* The result of race_access(). */
struct race_answer {
    uint32_t cell; /* of the eight bytes, for race_id() */
    bool races;    /* it races with an earlier access: race_found() */
};

/* Thread `thread` accesses `size` bytes at `address`, within eight aligned bytes. `at` and `lock`
 * are for struct race_access. */
struct race_answer race_access(unsigned thread, uintptr_t address, unsigned size, unsigned kind,
                               const void *at, const char *lock);

/*
 * The number of the eight bytes that an access was to, in the order in which the trial first asked.
 * So it does not depend on their address, nor on bytes that nobody asks about.
 */
uint32_t race_id(struct race_answer answer);

/* The last race. */
const struct race *race_found(void);

/* A fence. kind: ACCESS_ACQUIRE, ACCESS_RELEASE or both. */
void race_fence(unsigned thread, unsigned kind);

/* Order what thread `before` has done before what `after` does from here on. */
void race_order(unsigned before, unsigned after);

/*
 * Outside of the allocator, threads pass blocks to each other in order: what a thread did before
 * race_hand_over() is ordered before what follows race_take_over() of the same moment.
 */
void race_hand_over(unsigned thread, struct race_moment *moment);
void race_take_over(unsigned thread, const struct race_moment *moment);
