/*
 * An arena: an allocator's pool together with the oracle that knows what it has handed out.
 *
 * The oracle never trusts the allocator. It keeps, for every page, who holds it; every block handed
 * out is claimed there atomically before anybody uses it, and given up before it is freed. Rules
 * that are checked at each call: overlap, outside, misaligned, content, false-oom, free-refused;
 * irq-state and lock-held around it (stress/checked_call.h). At rest (arena_rest.c): free-list,
 * uncoalesced, lost, residue (mm/walker.h). A broken one ends in failure_begin/end.
 */
#pragma once

#include <mm/page_allocator.h>
#include <mm/walker.h>
#include <stress/core.h>

enum holding_state {
    HOLDING_NONE,  /* no block ever began here */
    HOLDING_HELD,  /* `core` holds the block that begins here */
    HOLDING_FREED, /* one began here, and `core` freed it */
};

/* Who holds a block, or freed it last; kept at its first page. */
struct holding {
    uint32_t serial;
    uint16_t core;
    uint8_t order;
    uint8_t state; /* enum holding_state */
};
_Static_assert(sizeof(struct holding) == 8, "8 bytes a page");

/* Where a block is wanted. */
enum place_kind {
    PLACE_ANY,
    PLACE_BELOW, /* wholly below pfn `where` */
    PLACE_AT,    /* from pfn `where` on */
    PLACE_NODE,  /* on node `where` */
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
    uint64_t *given;          /* bitmap, bit 0 is page `start`, as all maps here: see rebuild */
    uint64_t *inserted;       /* what the allocator may hand out */
    uint64_t *held;           /* bitmap, atomic */
    struct holding *holdings; /* valid where held */
    struct walk walk;
    uint8_t *census; /* without for_each_free: order + 1 at each free block's head */
    uint64_t inserted_pages;
    uint64_t kept_pages;               /* given, and kept by the allocator for its records */
    uint64_t region_count;             /* pages of the one region given to init; 0: none yet */
    uint64_t regions[ORDER_LIMIT + 1]; /* aligned runs of 2^order inserted pages */
    uint64_t sample;                   /* one block in this many is filled and compared in full;
                                          0: pages are never touched */

    bool alone; /* only one core allocates: each refusal is judged exactly */

    /* What all cores together hold at most in this phase, set by it; false-oom relies on it. */
    uint64_t held_blocks_bound, held_pages_bound;
};

/*
 * Make [*start, *end) a range that the allocator can be given: with the alignment it wants, and not
 * from page 0 on. It grows, so not all of it is memory; for an allocator that takes one region it
 * shrinks. Returns false if nothing is left.
 */
bool arena_fit_range(const struct page_allocator *allocator, pfn_t *start, pfn_t *end);

/* Make an empty arena for pages [start, end). `take` gives zeroed memory and never fails. */
void arena_init(struct arena *arena, const struct page_allocator *allocator, pfn_t start, pfn_t end,
                uint64_t sample, void *(*take)(size_t size, size_t align));

/* Empty it again, as arena_init() left it. Costs the zeroing of all its maps. */
void arena_reset(struct arena *arena);

/*
 * Empty the allocator, nothing being held, and give it again what arena_insert() gave it: the first
 * `most` of those pages, UINT64_MAX for all. Removed pages are in again. arena_remember() comes
 * after.
 */
void arena_rebuild(struct arena *arena, uint64_t most);

/* Bytes that arena_init() takes for so many pages, the allocator's metadata included. */
uint64_t arena_overhead(const struct page_allocator *allocator, pfn_t start, pfn_t end);

/*
 * Give pages to the allocator; returns its answer. To one that takes one region they are given by
 * init, once; then the answer is PAGE_BAD_RANGE. Pages that it keeps for itself are not counted as
 * inserted. One core.
 */
enum page_error arena_insert(struct arena *arena, pfn_t start, uint64_t count);

/*
 * How many of `count` pages from `start` on can be given to the allocator, and walked, in so many
 * cycles. Tried with a few, then with four times as many: time that grows with their square is what
 * a list costs that is searched for each page. The arena is empty, before and after. One core.
 */
