/*
 * Page tables: physical memory mapped one to one, each range with its protection (Intel SDM volume
 * 3, 4.5). All cores share one set of tables.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum paging_flags {
    PAGING_NONE = 0, /* not mapped: any access is a page fault */
    PAGING_READ = 1 << 0,
    PAGING_WRITE = 1 << 1,
    PAGING_EXECUTE = 1 << 2,
    PAGING_UNCACHED = 1 << 3, /* device registers */
};

/*
 * Whether page 0 can be read. It is false, so that a null pointer faults. An adapter to a system
 * that maps all memory (mm/adapters/stacsos) overrides it. Page 0 is never writable.
 */
extern const bool paging_page_0_is_readable;

/* Start with empty tables. `take` returns zeroed pages below 4 GiB for them, aligned to their size.
 * It never fails. */
void paging_init(void *(*take)(size_t size, size_t align));

/*
 * Map [start, end), widened to whole pages, with this protection. Uses the largest pages that the
 * processor has and the alignment allows; splits larger pages in the way. TLBs are not flushed: map
 * before other cores start, or call paging_use() on each core.
 */
void paging_set(uint64_t start, uint64_t end, unsigned flags);

/* The protection of the page at `address`. */
unsigned paging_get(uint64_t address);

/* Use the tables on this core, with no-execute if the processor has it; flushes the TLB.
 * paging_root() is their physical address. */
void paging_use(void);
uint64_t paging_root(void);

/* Whether the processor has no-execute. Valid after paging_init(). */
bool paging_has_no_execute(void);

/* The size of the largest page that the processor has, in bytes: 2 MiB or 1 GiB. */
uint64_t paging_largest_page(void);
