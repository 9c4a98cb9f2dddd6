/*
 * What the stress writes into the blocks it holds, to see whether somebody else writes there.
 *
 * In every block, the first line (64 bytes) of the first page is filled. In one block of `sample`,
 * drawn by its key, up to CONTENT_PAGES whole pages are filled, spread over the block. Each word
 * depends on its place and on the block's holder. So data that was moved, swapped or left over does
 * not match. Some words look like an allocator's own, to mislead code that reads held pages as if
 * they were free.
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
 * Set the allocator's own forge() (mm/page_allocator.h), used beside forgeries that suit any
 * allocator. NULL: none. Call it while nothing is held.
 */
void content_set_forger(uint64_t (*forge)(void *pool, pfn_t pfn, uint64_t key), void *pool);

struct content_error {
    pfn_t pfn;
    unsigned offset; /* bytes into the page */
    uint64_t found, expected;
};

/*
 * The content of the block at pfn while `who` holds it. One block of `sample` (1 or more) is filled
 * in full.
 */
struct content content_make(pfn_t pfn, unsigned order, uint64_t who, uint64_t sample);

/*
 * Write the content. With `progress`, each page counts as progress for the watchdog: a host short
 * of memory or cores can take seconds for one block.
 */
void content_fill(struct content content, bool progress);

/* Compare the content. Returns false and stores the first difference in *error if there is one. */
bool content_check(struct content content, bool progress, struct content_error *error);
