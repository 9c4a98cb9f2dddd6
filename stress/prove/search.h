/*
 * The data that the parts of the search share: the current state, and the step from it.
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
    uint32_t current;  /* the state from which steps are tried */
    struct step step;  /* the step that is tried: the last one of a trace if a rule is broken */
    bool arrived;      /* the step is done, and its result, the newest state, is being checked */
    pfn_t given;       /* the result of the last allocation */
    bool one_by_one;   /* one of many bad frees has changed something: find out which */
    pfn_t bad_pfn;     /* page of the last bad free or bad range */
    uint64_t bad_what; /* ... its order or its count of pages */
};

extern struct search search;

/* ---- search.c ---- */

/* Make an empty pool and insert all pages into it. */
void empty_pool(void);

/* Enter the current state, with its lists turned as step.turn says. Returns how many such turns
   there are. */
unsigned enter(struct step step);

/* ---- steps.c: each ends in fail() if a rule is broken ---- */

/* Do the step, and judge its result by the books. */
void do_step(struct step step);

/* In the current state, try calls that must be refused and must change nothing. */
void try_what_is_bad(unsigned core);

/* ---- trace.c ---- */

/* How many steps lead to a state. */
unsigned depth_of(uint32_t number);

/* Print the broken rule and a shortest way to it. */
void print_refutation(void);
