/*
 * A block that several free at once. Exactly one of the frees may be accepted: two mean that the
 * block is on the free lists twice, or that somebody else's block was freed, none that a right free
 * was refused.
 *
 * Nobody may allocate between the first of these frees and the last: whoever was handed the block
 * would lose it to the second one.
 */
#pragma once

#include <stress/arena.h>

struct free_at_once {
    pfn_t pfn;
    struct block block;
    uint32_t accepted; /* who freed it, see caller_of(); 0: nobody yet. Atomic */
    uint32_t refusal;  /* enum page_error of the last refused one. Atomic */
};

/* The block at pfn, held by this core, is about to be freed: check its content, give it up. */
struct free_at_once free_at_once_begin(struct arena *arena, struct core *core, pfn_t pfn);

/* Free it; returns whether that was accepted. Any core, handlers too. A second one that is accepted
   fails: rule "bad-free". */
bool free_at_once(struct arena *arena, struct core *core, struct free_at_once *shared);

/* All are done: one of them must have been accepted, rule "free-refused". */
void free_at_once_end(const struct free_at_once *shared);
