/*
 * Subjects: wrong allocators that test the oracle. Each is the built-in buddy with one thing
 * broken. The comment at its top names the failure title that must come. tests/test_subjects.py
 * boots them all.
 *
 * A subject is correct in the first calls of a pool. So it passes selftest, whose pools are small
 * and young, unless it is meant to fail there.
 */
#pragma once

#include <arch/irq.h>
#include <arch/percpu.h>
#include <mm/buddy.h>
#include <stddef.h>

enum { SUBJECT_CORES = 256 };

/* A block that the subject has handed out. */
struct subject_block {
    bool is_out;
    pfn_t pfn;
    unsigned order;
};

struct subject_pool {
    struct buddy_pool buddy;  /* first: a pointer to one is a pointer to the other */
    uint64_t calls;           /* atomic */
    struct spinlock_irq lock; /* the subject's own lock, taken around the buddy's */
    struct subject_block
        last[SUBJECT_CORES]; /* the last block of each core; only that core uses it */
};

/* Counts a call of the pool. Returns true once in `period` calls. */
static inline bool subject_turn(struct subject_pool *pool, uint64_t period)
{
    return __atomic_add_fetch(&pool->calls, 1, __ATOMIC_RELAXED) % period == 0;
}

static inline struct subject_block *subject_last(struct subject_pool *pool)
{
    return &pool->last[cpu_number()];
}

/* ---- correct functions ---- */

static inline size_t sound_metadata_size(pfn_t start, pfn_t end)
{
    return buddy_allocator.metadata_size(start, end);
}

static inline void sound_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct subject_pool *pool = memory;

    pool->lock = (struct spinlock_irq)SPINLOCK_IRQ("subject");
    buddy_allocator.init(pool, metadata, start, end);
}

static inline enum page_error sound_insert(void *pool, pfn_t start, uint64_t count)
{
    return buddy_allocator.insert_pages(pool, start, count);
}

static inline pfn_t sound_allocate(void *pool, unsigned order)
{
    return buddy_allocator.allocate_pages(pool, order);
}

static inline enum page_error sound_free(void *pool, pfn_t pfn, unsigned order)
{
    return buddy_allocator.free_pages(pool, pfn, order);
}

static inline enum page_error sound_remove(void *pool, pfn_t start, uint64_t count)
{
    return buddy_allocator.remove_pages(pool, start, count);
}

static inline uint64_t sound_free_page_count(void *pool)
{
    return buddy_allocator.free_page_count(pool);
}

static inline void sound_for_each_free(void *pool, page_visit_free *visit, void *context)
{
    buddy_allocator.for_each_free(pool, visit, context);
}

static inline bool sound_validate(void *pool, char *message, size_t size)
{
    return buddy_allocator.validate(pool, message, size);
}

enum {
    SOUND_PROMISES = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES |
                     PROMISE_REFUSES_BAD_FREE | PROMISE_TRUE_OOM | PROMISE_INSTANCEABLE |
                     PROMISE_METADATA_OUTSIDE,
};

/*
 * Register the subject of that name: correct except for the members that follow, as .member =
 * value. If a member is initialised twice, the last value counts (C11 6.7.9, paragraph 19).
 */
#pragma GCC diagnostic ignored "-Woverride-init"
#define SUBJECT(title, subject_promises, ...)                                               \
    static const struct page_allocator subject = {.name = (title),                          \
                                                  .promises = (subject_promises),           \
                                                  .pool_size = sizeof(struct subject_pool), \
                                                  .metadata_size = sound_metadata_size,     \
                                                  .init = sound_init,                       \
                                                  .insert_pages = sound_insert,             \
                                                  .allocate_pages = sound_allocate,         \
                                                  .free_pages = sound_free,                 \
                                                  .remove_pages = sound_remove,             \
                                                  .free_page_count = sound_free_page_count, \
                                                  .for_each_free = sound_for_each_free,     \
                                                  .validate = sound_validate,               \
                                                  __VA_ARGS__};                             \
    PAGE_ALLOCATOR(subject)
