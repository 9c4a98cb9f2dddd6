/*
 * An arena: an allocator's pool together with the oracle, which knows what it has handed out.
 *
 * The oracle never trusts the allocator. It records which pages are held and, at the first page of
 * each block, by whom. A block that is handed out is claimed there atomically before anybody uses
 * it, and given up before it is freed.
 *
 * Rules checked at each call: overlap, outside, misaligned, misplaced, content, false-oom,
 * free-refused, bad-free, remove-held; around the call irq-state and lock-held
 * (stress/checked_call.c). Rules checked at rest (stress/arena_check.c): wild-access, free-list,
 * uncoalesced, lost, residue (mm/walker.h). A broken rule ends in fail() or failure_begin().
 */
#pragma once

#include <mm/page_allocator.h>
#include <mm/walker.h>
#include <stress/core.h>

enum holding_state {
    HOLDING_NONE,  /* no block has begun here yet */
    HOLDING_HELD,  /* `core` holds the block that begins here */
    HOLDING_FREED, /* `core` freed the last block that began here */
};

/* Who holds the block that begins at this page, or freed it last. */
struct holding {
    uint32_t serial;
    uint16_t core;
    uint8_t order;
    uint8_t state; /* enum holding_state */
};
_Static_assert(sizeof(struct holding) == 8, "8 bytes a page");

/* A condition on where a block must lie. */
enum place_kind {
    PLACE_ANY,
    PLACE_BELOW, /* wholly below pfn `where` */
    PLACE_AT,    /* first page is pfn `where` */
    PLACE_NODE,  /* first and last page on node `where` */
};

struct place {
    enum place_kind kind;
    uint64_t where;
};

struct arena {
    const struct page_allocator *allocator;
    unsigned largest_order;
    void *pool;
    void *metadata;
    size_t metadata_size;
    pfn_t start, end;
    /* Bitmaps have a bit for each page from `start` on. Here: pages given, for arena_rebuild(). */
    uint64_t *given;
    uint64_t *inserted;       /* bitmap: what the allocator may hand out */
    uint64_t *held;           /* bitmap: what it has handed out; atomic */
    struct holding *holdings; /* one per page, set at the first page of a block */
    struct walk walk;
    /* Only without for_each_free: order + 1 at each free block's first page, during a census. */
    uint8_t *census;
    uint64_t inserted_pages;
    uint64_t kept_pages; /* given, but kept by the allocator for its records */
    /* Pages of the region given to init, for an allocator that takes one region; 0: none yet. */
    uint64_t region_count;
    /* for each order: aligned runs of 2^order inserted pages */
    uint64_t regions[ORDER_LIMIT + 1];
    /* One block in this many is filled and compared in full; 0: pages are never touched. */
    uint64_t sample;

    bool alone; /* only one core allocates, so each refusal is judged exactly */

    /* Upper bounds on what all cores together hold. Set by each phase; false-oom relies on them. */
    uint64_t held_blocks_bound, held_pages_bound;
};

/*
 * Fit [*start, *end) to the allocator: aligned to its range_alignment, and not beginning at page 0.
 * For an allocator that takes one region, the range shrinks. For others it grows, so not all of it
 * is memory. Returns false if nothing is left.
 */
bool arena_fit_range(const struct page_allocator *allocator, pfn_t *start, pfn_t *end);

/* Make an empty arena for pages [start, end). `take` returns zeroed memory and never fails. */
void arena_init(struct arena *arena, const struct page_allocator *allocator, pfn_t start, pfn_t end,
                uint64_t sample, void *(*take)(size_t size, size_t align));

/* Empty the arena again, as after arena_init(). It clears all maps: time grows with the range. */
void arena_reset(struct arena *arena);

/*
 * Empty the allocator and give it again the pages that arena_insert() gave it, removed ones
 * included: the first `most` of them, or all for UINT64_MAX. Nothing may be held. Fails as
 * insert-refused if the allocator refuses. What arena_remember() noted stays. One core.
 */
void arena_rebuild(struct arena *arena, uint64_t most);

/*
 * Bytes that arena_init() takes for pages [start, end), the allocator's metadata included.
 */
uint64_t arena_overhead(const struct page_allocator *allocator, pfn_t start, pfn_t end);

/*
 * Give pages [start, start + count) to the allocator and return its answer. An allocator that takes
 * one region gets it by init, once; a second call returns PAGE_BAD_RANGE. Pages that the allocator
 * keeps for itself do not count as inserted. One core.
 */
enum page_error arena_insert(struct arena *arena, pfn_t start, uint64_t count);

/*
 * How many of the `count` pages from `start` on can be inserted and walked within `cycles` cycles.
 * Tries a few pages, then four times as many, and so on. It assumes that the time grows with the
 * square of the pages, as when an allocator searches a list for each page. The arena must be empty
 * and is left empty. One core.
 */
