/*
 * One vector of the selftest on an arena: its steps one after the other, a walk after each, and in
 * the end all freed. What is wrong ends in fail(): by the rule that is broken, or RULE_SELFTEST.
 *
 * What an allocator has not promised is not held against it: a step whose result is then its own
 * affair, and after which the others would mean nothing, cuts the vector short.
 */
#pragma once

#include <stress/arena.h>
#include <stress/vectors.h>

enum { VECTOR_BLOCKS = 26 }; /* A to Z */

struct vector_run {
    struct arena *arena;
    struct core *core;
    struct vector vector;
    const char *step; /* the one that runs */
    const char *call; /* the last that called the allocator, or NULL */
    const char *cut;  /* why the rest was left out, or NULL */
    pfn_t blocks[VECTOR_BLOCKS];
    unsigned block_count;
};

/* On the arena, made empty before. One core, nothing else running. */
void vector_run(struct vector_run *run);

/* Whether the free blocks are known, and are what a vector says whatever block is chosen; if not,
 * `why` is why steps = and # are passed over. */
bool vector_compares(const struct arena *arena, const char **why);

/* "NAME": the calls so far: `what` came of them. What does not fit is cut. */
void vector_describe(const struct vector_run *run, const char *what, char *text, unsigned size);

/* Of such a description, what follows the name. */
const char *vector_words(const struct vector_run *run, const char *description);

/*
 * After a failure, if `rule` is about the free blocks as a whole: which there should be, and which
 * were found. Looks at the allocator, which may fail by that. Returns false if it is about another
 * thing.
 */
bool vector_describe_blocks(const struct vector_run *run, enum rule rule, char *text,
                            unsigned size);

/* Where a person looks first, by the call that came last; NULL if the rule says all. */
const char *vector_advice(const struct vector_run *run, enum rule rule);
