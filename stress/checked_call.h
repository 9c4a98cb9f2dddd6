/*
 * The calls into the allocator under test. After each call the core must hold the same locks (rule
 * lock-held) and have the same interrupt flag (irq-state) as before. While a call runs, it is the
 * core's current operation (core.now). Each call counts as progress for the watchdog, except in an
 * interrupt handler. The books are not kept here but by the arena or the census. Any core,
 * interrupts on or off.
 */
#pragma once

#include <stress/arena.h>

/*
 * Allocate a block of the order in `block`. Returns its first pfn, or INVALID_PFN if the allocator
 * refuses. The second function asks for a block at `place`, which is not PLACE_ANY; the allocator
 * must have the function for it.
 */
pfn_t checked_allocate(struct arena *arena, struct core *core, struct block block);
pfn_t checked_allocate_placed(struct arena *arena, struct core *core, struct block block,
                              struct place place);

/*
 * Returns the allocator's answer. operation: OPERATION_FREE, or OPERATION_BAD_FREE for a free that
 * must be refused.
 */
enum page_error checked_free(struct arena *arena, struct core *core, enum operation operation,
                             pfn_t pfn, struct block block);

/*
 * Set the cores whose overlapping calls are counted (core_counts.overlapped), and whose current
 * operation a call about a range becomes. Before this, and in the explorer, there are none.
 */
void checked_call_set_cores(struct core *cores, uint32_t count);

/* Calls about a range of pages: [start, end), or `count` pages from `start` on. One core. */
void checked_init(const struct arena *arena, pfn_t start, pfn_t end);
enum page_error checked_insert(const struct arena *arena, pfn_t start, uint64_t count);
enum page_error checked_remove(const struct arena *arena, pfn_t start, uint64_t count);

/* Write an operation into the core's history. */
void checked_call_remember(struct core *core, enum operation operation, pfn_t pfn,
                           struct block block);
