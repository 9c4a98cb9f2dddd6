/*
 * Pages, page frame numbers (pfn) and addresses. Physical memory is mapped one to one, so a
 * page's address is its physical address: pfn * PAGE_SIZE.
 */
#pragma once

#include <stdint.h>

typedef uint64_t pfn_t;

#define PAGE_SHIFT  12
#define PAGE_SIZE   ((uint64_t)1 << PAGE_SHIFT)
#define INVALID_PFN (~(pfn_t)0)

/* The address of page `pfn`. */
static inline void *pfn_to_address(pfn_t pfn)
{
    return (void *)(uintptr_t)(pfn << PAGE_SHIFT);
}

/* The page that contains `address`. */
static inline pfn_t address_to_pfn(const void *address)
{
    return (pfn_t)(uintptr_t)address >> PAGE_SHIFT;
}