uint64_t arena_bearable_pages(struct arena *arena, pfn_t start, uint64_t count, uint64_t cycles);

/*
 * Take pages out of the allocator / give them back to it, while others allocate. Removed pages must
 * have been free, and are handed out no more: rule "remove-held", then "outside". Returns the
 * allocator's answer. One core at a time.
 */
enum page_error arena_remove(struct arena *arena, pfn_t start, uint64_t count);
enum page_error arena_plug(struct arena *arena, pfn_t start, uint64_t count);

/*
 * Try to free what must not be freed: the allocator must refuse, rule "bad-free", with an error
 * that says what is wrong, rule "error-code". `kind` says it in words. Any core; nobody else frees
 * the block meanwhile.
 */
void arena_bad_free(struct arena *arena, struct core *core, pfn_t pfn, unsigned order,
                    const char *kind);

/*
 * Allocate a block of `order`, check it, claim it, fill it. Returns its first pfn, or INVALID_PFN
 * if the allocator is, rightly, out of memory. Any core, interrupts on, no lock held.
 */
pfn_t arena_allocate(struct arena *arena, struct core *core, unsigned order);

/* Likewise, with a condition: rule "misplaced". Of an arena that is `alone` a refusal is judged if
   PROMISE_TRUE_PLACEMENT is made. */
pfn_t arena_allocate_placed(struct arena *arena, struct core *core, unsigned order,
                            struct place place);

/* Check the content of a block that arena_allocate() returned, give it up, free it. Any core. */
void arena_free(struct arena *arena, struct core *core, pfn_t pfn);

/* The first half of arena_free(): check the content of a block, give it up; its free must follow.
 */
struct block arena_give_up(struct arena *arena, struct core *core, pfn_t pfn);

/* Fails if what lies behind the allocator's pool and metadata was written to: "wild-access". */
void arena_check_guards(const struct arena *arena);

/* Whether the pages are all in the range that the allocator was given at init. */
bool arena_contains(const struct arena *arena, pfn_t start, uint64_t count);

/* How many aligned runs of 2^order pages lie in [start, end). */
uint64_t arena_aligned_runs(pfn_t start, pfn_t end, unsigned order);

/* The order of the block that a request of `order` really takes, and its pages. */
unsigned arena_taken_order(const struct arena *arena, unsigned order);
uint64_t arena_block_pages(const struct arena *arena, unsigned order);

/* Fails if a block handed out is "misaligned" or "outside" of what was inserted. */
void arena_check_place(const struct arena *arena, pfn_t pfn, unsigned order);

/*
 * From now on a held block of order 1 or more counts as two, to be freed one by one; returns where
 * the upper one begins. For arenas whose pages are not touched, and allocators with
 * PROMISE_FREES_PARTS.
 */
pfn_t arena_split_held(struct arena *arena, pfn_t pfn);

/* The order of the held block that begins at pfn, or -1. */
int arena_held_order(const struct arena *arena, pfn_t pfn);

/* No bound on what may be held: no failed allocation is called false while others run. */
void arena_set_bounds(struct arena *arena, uint64_t blocks, uint64_t pages);

/*
 * With nothing running: whether an aligned run of 2^order inserted pages is free, by the oracle's
 * own books. What a truthful, coalescing allocator must then be able to hand out.
 */
bool arena_has_room(const struct arena *arena, unsigned order);

/*
 * With nothing running: the full walk. Fails by its rule. Where the allocator shows no free blocks
 * a census finds them (stress/census.h).
 */
void arena_check(struct arena *arena);

/* With nothing running: visit each free block, shown by the allocator or found by a census. */
void arena_for_each_free(struct arena *arena, page_visit_free *visit, void *context);

/* Keep the free blocks as they are, and, once nothing is held, compare with them, after all that
   arena_check() does. */
void arena_remember(struct arena *arena);
void arena_check_residue(struct arena *arena);

/* Pages held now, by the oracle's books. Exact when nothing runs. */
uint64_t arena_held_pages(const struct arena *arena);
