/* Runs tests on each of the built-in allocators. */
#pragma once

#include <mm/buddy.h>
#include <mm/buddy_percpu.h>
#include <mm/buddy_scan.h>
#include <smp/percpu.h>
#include <stdlib.h>
#include <string.h>
#include <tests/unit/unit.h>

static const struct page_allocator *allocator;

/*
 * EACH_TEST(name) { ... } defines one TEST for each allocator: name_buddy, name_scan, name_percpu.
 */
#define EACH_TEST(name)                      \
    static void each_##name(void);           \
    TEST(name##_buddy)                       \
    {                                        \
        allocator = &buddy_allocator;        \
        each_##name();                       \
    }                                        \
    TEST(name##_scan)                        \
    {                                        \
        allocator = &buddy_scan_allocator;   \
        each_##name();                       \
    }                                        \
    TEST(name##_percpu)                      \
    {                                        \
        allocator = &buddy_percpu_allocator; \
        each_##name();                       \
    }                                        \
    static void each_##name(void)

static inline bool promises(enum page_promise promise)
{
    return allocator->promises & promise;
}

struct subject {
    void *pool, *metadata;
};

/*
 * Make an empty pool. If the allocator may touch free pages, memory for pages [start, start +
 * count) exists. Otherwise there is none, and a touch is a crash.
 */
static inline struct subject subject_start(pfn_t start, uint64_t count)
{
    struct subject subject = {
        .pool = aligned_alloc(64, (allocator->pool_size + 63) / 64 * 64),
        .metadata = calloc(1, allocator->metadata_size(start, start + count)),
    };

    if (promises(PROMISE_METADATA_OUTSIDE))
        host_arena_map(UINT64_C(1) << 40, 1);
    else
        host_arena_map(start, count);
    memset(subject.pool, 0, allocator->pool_size);
    allocator->init(subject.pool, subject.metadata, start, start + count);
    return subject;
}

static inline void subject_end(struct subject subject)
{
    free(subject.pool);
    free(subject.metadata);
}

/* Empty the caches, so that all free blocks are visible. */
static inline void subject_drain(struct subject subject)
{
    if (allocator->drain)
        allocator->drain(subject.pool);
}

static inline void subject_check_sound(struct subject subject)
{
    char message[200] = "";

    if (!allocator->validate(subject.pool, message, sizeof message))
        unit_fail(__FILE__, __LINE__, "%s: %s", allocator->name, message);
}
