/*
 * Allocators for testing the explorer: the built-in buddy with one planted concurrency bug each.
 * The comment at the top of a file describes the bug and its depth: how many events must come in
 * one order. tests/test_explore.py says what must be found.
 */
#pragma once

#include <mm/buddy.h>
#include <mm/environment.h>

struct planted_pool {
    struct buddy_pool buddy; /* first: a pointer to one is a pointer to the other */
    uint64_t words[8];       /* for the plant; zero at first */
};

static inline size_t planted_metadata_size(pfn_t start, pfn_t end)
{
    return buddy_allocator.metadata_size(start, end);
}

static inline void planted_init(void *pool, void *metadata, pfn_t start, pfn_t end)
{
    buddy_allocator.init(pool, metadata, start, end);
}

static inline enum page_error planted_insert(void *pool, pfn_t start, uint64_t count)
{
    return buddy_allocator.insert_pages(pool, start, count);
}

static inline pfn_t planted_allocate(void *pool, unsigned order)
{
    return buddy_allocator.allocate_pages(pool, order);
}

static inline enum page_error planted_free(void *pool, pfn_t pfn, unsigned order)
{
    return buddy_allocator.free_pages(pool, pfn, order);
}

static inline uint64_t planted_count(void *pool)
{
    return buddy_allocator.free_page_count(pool);
}

static inline void planted_for_each_free(void *pool, page_visit_free *visit, void *context)
{
    buddy_allocator.for_each_free(pool, visit, context);
}

enum {
    PLANTED_PROMISES = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                       PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
};

/*
 * Register the allocator: as the buddy, except for the members that follow. If a member is
 * initialised twice, the last value counts.
 */
#pragma GCC diagnostic ignored "-Woverride-init"
#define PLANTED(title, planted_promises, ...)                                               \
    static const struct page_allocator planted = {.name = (title),                          \
                                                  .promises = (planted_promises),           \
                                                  .pool_size = sizeof(struct planted_pool), \
                                                  .metadata_size = planted_metadata_size,   \
                                                  .init = planted_init,                     \
                                                  .insert_pages = planted_insert,           \
                                                  .allocate_pages = planted_allocate,       \
                                                  .free_pages = planted_free,               \
                                                  .for_each_free = planted_for_each_free,   \
                                                  __VA_ARGS__};                             \
    PAGE_ALLOCATOR(planted)
