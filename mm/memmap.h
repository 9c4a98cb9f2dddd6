/*
 * The memory map: which physical memory is ours to give away.
 *
 * Invariant, once memmap_finish() has run: ranges are sorted, do not touch or overlap, lie within
 * [0, MEMMAP_LIMIT), and the usable ones begin and end on page boundaries. Where the loader's
 * entries overlap, the stricter kind wins: reserved over ACPI over usable.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMMAP_MAX_RANGES 256
#define MEMMAP_LIMIT      ((uint64_t)1 << 44) /* 16 TiB: page frame numbers fit 32 bits */

/* In rising strictness: where ranges overlap the larger number wins. */
enum memory_kind {
    MEMORY_USABLE = 1,
    MEMORY_ACPI,     /* tables: mapped, read, never handed out */
    MEMORY_TAKEN,    /* usable, but ours: kernel, page array, stacks */
    MEMORY_RESERVED, /* everything else, unknown types included */
};

struct memory_range {
    uint64_t start, end; /* bytes, end exclusive */
    enum memory_kind kind;
};

struct memmap {
    struct memory_range ranges[MEMMAP_MAX_RANGES];
    size_t count;
    bool overflow; /* ranges did not fit: the map is not to be trusted */
};

/* Add what a loader said, in any order, overlapping or not. Ranges are clipped to MEMMAP_LIMIT,
   empty ones ignored. */
void memmap_add(struct memmap *map, uint64_t start, uint64_t length, enum memory_kind kind);

/* Establish the invariant. Neighbours of one kind become one range. */
void memmap_finish(struct memmap *map);

/*
 * Take [start, end), widened to whole pages, out of the usable memory; ranges that are not usable
 * stay what they are. Needs and keeps the invariant.
 */
void memmap_reserve(struct memmap *map, uint64_t start, uint64_t end);

/*
 * Find `size` bytes of usable memory (at least 1) below `limit`, as high as possible, aligned to
 * `align` (a power of two, at least a page), take them out and return their address; 0 if there is
 * no such place.
 */
uint64_t memmap_take(struct memmap *map, uint64_t size, uint64_t align, uint64_t limit);

/* Pages of usable memory in [start, end), widened to whole pages. Needs the invariant. */
uint64_t memmap_usable_pages(const struct memmap *map, uint64_t start, uint64_t end);

/* Whether each byte of [start, end) lies in a range of this kind or a stricter one. */
bool memmap_covers(const struct memmap *map, uint64_t start, uint64_t end, enum memory_kind kind);

/* Bytes of one kind, and the end of the highest range of one kind (0 if there is none). */
uint64_t memmap_bytes(const struct memmap *map, enum memory_kind kind);
uint64_t memmap_end(const struct memmap *map, enum memory_kind kind);

/* Whether [start, end) lies wholly in usable memory. An empty range does not. */
bool memmap_is_usable(const struct memmap *map, uint64_t start, uint64_t end);
