/*
 * What makes an allocator's state: the words of its pool, its metadata and its pages that what it
 * does next can depend on.
 *
 * A row has a byte for each word: the number of its value among all values that any word has had.
 * Number 0 is a word that does not count at this moment, such as a link in a page that is held; it
 * has another value each time a state is entered again, a plausible one, so that an allocator that
 * uses it goes astray. Words that never count (the lock's notes, statistics) are left as they are.
 *
 * As sets. In a plan that says so, each list is sorted before its state is kept, and entered again
 * turned round, forwards and backwards, as often as its longest list has blocks. So every block is
 * the first, the last, and between two others in its turn. Every state that can be reached is
 * covered if the lists' code treats links as opaque: it looks at the head, at a block and at its
 * neighbours, and compares no two blocks' places. What the lists then hold, as sets, depends on no
 * more than which block was first.
 */
#pragma once

#include "books.h"

enum { MAX_FIELDS = 160 };

struct field {
    void *at;
    uint8_t size; /* 1, 2, 4 or 8 bytes. A single byte is kept as it is */
    bool counts;
};

struct view {
    const struct plan *plan;
    void *pool, *metadata, *image; /* the metadata as they were at first */
    size_t metadata_size;
    pfn_t words[MAX_UNITS]; /* of the pages, as a state was entered */
    struct field fields[MAX_FIELDS];
    unsigned field_count;
    struct view_values *values;
    uint64_t junk; /* changes each time */
};

/* The fields of a pool, which all pages have been inserted into. */
void view_init(struct view *view, const struct plan *plan, void *pool, void *metadata);

/* Bytes in a row, the books' included. */
size_t view_row_size(const struct view *view);

/* Keep the state as it is, in a row; with lists as sets, sorted. */
void view_save(struct view *view, const struct books *books, uint8_t *row);

/* Enter a state again. */
void view_restore(struct view *view, struct books *books, const uint8_t *row);

/* Turn the lists round, the turn-th way of view_turns(). No other plan than one as sets has more
   than one way, and it is as they are. */
unsigned view_turns(const struct view *view);
void view_turn(struct view *view, unsigned turn);

/* Whether the pages of these units have their first words as the last view_restore() left them; in
   an allocator whose metadata are outside, a write to any page is a trap. */
bool view_held_intact(const struct view *view, uint32_t held, pfn_t *pfn);

/* Whether the descriptors inside of units, which are never the first of a block, are as they were.
 */
bool view_insides_intact(const struct view *view, pfn_t *pfn);
