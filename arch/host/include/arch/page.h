/*
 * Pages of an ordinary program: page frame host_arena_start begins at host_arena_base, the others
 * follow (host_arena_map). Tests that never look into pages need no arena.
 */
#pragma once

#include <stdint.h>

typedef uint64_t pfn_t;

#define PAGE_SHIFT  12
#define PAGE_SIZE   ((uint64_t)1 << PAGE_SHIFT)
#define INVALID_PFN (~(pfn_t)0)

extern char *host_arena_base;
extern pfn_t host_arena_start;

static inline void *pfn_to_address(pfn_t pfn)
{
    return host_arena_base + (int64_t)((pfn - host_arena_start) << PAGE_SHIFT);
}

static inline pfn_t address_to_pfn(const void *address)
{
    return host_arena_start + (pfn_t)(((const char *)address - host_arena_base) >> PAGE_SHIFT);
}
