/*
 * Bitmaps of 64-bit words, with atomic functions to set and clear ranges. A bitmap of n bits is an
 * array of BITMAP_WORDS(n) words; bit i is bit i % 64 of word i / 64. Any context; the functions
 * that say "atomic" may run on all cores at once. Each word changes atomically, a range of several
 * words does not. They order no other memory access.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITMAP_NONE        UINT64_MAX
#define BITMAP_WORDS(bits) (((uint64_t)(bits) + 63) / 64)
#define BITMAP_BYTES(bits) (BITMAP_WORDS(bits) * 8)

/*
 * Atomic: set bits [start, start + count); returns the first that was set already, or BITMAP_NONE.
 * All bits of the range are set afterwards, conflict or not.
 */
uint64_t bitmap_set_range(uint64_t *map, uint64_t start, uint64_t count);

/* Atomic: clear bits likewise; returns the first that was clear already, or BITMAP_NONE. */
uint64_t bitmap_clear_range(uint64_t *map, uint64_t start, uint64_t count);

/* Whether bit `index` is set (a relaxed atomic load). */
bool bitmap_test(const uint64_t *map, uint64_t index);

/* The first set / clear bit in [start, end), or BITMAP_NONE. Exact only if no core writes. */
uint64_t bitmap_find_set(const uint64_t *map, uint64_t start, uint64_t end);
uint64_t bitmap_find_clear(const uint64_t *map, uint64_t start, uint64_t end);

/* How many of the first `bits` bits are set. Exact only if no core writes. */
uint64_t bitmap_count(const uint64_t *map, uint64_t bits);
