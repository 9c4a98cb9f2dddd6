/*
 * The language of the selftest's vectors: a line of steps, run on an empty pool.
 *
 *   +P,N   insert N pages from P         !P,N   the same, and it must be refused as already in
 *                                        oP,N   the same, and it must be refused as out of range
 *   aK     allocate order K as the next of the blocks A, B, C, ...; it must succeed
 *   xK     allocate order K; it must fail
 *   fA     free block A
 *   sA     count block A as two from now on: A, and its upper half as the next letter
 *   bP,K   free order K at P, which is nothing that was handed out; it must be refused
 *   -P,N   remove N pages from P         ~P,N   the same, and it must be refused
 *                                        rP,N   the same, and it must be refused as out of range
 *   =P:K,P*N  the free blocks are exactly these (none: "="): of order K at P, of the N pages from P
 *   #K,K   the free blocks are of these orders, in rising order, wherever they are
 *   >K     first of all: the allocator's largest order must be K at least
 *
 * A number is a sum or difference of decimals, M (the allocator's largest order), T (2^M), E (the
 * pages of the pool's range, inserted or not), and, in a vector that is run for several orders, k
 * (the order) and n (2^k). P counts from the pool's first page. Free blocks larger than the largest
 * order stand for as many of that order as they hold. After every step the whole pool is walked. A
 * walk empties caches first: a step that is to find them as the one before left them is joined to
 * it by & instead of a space.
 */
#pragma once

#include <mm/page_allocator.h>

/* What the letters stand for. */
struct step_numbers {
    unsigned largest, order; /* M, k */
    uint64_t pages;          /* E */
};

struct step_pages {
    uint64_t first, count;
};

/* The separator behind a step, or the end of them all; the step after. */
const char *step_end(const char *step);
const char *step_next(const char *step);

/* The pages that + ! o - ~ r speak of, and the place and order of b; unsigned, from the pool's
 * first.
 */
struct step_pages step_pages(const char *step, const struct step_numbers *numbers);

/* The order that a or x asks for. */
unsigned step_order(const char *step, const struct step_numbers *numbers);

/* The largest order that the step names in digits, where its meaning depends on there being such
 * blocks; of >, its number. Otherwise 0. */
unsigned step_named_order(const char *step);

/* ---- in words ---- */

/* Text that is put together piece by piece; what does not fit is cut, and ends in "...". */
struct words {
    char *text;
    unsigned size, length;
    bool cut;
};

void words_add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * The calls of the steps from the first to `last`, inclusive: "insert 8 pages from 0, allocate
 * order 1 as A to D, free A". What does not fit is cut at the front.
 */
void steps_describe(char *text, unsigned size, const char *first, const char *last,
                    const struct step_numbers *numbers);

/* ---- sets of free blocks ---- */

enum { FREE_BLOCKS_KEPT = 64 };

struct free_blocks {
    unsigned count; /* all of them, also those that did not find room */
    struct free_block {
        uint64_t place; /* from the pool's first page */
        unsigned order;
    } blocks[FREE_BLOCKS_KEPT];
};

void free_blocks_add(struct free_blocks *free, uint64_t place, unsigned order);

/* The largest blocks that `count` pages from `place` are cut into. `place` 0 is aligned to all. */
void free_blocks_add_pages(struct free_blocks *free, uint64_t place, uint64_t count,
                           unsigned largest);

/* What a step = says. */
void free_blocks_read(struct free_blocks *free, const char *step,
                      const struct step_numbers *numbers);

/* Whether both have the same blocks, all being different. */
bool free_blocks_equal(const struct free_blocks *left, const struct free_blocks *right);

/* "0:1 and 2:0", or "none". */
void free_blocks_describe(struct words *words, const struct free_blocks *free);

/* What a step # says and what there is: how many of each order. */
struct free_orders {
    unsigned count[ORDER_LIMIT + 1];
};

void free_orders_read(struct free_orders *orders, const char *step,
                      const struct step_numbers *numbers);
void free_orders_describe(struct words *words, const struct free_orders *orders);
