/*
 * Tries of the sound allocators without the harness: each in a process of its own, so that globals
 * are as at boot. What they hold against an allocator is the contract alone (mm/page_allocator.h),
 * written a second time, so that a verdict of the harness's can be told from a mistake here.
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
    HOLE = 1300, /* page HOLE is not there, where the allocator takes several ranges */
    TRY_ORDERS = 8,
};

/* The range is aligned as any of the allocators wants it. */
#define FIRST ((pfn_t)1024 * 5)

enum state { PAGE_ABSENT, PAGE_FREE, PAGE_HELD };

/* The allocator tried, its pool, and what each page is by the calls made. */
struct
try {
    const struct page_allocator *allocator;
    void *pool;
    pfn_t start, end; /* of the range it got */
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

/* Bring the states up to date: all pages of the block go from one to the other. */
void try_change(struct try *try, pfn_t pfn, unsigned order, enum state from, enum state to);

/* Whether a block of that order is free, by the states. */
bool try_has_room(const struct try *try, unsigned order, pfn_t first, pfn_t end);

/* Nothing runs: what the allocator shows is what the states say. */
void try_inspect(struct try *try);

static inline bool try_promises(const struct try *try, unsigned promise)
{
    return (try->allocator->promises & promise) == promise;
}

/* The tries: each ends the process by CHECK() if something is wrong. */
void try_alone(const struct page_allocator *allocator);
void try_threads(const struct page_allocator *allocator);
