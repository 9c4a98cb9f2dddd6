/*
 * The state of an allocator that has one byte for each page, and a spin lock. The allocator brings
 * its own search. `struct map` can be the whole pool: map_init() and map_insert() then fulfil the
 * contract as they are.
 *
 * Invariant: a page's byte is MAP_ABSENT if the page was never inserted and MAP_FREE if it is free.
 * The first page of a held block has MAP_HELD | order, its other pages have MAP_INSIDE.
 */
#pragma once

#include "sound.h"

enum { MAP_ABSENT, MAP_FREE, MAP_INSIDE, MAP_HELD = 0x40 };

struct map {
    struct spin lock;
    pfn_t start, end;
    uint8_t *states;
};

static inline size_t map_size(pfn_t start, pfn_t end)
{
    return end - start;
}

static inline void map_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    *(struct map *)memory = (struct map){.start = start, .end = end, .states = metadata};
}

static inline uint8_t *map_at(const struct map *map, pfn_t pfn)
{
    return map->states + (pfn - map->start);
}

/* ---- lock held ---- */

static inline bool map_all_are(const struct map *map, pfn_t pfn, uint64_t count, uint8_t state)
{
    for (uint64_t i = 0; i < count; i++)
        if (map_at(map, pfn)[i] != state)
            return false;
    return true;
}

static inline enum page_error map_add(struct map *map, pfn_t start, uint64_t count)
{
    if (!range_is_within(start, count, map->start, map->end))
        return PAGE_BAD_RANGE;
    if (!map_all_are(map, start, count, MAP_ABSENT))
        return PAGE_ALREADY_IN;
    memset(map_at(map, start), MAP_FREE, count);
    return PAGE_OK;
}

/* The lowest free block of `count` pages, a power of two, or INVALID_PFN. */
static inline pfn_t map_first_fit(const struct map *map, uint64_t count)
{
    for (pfn_t pfn = round_up(map->start, count); pfn < map->end && map->end - pfn >= count;
         pfn += count)
        if (map_all_are(map, pfn, count, MAP_FREE))
            return pfn;
    return INVALID_PFN;
}

/* A free block becomes a held one. */
static inline void map_hold(struct map *map, pfn_t pfn, unsigned order)
{
    memset(map_at(map, pfn), MAP_INSIDE, order_pages(order));
    *map_at(map, pfn) = (uint8_t)(MAP_HELD | order);
}

/* The order of the held block that begins at pfn, or -1. */
static inline int map_held_order(const struct map *map, pfn_t pfn)
{
    if (pfn < map->start || pfn >= map->end || !(*map_at(map, pfn) & MAP_HELD))
        return -1;
    return *map_at(map, pfn) & ~MAP_HELD;
}

/* ---- takes the lock ---- */

static inline enum page_error map_insert(void *memory, pfn_t start, uint64_t count)
{
    struct map *map = memory;
    irq_flags_t flags = spin_lock(&map->lock);
    enum page_error error = map_add(map, start, count);

    spin_unlock(&map->lock, flags);
    return error;
}
