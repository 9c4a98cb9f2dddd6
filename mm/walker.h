/*
 * The walk: it checks an allocator's free blocks while nothing runs.
 *
 * It trusts neither the allocator nor the caller's bookkeeping, but compares one with the other.
 * Every inserted page is either held or in exactly one free block, never both and never neither.
 */
#pragma once

#include <lib/fail.h>
#include <mm/page_allocator.h>

#define WALK_MESSAGE_SIZE 160

struct walk {
    pfn_t start, end;         /* all maps cover these pages; bit or byte 0 is page `start` */
    const uint64_t *inserted; /* bitmap: pages given to the allocator */
    const uint64_t *held;     /* bitmap: pages handed out */
    uint64_t *free;           /* scratch bitmap */
    uint8_t *free_order; /* scratch: order + 1 at the first page of each free block; all 0 between
                            walks */
    uint8_t *baseline;   /* as free_order, but of the last walk_remember() */
    uint64_t baseline_blocks;
    unsigned largest_order; /* of the allocator walked; set by each walk */
};

struct walk_finding {
    enum rule rule; /* RULE_FREE_LIST, _UNCOALESCED, _LOST or _RESIDUE */
    char message[WALK_MESSAGE_SIZE];
    uint64_t free_blocks, free_pages;
};

/*
 * Check the pool by the rules free-list and lost and, if it promises to coalesce, uncoalesced. The
 * allocator must have for_each_free, and its caches must be drained. One core, nothing else runs.
 * Returns true if no rule is broken. Otherwise `finding` has the first broken one.
 */
bool walk_check(struct walk *walk, const struct page_allocator *allocator, void *pool,
                struct walk_finding *finding);

/* Remember the present free blocks for walk_compare(). After a walk_check() that found nothing. */
void walk_remember(struct walk *walk, const struct page_allocator *allocator, void *pool);

/*
 * Check that the set of free blocks is the remembered one: RULE_RESIDUE. After a walk_check() that
 * found nothing. Returns as walk_check() does.
 */
bool walk_compare(struct walk *walk, const struct page_allocator *allocator, void *pool,
                  struct walk_finding *finding);
