/*
 * The state of an allocator: the words of its pool, its metadata and its pages that its later
 * behaviour can depend on.
 *
 * A row has a byte for each word: the number of its value among all values that any word has had.
 * Number 0 is a word that does not count now, such as a link in a held page. Each time the state is
 * entered, such a word gets another plausible value, so that an allocator that uses it goes wrong.
 * Words that never count (the lock's notes, statistics) stay unchanged.
 *
 * Lists as sets. In a plan with as_sets each list is sorted before its state is stored. The state
 * is entered again with its lists in each rotation, forwards and backwards. So every block is once
 * the first, the last, and between two others. This covers every reachable state if the code treats
 * links as opaque: it looks only at the head, a block and its neighbours, and never compares the
 * places of two blocks. Then the contents of the lists, as sets, depend only on which block was
 * first.
 */
#pragma once

#include "books.h"

enum { MAX_FIELDS = 160 };

struct field {
    void *at;
    uint8_t size; /* 1, 2, 4 or 8 bytes. A single byte is stored as it is */
    bool counts;
};

struct view {
    const struct plan *plan;
    void *pool, *metadata, *image; /* image: the metadata at the start */
    size_t metadata_size;
    pfn_t words[MAX_UNITS]; /* first word of each unit when the state was entered */
    struct field fields[MAX_FIELDS];
    unsigned field_count;
    struct view_values *values;
    uint64_t junk; /* state of a random generator */
};

/* Collect the fields of a pool. All pages must have been inserted. */
void view_init(struct view *view, const struct plan *plan, void *pool, void *metadata);

/* Bytes in a row, including the books. */
size_t view_row_size(const struct view *view);

/* Store the present state in a row. With as_sets this sorts the lists. */
void view_save(struct view *view, const struct books *books, uint8_t *row);

/* Enter a state again. */
void view_restore(struct view *view, struct books *books, const uint8_t *row);

/* Turn the lists in one of view_turns() ways; way 0 leaves them unchanged. Without as_sets there is
   only way 0. */
unsigned view_turns(const struct view *view);
void view_turn(struct view *view, unsigned turn);

/* Whether the first words of these units are unchanged since the last view_restore(); if not, *pfn
   is the first changed one. If the metadata are outside, a write to any page is a trap instead. */
bool view_held_intact(const struct view *view, uint32_t held, pfn_t *pfn);

/* Whether the metadata of pages inside of units are unchanged: no block ever begins there. If not,
 * *pfn is about where. */
bool view_insides_intact(const struct view *view, pfn_t *pfn);
