/*
 * Tests of the sound allocators without the harness. Each runs in a process of its own, so that
 * globals are as at boot. They check the contract alone (mm/page_allocator.h), in code that shares
 * nothing with the harness. So if the harness reports a failure, these tests show whether the
 * allocator is wrong.
 */
#pragma once

#include <lib/prng.h>
#include <mm/page_allocator.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PAGES = 3072,
    HOLE = 1300, /* page HOLE is not inserted, if the allocator takes several ranges */
    TRY_ORDERS = 8,
};

/* The range has the alignment that every allocator here accepts. */
#define FIRST ((pfn_t)1024 * 5)

enum state { PAGE_ABSENT, PAGE_FREE, PAGE_HELD };

/* The allocator under test, its pool, and the state of each page according to the calls made. */
struct
try {
    const struct page_allocator *allocator;
    void *pool;
    pfn_t start, end; /* the range given to init */
    uint8_t state[PAGES];
    uint64_t free_pages;
};

#define CHECK(condition)                                             \
    do {                                                             \
        if (!(condition)) {                                          \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            fflush(stdout);                                          \
            _exit(1);                                                \
        }                                                            \
    } while (0)

void try_start(struct try *try, const struct page_allocator *allocator);

pfn_t try_allocate(const struct try *try, unsigned order);
enum page_error try_free(const struct try *try, pfn_t pfn, unsigned order);

/* Record that all pages of a block go from one state to the other. */
void try_change(struct try *try, pfn_t pfn, unsigned order, enum state from, enum state to);

/* Whether a block of this order in [first, end) is free, according to the states. */
bool try_has_room(const struct try *try, unsigned order, pfn_t first, pfn_t end);

/* Check that what the allocator shows agrees with the states. Nothing else may run. */
void try_inspect(struct try *try);

static inline bool try_promises(const struct try *try, unsigned promise)
{
    return (try->allocator->promises & promise) == promise;
}

/* The tests. Each ends the process by CHECK() if something is wrong. */
void try_alone(const struct page_allocator *allocator);
void try_threads(const struct page_allocator *allocator);
