/*
 * The full walk: what must hold of an allocator's free blocks when nothing runs.
 *
 * It trusts neither the allocator nor the caller's bookkeeping but holds one against the other:
 * every inserted page is either in exactly one free block or held, never both, never neither.
 */
#pragma once

#include <lib/fail.h>
#include <mm/page_allocator.h>

#define WALK_MESSAGE_SIZE 160

struct walk {
    pfn_t start, end;         /* all maps are of these pages, bit or byte 0 being page `start` */
    const uint64_t *inserted; /* bitmap: pages given to the allocator */
    const uint64_t *held;     /* bitmap: pages handed out */
    uint64_t *free;           /* scratch bitmap */
    uint8_t
        *free_order;   /* scratch: order + 1 at each free block's first page; all 0 between walks */
    uint8_t *baseline; /* as free_order, of the walk that walk_remember() was given */
    uint64_t baseline_blocks;
    unsigned largest_order; /* of the allocator walked; set by each walk */
};

struct walk_finding {
    enum rule rule; /* RULE_FREE_LIST, _UNCOALESCED, _LOST or _RESIDUE */
    char message[WALK_MESSAGE_SIZE];
    uint64_t free_blocks, free_pages;
};

/*
 * Check the pool against free-list, lost and, where promised, uncoalesced. Needs for_each_free;
 * drain the caches before. One core, nothing else running. Returns true if all is well, else false
 * with the first rule broken.
 */
bool walk_check(struct walk *walk, const struct page_allocator *allocator, void *pool,
                struct walk_finding *finding);

/* Keep the free blocks as they are now, to compare with later. */
void walk_remember(struct walk *walk, const struct page_allocator *allocator, void *pool);

/* Check that the free blocks are, as a set, those remembered: RULE_RESIDUE. */
bool walk_compare(struct walk *walk, const struct page_allocator *allocator, void *pool,
                  struct walk_finding *finding);
