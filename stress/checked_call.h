/*
 * The calls into the allocator under test. Around each is checked what must be after it as it was
 * before: locks held (rule "lock-held") and the interrupt flag ("irq-state"); one that allocates or
 * frees is the core's operation of now while it runs, and progress to the watchdog. No books are
 * kept here: that is the arena's, or the census's. Any core, any interrupt flag.
 */
#pragma once

#include <stress/arena.h>

/*
 * Ask for the block that `block` names, of its order. Returns the allocator's answer. The second
 * asks for it at a place; the allocator must have the function for that.
 */
pfn_t checked_allocate(struct arena *arena, struct core *core, struct block block);
pfn_t checked_allocate_placed(struct arena *arena, struct core *core, struct block block,
                              struct place place);

/* operation: OPERATION_FREE, or OPERATION_BAD_FREE of what must be refused. */
enum page_error checked_free(struct arena *arena, struct core *core, enum operation operation,
                             pfn_t pfn, struct block block);

/*
 * The cores among which calls that overlap are counted (core_counts.overlapped), and whose
 * operation of now a range is. None before, and in the explorer.
 */
void checked_call_set_cores(struct core *cores, uint32_t count);

/* Of a range of pages: [start, end), or `count` from `start` on. One core. */
void checked_init(const struct arena *arena, pfn_t start, pfn_t end);
enum page_error checked_insert(const struct arena *arena, pfn_t start, uint64_t count);
enum page_error checked_remove(const struct arena *arena, pfn_t start, uint64_t count);

/* Write an operation into the core's history. */
void checked_call_remember(struct core *core, enum operation operation, pfn_t pfn,
                           struct block block);
