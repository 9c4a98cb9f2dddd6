/*
 * The fixed cases of the selftest: lines of steps (stress/steps.h has the language), and what an
 * allocator must have or promise for each of them to be a fair question.
 */
#pragma once

#include <mm/page_allocator.h>
#include <stress/steps.h>

enum {
    VECTOR_NAME_SIZE = 80,
    VECTOR_WHY_SIZE = 80,
};

/* One case of a vector: one that speaks of k has a case for each order. */
struct vector {
    unsigned needs; /* enum page_promise, or-ed */
    const char *steps;
    struct step_numbers numbers; /* what M, T, E, k and n are in it */
    char name[VECTOR_NAME_SIZE];
    unsigned base_length; /* characters of the name that all its cases share */
};

/* How many cases there are for an allocator whose largest order is `largest`. */
unsigned vectors_count(unsigned largest);

/* The case `index`, of vectors_count(), on a pool of `pages` pages. */
void vectors_get(struct vector *vector, unsigned index, unsigned largest, uint64_t pages);

/* Whether it needs a pool with room for two blocks of the largest order. */
bool vector_is_large(const struct vector *vector);

/*
 * Whether the allocator can be held to the vector; if not, `why` says why. `large`: there
 * is a pool for those that need a large one.
 */
bool vector_applies(const struct vector *vector, const struct page_allocator *allocator, bool large,
                    char why[VECTOR_WHY_SIZE]);
