/*
 * The free blocks of an allocator that does not show them.
 *
 * Everything that is free is allocated, from the largest order down: while an order still gives,
 * nothing larger is whole, so what is given was one free block, and the blocks taken are the free
 * blocks. Then all is freed again. Needs the promise that out of memory is true, and single pages
 * to be had; nothing else runs.
 */
#pragma once

#include <stress/arena.h>

/* Whether a census can be taken of the arena's allocator. */
bool census_possible(const struct arena *arena);

/* Take everything, note it in arena->census; give it back. A block not to be had by right fails by
 * its rule. */
void census_take(struct arena *arena);
void census_give_back(struct arena *arena);

/* As for_each_free of the contract, between the two above; `pool` is the arena. */
void census_for_each(void *pool, page_visit_free *visit, void *context);
