/*
 * A buddy under the lock of the file that includes this header. Before, that file defines:
 *
 *   struct lock     free if it is zeroed
 *   struct guard    data of the holder from lock_take() to lock_release(), on its stack
 *   static void lock_take(struct lock *, struct guard *)       returns with interrupts off
 *   static void lock_release(struct lock *, struct guard *)    restores the interrupt flag
 *
 * After the include it says LOCKED_BUDDY("name"). The allocator makes every promise except
 * frees-parts and true-placement.
 */
#pragma once

#include "buddy.h"

struct pool {
    struct lock lock;
    struct buddy buddy;
};

static inline void locked_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    buddy_init(&pool->buddy, metadata, start, end, MAX_ORDER);
}

static inline enum page_error locked_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    struct guard guard;

    lock_take(&pool->lock, &guard);
    enum page_error error = buddy_insert(&pool->buddy, start, count);
    lock_release(&pool->lock, &guard);
    return error;
}

static inline pfn_t locked_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    struct guard guard;

    lock_take(&pool->lock, &guard);
    pfn_t pfn = buddy_take(&pool->buddy, order);
    lock_release(&pool->lock, &guard);
    return pfn;
}

static inline enum page_error locked_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    struct guard guard;

    lock_take(&pool->lock, &guard);
    enum page_error error = buddy_give(&pool->buddy, pfn, order);
    lock_release(&pool->lock, &guard);
    return error;
}

static inline uint64_t locked_free_page_count(void *memory)
{
    struct pool *pool = memory;
    struct guard guard;

    lock_take(&pool->lock, &guard);
    uint64_t count = pool->buddy.free_pages;
    lock_release(&pool->lock, &guard);
    return count;
}

static inline void locked_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    buddy_visit(&((struct pool *)memory)->buddy, visit, context);
}

#define LOCKED_BUDDY(title)                                                              \
    static const struct page_allocator allocator = {                                     \
        .name = (title),                                                                 \
        .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES |            \
                    PROMISE_REFUSES_BAD_FREE | PROMISE_TRUE_OOM | PROMISE_SMALLEST_FIT | \
                    PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,                     \
        .pool_size = sizeof(struct pool),                                                \
        .metadata_size = buddy_metadata_size,                                            \
        .init = locked_init,                                                             \
        .insert_pages = locked_insert,                                                   \
        .allocate_pages = locked_allocate,                                               \
        .free_pages = locked_free,                                                       \
        .free_page_count = locked_free_page_count,                                       \
        .for_each_free = locked_for_each_free,                                           \
    };                                                                                   \
    PAGE_ALLOCATOR(allocator)
