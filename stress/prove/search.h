/*
 * What the parts of the search share: the state that is being left, and the step that leaves it.
 */
#pragma once

#include "books.h"
#include "store.h"
#include "view.h"
#include <lib/bitmap.h>
#include <mm/walker.h>
#include <string.h>

enum kind { START, ALLOCATE, FREE, REMOVE, INSERT, BAD_FREE, BAD_RANGE };

/* An operation in 32 bits: `what` is an order or a count of units. */
struct step {
    uint8_t kind : 4, core : 4;
    uint8_t unit, what, turn;
};

_Static_assert(sizeof(struct step) == sizeof(uint32_t), "a step is a word");

static inline uint32_t step_pack(struct step step)
{
    uint32_t packed;

    memcpy(&packed, &step, sizeof(packed));
    return packed;
}

enum { MOST_PAGES = 1 << (MAX_ORDER + 1) };

struct search {
    const struct plan *plan;
    const struct page_allocator *allocator;
    void *pool, *metadata;
    size_t metadata_size;
    struct view view;
    struct store store;
    struct books books;
    struct walk walk;
    uint64_t inserted[BITMAP_WORDS(MOST_PAGES)], held[BITMAP_WORDS(MOST_PAGES)],
        free[BITMAP_WORDS(MOST_PAGES)];
    uint8_t free_order[MOST_PAGES], baseline[MOST_PAGES];
    uint8_t row[MAX_FIELDS + MAX_UNITS + 16];
    uint64_t limit;
    struct result result;
    uint32_t current; /* the state that is left */
    struct step step; /* ... by this, the last step of a trace if a rule is broken */
    bool arrived;     /* ... and what is broken is seen where it leads to, as the newest state */
    pfn_t given;      /* what the last allocation returned */
    bool one_by_one;  /* one of many bad frees has changed something: find out which */
    pfn_t bad_pfn;    /* the last one tried */
    uint64_t bad_what;
};

extern struct search search;

/* ---- explore.c ---- */

/* An empty pool, and all pages inserted into it. */
void empty_pool(void);

/* Enter the current state, its lists turned as the step says. Returns in how many ways they could
   have stood. */
unsigned enter(struct step step);

/* ---- steps.c: each ends in fail() if a rule is broken ---- */

/* Do it, and judge what comes of it by the books. */
void do_step(struct step step);

/* From the current state, whatever must be refused and change nothing. */
void try_what_is_bad(unsigned core);

/* ---- trace.c ---- */

/* How many steps lead to a state. */
unsigned depth_of(uint32_t number);

/* What is broken, and a shortest way there. */
void print_refutation(void);
