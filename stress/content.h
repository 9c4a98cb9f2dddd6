/*
 * What stress writes into the blocks it holds, and how it sees that somebody else wrote there.
 *
 * Of every block the first line (64 bytes) of the first page; of one block in `sample`, drawn by
 * its key, all of up to CONTENT_PAGES pages spread over the block. Each word depends on its place
 * and on who holds the block, so data moved, swapped or left over do not match. Some words
 * look like an allocator's own: whoever reads held pages as if they were free is led astray.
 */
#pragma once

#include <arch/page.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    CONTENT_LINE = 64,
    CONTENT_PAGES = 64,
};

struct content {
    pfn_t pfn;
    unsigned order;
    uint64_t key;
    bool full;
};

/*
 * The allocator's own forgeries (mm/page_allocator.h), beside those that suit any. NULL: none. Set
 * while nothing is held.
 */
void content_set_forger(uint64_t (*forge)(void *pool, pfn_t pfn, uint64_t key), void *pool);

struct content_error {
    pfn_t pfn;
    unsigned offset; /* bytes into the page */
    uint64_t found, expected;
};

/* What the block at pfn holds while it is `who`'s; one in `sample` of them in full. */
struct content content_make(pfn_t pfn, unsigned order, uint64_t who, uint64_t sample);

/*
 * Write it. With `progress` each page counts as progress for the watchdog: a host short of memory
 * or of processors can take seconds for a block.
 */
void content_fill(struct content content, bool progress);

/* Compare; returns false with the first difference. */
bool content_check(struct content content, bool progress, struct content_error *error);
