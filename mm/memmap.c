/*
 * Every function keeps this invariant: ranges are sorted by address, none is empty, no two overlap,
 * all lie below MEMMAP_LIMIT, and two that touch differ in kind. memmap_finish() adds the page
 * boundaries of memmap.h.
 *
 * Both functions that change the map work alike. They cut ranges at both ends of the stretch to be
 * changed, change what lies within it, and join neighbours that have become alike.
 */
#include <arch/page.h>
#include <lib/string.h>
#include <mm/memmap.h>

static uint64_t page_floor(uint64_t address)
{
    return address & ~(PAGE_SIZE - 1);
}

static uint64_t page_ceiling(uint64_t address)
{
    return page_floor(address + PAGE_SIZE - 1);
}

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Insert a range at `index`. If there is no room, set `overflow` and change nothing else. */
static bool insert_at(struct memmap *map, size_t index, struct memory_range range)
{
    if (map->count == MEMMAP_MAX_RANGES) {
        map->overflow = true;
        return false;
    }
    struct memory_range *at = &map->ranges[index];
    memmove(at + 1, at, (map->count - index) * sizeof *at);
    *at = range;
    map->count++;
    return true;
}

static void remove_at(struct memmap *map, size_t index)
{
    struct memory_range *at = &map->ranges[index];
    map->count--;
    memmove(at, at + 1, (map->count - index) * sizeof *at);
}

/* The first range that ends above `address`, or count. */
static size_t first_above(const struct memmap *map, uint64_t address)
{
    size_t index = 0;
    while (index < map->count && map->ranges[index].end <= address)
        index++;
    return index;
}

/* If a range lies across `address`, cut it there in two. */
static void cut_at(struct memmap *map, uint64_t address)
{
    size_t index = first_above(map, address);
    if (index == map->count || map->ranges[index].start >= address)
        return;
    struct memory_range below = map->ranges[index];
    below.end = address;
    if (insert_at(map, index, below))
        map->ranges[index + 1].start = address;
}

static void join_neighbours(struct memmap *map)
{
    size_t index = 1;
    while (index < map->count) {
        struct memory_range *left = &map->ranges[index - 1];
        if (left->end == left[1].start && left->kind == left[1].kind) {
            left->end = left[1].end;
            remove_at(map, index);
        } else {
            index++;
        }
    }
}

/* Fill the gaps of [start, end) that no range covers with `kind`. Needs cuts at both ends. */
static void fill_gaps(struct memmap *map, uint64_t start, uint64_t end, enum memory_kind kind)
{
    for (size_t index = first_above(map, start); start < end; index++) {
        bool last = index == map->count;
        uint64_t gap_end = last ? end : lower(end, map->ranges[index].start);
        if (start < gap_end) {
            struct memory_range gap = {.start = start, .end = gap_end, .kind = kind};
            if (!insert_at(map, index, gap))
                return;
        }
        start = map->ranges[index].end;
    }
}

void memmap_add(struct memmap *map, uint64_t start, uint64_t length, enum memory_kind kind)
{
    if (start >= MEMMAP_LIMIT || length == 0)
        return;
    uint64_t end = start + lower(length, MEMMAP_LIMIT - start);
    cut_at(map, start);
    cut_at(map, end);
    size_t index = first_above(map, start);
    for (; index < map->count && map->ranges[index].start < end; index++) {
        if (map->ranges[index].kind < kind)
            map->ranges[index].kind = kind;
    }
    fill_gaps(map, start, end, kind);
    join_neighbours(map);
}

void memmap_finish(struct memmap *map)
{
    size_t index = 0;
    while (index < map->count) {
        struct memory_range *range = &map->ranges[index];
        if (range->kind == MEMORY_USABLE) {
            range->start = page_ceiling(range->start);
            range->end = page_floor(range->end);
        }
        if (range->start < range->end)
            index++;
        else
            remove_at(map, index);
    }
}

void memmap_reserve(struct memmap *map, uint64_t start, uint64_t end)
{
    end = lower(end, MEMMAP_LIMIT);
    if (start >= end)
        return;
    start = page_floor(start);
    end = page_ceiling(end);
    cut_at(map, start);
    cut_at(map, end);
    size_t index = first_above(map, start);
    for (; index < map->count && map->ranges[index].start < end; index++) {
        if (map->ranges[index].kind == MEMORY_USABLE)
            map->ranges[index].kind = MEMORY_TAKEN;
    }
    join_neighbours(map);
}

/* The highest place in [start, end) for `size` bytes, or 0. */
static uint64_t place_within(uint64_t start, uint64_t end, uint64_t size, uint64_t align)
{
    if (end <= start || end - start < size)
        return 0;
    uint64_t place = (end - size) & ~(align - 1);
    return place >= start ? place : 0;
}

uint64_t memmap_take(struct memmap *map, uint64_t size, uint64_t align, uint64_t limit)
{
    if (size == 0 || size > MEMMAP_LIMIT)
        return 0;
    size = page_ceiling(size);
    for (size_t index = map->count; index-- > 0;) {
        const struct memory_range *range = &map->ranges[index];
        if (range->kind != MEMORY_USABLE)
            continue;
        uint64_t end = lower(range->end, limit);
        uint64_t place = place_within(range->start, end, size, align);
        if (place != 0) {
            memmap_reserve(map, place, place + size);
            return place;
        }
    }
    return 0;
}

uint64_t memmap_bytes(const struct memmap *map, enum memory_kind kind)
{
    uint64_t bytes = 0;
    for (size_t index = 0; index < map->count; index++) {
        if (map->ranges[index].kind == kind)
            bytes += map->ranges[index].end - map->ranges[index].start;
    }
    return bytes;
}

uint64_t memmap_end(const struct memmap *map, enum memory_kind kind)
{
    uint64_t end = 0;
    for (size_t index = 0; index < map->count; index++) {
        if (map->ranges[index].kind == kind)
            end = map->ranges[index].end;
    }
    return end;
}

bool memmap_is_usable(const struct memmap *map, uint64_t start, uint64_t end)
{
    size_t index = first_above(map, start);
    if (index == map->count || start >= end)
        return false;
    const struct memory_range *range = &map->ranges[index];
    return range->kind == MEMORY_USABLE && range->start <= start && end <= range->end;
}
