/*
 * Runs one vector of the selftest on an arena: its steps one after the other, with a walk after
 * each. In the end it frees everything. A failure ends in fail(): by the rule that is broken, or by
 * RULE_SELFTEST.
 *
 * An allocator is not tested for what it has not promised. A step may have a result that no promise
 * decides, and without which the later steps mean nothing. Such a step cuts the vector short.
 */
#pragma once

#include <stress/arena.h>
#include <stress/vectors.h>

enum { VECTOR_BLOCKS = 26 }; /* A to Z */

struct vector_run {
    struct arena *arena;
    struct core *core;
    struct vector vector;
    const char *step; /* the step that runs */
    const char *call; /* the last step that called the allocator, or NULL */
    const char *cut;  /* why the rest was left out, or NULL */
    pfn_t blocks[VECTOR_BLOCKS];
    unsigned block_count;
};

/* Run the vector on the arena, which it empties first. One core, nothing else running. */
void vector_run(struct vector_run *run);

/*
 * Whether steps = and # can be checked: the free blocks can be seen, and do not depend on which
 * blocks the allocator chooses. If not, *why is the reason.
 */
bool vector_compares(const struct arena *arena, const char **why);

/* Write "NAME": the calls so far: `what`. Text that does not fit is cut. */
void vector_describe(const struct vector_run *run, const char *what, char *text, unsigned size);

/* The part of such a description after the name. */
const char *vector_words(const struct vector_run *run, const char *description);

/*
 * After a failure, if `rule` is about the free blocks as a whole: describe which there should be,
 * and which were found. Looks at the allocator, which may fail again. Returns false for other
 * rules.
 */
bool vector_describe_blocks(const struct vector_run *run, enum rule rule, char *text,
                            unsigned size);

/* Where to look first, by the last call; NULL if the rule's own hint says all. */
const char *vector_advice(const struct vector_run *run, enum rule rule);
