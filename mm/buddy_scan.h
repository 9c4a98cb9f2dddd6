/*
 * The buddy allocator of the textbooks, the baseline for the others. All it knows about a free
 * block is in the block itself. To find out whether a buddy is free it walks a list. With n free
 * blocks of one order, a step costs O(n) and an operation O(MAX_ORDER n).
 *
 *   free_list[2] -> [8: 16] -> [16: none]     each free block begins with the pfn of the
 *   free_list[1] -> [4: none]                 next block in its list, in rising order
 *   free_list[0] -> [7: none]
 *
 * The first word of a page belongs to the page's holder. So a word is read as a link only if links
 * have led there from the head of a list. Never compute a buddy's address and look there.
 *
 * Invariant, whenever the lock is free:
 *  - List k holds exactly the free blocks of order k, by rising pfn, and its length is count[k].
 *    Each block is aligned to its size, and all of its pages are inserted.
 *  - Free blocks do not overlap, and they have free_pages pages in all.
 *  - No two buddies of one order below MAX_ORDER are both free.
 *
 * scan_validate() checks all of this but the last line. mm/walker.h checks that one.
 *
 * Nothing is known about blocks that are handed out. A bad free is refused if it is visibly bad:
 * one of its pages was never inserted, or is free, alone or in a larger block. A wrong order and
 * the middle of a block are not visible. So this allocator does not promise to refuse bad frees.
 */
#pragma once

#include <mm/page_allocator.h>
#include <smp/spinlock.h>

struct buddy_scan_pool {
    struct spinlock_irq lock;
    pfn_t start, end;
    pfn_t free_list[MAX_ORDER + 1]; /* the lowest free block of each order, or INVALID_PFN */
    uint64_t count[MAX_ORDER + 1];
    uint64_t free_pages;
    uint64_t *inserted; /* bitmap, bit 0 is page `start`; this is all of the metadata */
};

extern const struct page_allocator buddy_scan_allocator;
