/*
 * The memory map: which physical memory the program may use.
 *
 * Invariant, once memmap_finish() has run:
 *  - Ranges are sorted and lie within [0, MEMMAP_LIMIT). No two overlap. Two that touch differ in
 *    kind.
 *  - Usable ranges begin and end on page boundaries.
 *  - Where entries of the loader overlap, the stricter kind wins: reserved over ACPI over usable.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMMAP_MAX_RANGES 256
#define MEMMAP_LIMIT      ((uint64_t)1 << 44) /* 16 TiB: page frame numbers fit 32 bits */

/* In rising strictness: where ranges overlap, the larger number wins. */
enum memory_kind {
    MEMORY_USABLE = 1,
    MEMORY_ACPI,     /* tables; mapped and read, never handed out */
    MEMORY_TAKEN,    /* usable memory that the program took for itself: image, page tables, stacks,
                        metadata */
    MEMORY_RESERVED, /* everything else, also ranges of an unknown type */
};

struct memory_range {
    uint64_t start, end; /* bytes, end exclusive */
    enum memory_kind kind;
};

struct memmap {
    struct memory_range ranges[MEMMAP_MAX_RANGES];
    size_t count;
    bool overflow; /* too many ranges: the map is incomplete and must not be used */
};

/*
 * Add one range of the loader, in any order, overlapping or not. `start` and `length` are in bytes.
 * What lies above MEMMAP_LIMIT is cut off. An empty range is ignored.
 */
void memmap_add(struct memmap *map, uint64_t start, uint64_t length, enum memory_kind kind);

/* Establish the invariant above. */
void memmap_finish(struct memmap *map);

/*
 * Take the bytes [start, end), widened to whole pages, out of the usable memory. Ranges that are
 * not usable stay as they are. Needs and keeps the invariant.
 */
void memmap_reserve(struct memmap *map, uint64_t start, uint64_t end);

/*
 * Take `size` bytes (at least 1) of usable memory below `limit`, from the highest place that has
 * room. `align` is in bytes, a power of two and at least PAGE_SIZE. Returns the address, or 0 if
 * there is no room.
 */
uint64_t memmap_take(struct memmap *map, uint64_t size, uint64_t align, uint64_t limit);

/* The total bytes of one kind, and the end of its highest range (0 if there is none). */
uint64_t memmap_bytes(const struct memmap *map, enum memory_kind kind);
uint64_t memmap_end(const struct memmap *map, enum memory_kind kind);

/* Whether [start, end) is not empty and lies wholly in usable memory. */
bool memmap_is_usable(const struct memmap *map, uint64_t start, uint64_t end);
