/*
 * The fixed cases of the selftest: lines of steps (stress/steps.h has the language). For each: what
 * an allocator must have or promise for the case to be fair.
 */
#pragma once

#include <mm/page_allocator.h>
#include <stress/steps.h>

enum {
    VECTOR_NAME_SIZE = 80,
    VECTOR_WHY_SIZE = 80,
};

/* One case of a vector. A vector that uses k or n has a case for each order. */
struct vector {
    unsigned needs; /* enum page_promise, or-ed */
    const char *steps;
    struct step_numbers numbers; /* values of M, T, E, k and n */
    char name[VECTOR_NAME_SIZE];
    unsigned base_length; /* characters of the name that all its cases share */
};

/* The number of cases for an allocator whose largest order is `largest`. */
unsigned vectors_count(unsigned largest);

/* Get case `index`, below vectors_count(), on a pool of `pages` pages. */
void vectors_get(struct vector *vector, unsigned index, unsigned largest, uint64_t pages);

/* Whether the vector needs a pool with room for two blocks of the largest order. */
bool vector_is_large(const struct vector *vector);

/*
 * Whether the vector is fair to the allocator; if not, `why` says why. `large`: there is a pool for
 * vectors that need a large one.
 */
bool vector_applies(const struct vector *vector, const struct page_allocator *allocator, bool large,
                    char why[VECTOR_WHY_SIZE]);
