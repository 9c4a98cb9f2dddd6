/*
 * The textbook's buddy allocator, the baseline for the others: all it knows of a free block is in
 * the free block itself, so whether a buddy is free is answered by walking a list. O(n) a step, n
 * free blocks of one order, and O(MAX_ORDER n) an operation.
 *
 *   free_list[2] -> [8: 16] -> [16: none]     at the start of each free page of a list, the pfn of
 *   free_list[1] -> [4: none]                 the next; in rising order
 *   free_list[0] -> [7: none]
 *
 * The first word of a page belongs to whoever holds the page. So a word is read as a link only once
 * the walk has come to it, from the head of a list, by links alone: never by computing a buddy's
 * address and looking there.
 *
 * Invariant, whenever the lock is free:
 *  - list k holds exactly the free blocks of order k, each aligned to its size, all of its pages
 *    inserted, pfns rising, and its length is count[k];
 *  - free blocks do not overlap, and free_pages are in them;
 *  - no two buddies of one order below MAX_ORDER are both free.
 * validate() is this text as code, but for the last line: mm/walker.h.
 *
 * Nothing is known of blocks handed out. A bad free is refused if it can be seen to be one: of a
 * page never inserted, or free, also as a part of a larger free block. The wrong order and the
 * middle of a block cannot be seen, and so it does not promise to refuse bad frees.
 */
#pragma once

#include <mm/page_allocator.h>
#include <smp/spinlock.h>

struct buddy_scan_pool {
    struct spinlock_irq lock;
    pfn_t start, end;
    pfn_t free_list[MAX_ORDER + 1]; /* lowest free block of each order, or INVALID_PFN */
    uint64_t count[MAX_ORDER + 1];
    uint64_t free_pages;
    uint64_t *inserted; /* bitmap, bit 0 is page `start`. The metadata, all there is */
};

extern const struct page_allocator buddy_scan_allocator;
