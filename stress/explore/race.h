/*
 * The race detector: two accesses to the same bytes, one of them a write and not both atomic, that
 * nothing orders. Order is what the C11 memory model makes it: locks are atomics to it. Vector
 * clocks, as in Flanagan and Freund, "FastTrack: efficient and precise dynamic race detection",
 * 2009, but all threads' last accesses are kept, by byte, so that both sides of a race can be
 * named.
 *
 * An interrupt is ordered after what its core did before it and before what the core does after:
 * what it breaks by coming in between the oracle sees, not this. Sequential consistency and
 * fences are approximated from below: a race reported is one.
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

/* Thread, whether it writes and whether it is atomic, and the set of those of the eight bytes that
 * it touched. */
#define ACCESS_WHAT(thread, kind, bytes) \
    ((thread) | ((kind) & (ACCESS_WRITE | ACCESS_ATOMIC)) << 8 | (uint32_t)(bytes) << 16)

struct race_access {
    uint32_t clock;
    uint32_t what;    /* one word, as it is compared as one: ACCESS_WHAT() */
    const void *at;   /* the instruction behind it */
    const char *lock; /* one that was held, or "none" */
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

/* All that is ordered before something that a thread has done. */
struct race_moment {
    uint32_t of[EXPLORE_THREADS];
};

struct race {
    uintptr_t address;
    struct race_access first, second;
};

/* Forget everything: a new trial. */
void race_reset(void);

/* What came of an access. */
struct race_answer {
    uint32_t id; /* of the eight bytes, in the order in which a trial first came to them: the same
                    wherever they lie */
    bool races;  /* with an access before: race_found() */
};

/* Thread `thread` accesses `size` bytes at `address`, in eight of alignment. */
struct race_answer race_access(unsigned thread, uintptr_t address, unsigned size, unsigned kind,
                               const void *at, const char *lock);

/* The last race. */
const struct race *race_found(void);

/* A fence of its own. kind: ACCESS_ACQUIRE, ACCESS_RELEASE or both. */
void race_fence(unsigned thread, unsigned kind);

/* What thread `before` has done is ordered before what `after` does from here on. */
void race_order(unsigned before, unsigned after);

/*
 * Threads outside of the allocator hand blocks to each other, and see to the order of that: what
 * was done before race_hand_over() is ordered before what follows race_take_over() of its moment.
 */
void race_hand_over(unsigned thread, struct race_moment *moment);
void race_take_over(unsigned thread, const struct race_moment *moment);