uint64_t arena_bearable_pages(struct arena *arena, pfn_t start, uint64_t count, uint64_t cycles);

/*
 * Remove pages from the allocator, or give them back to it, while other cores allocate. A removed
 * page that is held breaks the rule remove-held; one that is handed out later, outside.
 * arena_remove() returns PAGE_OK or PAGE_BUSY, arena_plug() the allocator's answer. One core at a
 * time.
 */
enum page_error arena_remove(struct arena *arena, pfn_t start, uint64_t count);
enum page_error arena_plug(struct arena *arena, pfn_t start, uint64_t count);

/*
 * Try a free that the allocator must refuse; if it accepts, the rule bad-free is broken. If its
 * error is not true of the free, the rule error-code is broken. `kind` says in the title what is
 * wrong with the free. Any core; no other core may free a block at pfn meanwhile.
 */
void arena_bad_free(struct arena *arena, struct core *core, pfn_t pfn, unsigned order,
                    const char *kind);

/*
 * Allocate a block of `order`, check it, claim it, fill it. Returns its first pfn, or INVALID_PFN
 * if the allocator refuses and may do so. Any core, also in an interrupt handler; no lock held. A
 * handler uses a `core` of its own, with in_interrupt set.
 */
pfn_t arena_allocate(struct arena *arena, struct core *core, unsigned order);

/*
 * The same, with a condition on the place: rule misplaced. A refusal is judged only in an arena
 * that is `alone`, and only with PROMISE_COALESCES and PROMISE_TRUE_PLACEMENT.
 */
pfn_t arena_allocate_placed(struct arena *arena, struct core *core, unsigned order,
                            struct place place);

/*
 * Check the content of a block that arena_allocate() returned, give it up, free it. Any core, in
 * the same context as arena_allocate().
 */
void arena_free(struct arena *arena, struct core *core, pfn_t pfn);

/* The first half of arena_free(): check the content of a block and give it up. The caller frees it
   then (stress/free_at_once.h). */
struct block arena_give_up(struct arena *arena, struct core *core, pfn_t pfn);

/* Fail as wild-access if the bytes behind the allocator's pool or metadata were written. */
void arena_check_guards(const struct arena *arena);

/* Whether the pages are all in the range that the allocator was given at init. */
bool arena_contains(const struct arena *arena, pfn_t start, uint64_t count);

/* How many aligned runs of 2^order pages lie in [start, end). */
uint64_t arena_aligned_runs(pfn_t start, pfn_t end, unsigned order);

/* The order of the block that a request of `order` really takes, and its size in pages. */
unsigned arena_taken_order(const struct arena *arena, unsigned order);
uint64_t arena_block_pages(const struct arena *arena, unsigned order);

/* Fail if a block that was handed out is misaligned, or not wholly inserted (rule outside). */
void arena_check_place(const struct arena *arena, pfn_t pfn, unsigned order);

/*
 * Count a held block of order 1 or more as two halves from now on, which are freed one by one.
 * Returns the first page of the upper half. Only for arenas with sample 0, and allocators with
 * PROMISE_FREES_PARTS.
 */
pfn_t arena_split_held(struct arena *arena, pfn_t pfn);

/*
 * The order of the held block that begins at pfn; -1 if none does, or if pfn is outside of the
 * arena.
 */
int arena_held_order(const struct arena *arena, pfn_t pfn);

/*
 * Set the upper bounds on what all cores together hold. UINT64_MAX: no bound, so no refusal is
 * judged while several cores allocate.
 */
void arena_set_bounds(struct arena *arena, uint64_t blocks, uint64_t pages);

/*
 * Whether an aligned run of 2^order inserted pages is free, by the oracle's books. A coalescing
 * allocator that promises true-oom must then be able to hand it out. Nothing else may run.
 */
bool arena_has_room(const struct arena *arena, unsigned order);

/*
 * The full walk; fails by the rule that is broken. If the allocator does not show its free blocks,
 * a census finds them (stress/census.h). Nothing else may run.
 */
void arena_check(struct arena *arena);

/* Visit each free block, as the allocator shows it or a census finds it. Nothing else may run. */
void arena_for_each_free(struct arena *arena, page_visit_free *visit, void *context);

/*
 * arena_remember() notes the free blocks. arena_check_residue() does all that arena_check() does;
 * then it compares the free blocks with those noted, if the allocator promises to coalesce. At both
 * calls nothing is held and nothing else runs.
 */
void arena_remember(struct arena *arena);
void arena_check_residue(struct arena *arena);

/* Pages held now, by the oracle's books. Exact when nothing runs. */
uint64_t arena_held_pages(const struct arena *arena);
