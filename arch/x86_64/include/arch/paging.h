/*
 * Page tables: physical memory one to one, each range with the protection it needs (Intel SDM
 * volume 3, 4.5). One set of tables for all cores.
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
 * Whether page 0 can be read. False, so that a null pointer faults, unless the image has an adapter
 * to a system that maps all memory (mm/adapters/stacsos), which defines it again. Nobody may write
 * there in either case.
 */
extern const bool paging_page_0_is_readable;

/* Start with empty tables. `take` gives zeroed pages below 4 GiB for them, aligned to their size;
 * it never fails. */
void paging_init(void *(*take)(size_t size, size_t align));

/*
 * Give [start, end), widened to whole pages, this protection, with the largest pages the CPU has
 * and the alignment allows; larger pages in the way are split. Other cores' TLBs are not told: map
 * before they start.
 */
void paging_set(uint64_t start, uint64_t end, unsigned flags);

/* What protection the page at `address` has. */
unsigned paging_get(uint64_t address);

/* Use the tables on this core: no-execute and write protection on. paging_root() is their address.
 */
void paging_use(void);
uint64_t paging_root(void);

/* Whether this machine can keep data from being executed. */
bool paging_has_no_execute(void);

/* The size of the largest page there is, in bytes: 2 MiB or 1 GiB. */
uint64_t paging_largest_page(void);
