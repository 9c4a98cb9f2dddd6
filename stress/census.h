/*
 * The free blocks of an allocator that does not show them.
 *
 * A census allocates everything that is free, from the largest order down, and then frees it again.
 * It goes to the next smaller order only when the allocator refuses the current one. Then no larger
 * free block is left, so each block that it gets was exactly one free block.
 *
 * The allocator must promise true-oom and hand out single pages. Nothing else may run.
 */
#pragma once

#include <stress/arena.h>

/* Whether a census can be taken of the arena's allocator. */
bool census_possible(const struct arena *arena);

/*
 * Allocate everything and note it in arena->census; free it again. A block that may not be handed
 * out fails by the rule that it breaks; a refused free, as free-refused.
 */
void census_take(struct arena *arena);
void census_give_back(struct arena *arena);

/* Like for_each_free of the contract; `pool` is the arena. Call it between the two above. */
void census_for_each(void *pool, page_visit_free *visit, void *context);
