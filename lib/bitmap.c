/*
 * A range is processed word by word, each word in one atomic operation. The operations are relaxed:
 * if the checker ordered other memory accesses, it could hide a missing order in the code it
 * checks.
 */
#include <lib/bitmap.h>

/* The bits of word `word` that belong to [start, end). The range must overlap the word. */
static uint64_t word_mask(uint64_t word, uint64_t start, uint64_t end)
{
    uint64_t mask = ~(uint64_t)0;
    if (word == start / 64)
        mask &= ~(uint64_t)0 << start % 64;
    if (word == (end - 1) / 64)
        mask &= ~(uint64_t)0 >> (63 - (end - 1) % 64);
    return mask;
}

static uint64_t lowest_bit(uint64_t word, uint64_t bits)
{
    return word * 64 + (uint64_t)__builtin_ctzll(bits);
}

uint64_t bitmap_set_range(uint64_t *map, uint64_t start, uint64_t count)
{
    uint64_t conflict = BITMAP_NONE;
    uint64_t end = start + count;
    for (uint64_t word = start / 64; count > 0 && word <= (end - 1) / 64; word++) {
        uint64_t mask = word_mask(word, start, end);
        uint64_t already = __atomic_fetch_or(&map[word], mask, __ATOMIC_RELAXED) & mask;
        if (already != 0 && conflict == BITMAP_NONE)
            conflict = lowest_bit(word, already);
    }
    return conflict;
}

uint64_t bitmap_clear_range(uint64_t *map, uint64_t start, uint64_t count)
{
    uint64_t conflict = BITMAP_NONE;
    uint64_t end = start + count;
    for (uint64_t word = start / 64; count > 0 && word <= (end - 1) / 64; word++) {
        uint64_t mask = word_mask(word, start, end);
        uint64_t already = ~__atomic_fetch_and(&map[word], ~mask, __ATOMIC_RELAXED) & mask;
        if (already != 0 && conflict == BITMAP_NONE)
            conflict = lowest_bit(word, already);
    }
    return conflict;
}

bool bitmap_test(const uint64_t *map, uint64_t index)
{
    return __atomic_load_n(&map[index / 64], __ATOMIC_RELAXED) >> index % 64 & 1;
}

/* The first bit in [start, end) that is set after each word is XOR-ed with `flip`. */
static uint64_t find(const uint64_t *map, uint64_t start, uint64_t end, uint64_t flip)
{
    for (uint64_t word = start / 64; start < end && word <= (end - 1) / 64; word++) {
        uint64_t bits = __atomic_load_n(&map[word], __ATOMIC_RELAXED) ^ flip;
        bits &= word_mask(word, start, end);
        if (bits != 0)
            return lowest_bit(word, bits);
    }
    return BITMAP_NONE;
}

uint64_t bitmap_find_set(const uint64_t *map, uint64_t start, uint64_t end)
{
    return find(map, start, end, 0);
}

uint64_t bitmap_find_clear(const uint64_t *map, uint64_t start, uint64_t end)
{
    return find(map, start, end, ~(uint64_t)0);
}

/* Warren, "Hacker's Delight", 5-1; not every x86_64 processor has POPCNT. */
static unsigned count_ones(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555;
    word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (unsigned)(word * 0x0101010101010101 >> 56);
}

uint64_t bitmap_count(const uint64_t *map, uint64_t bits)
{
    uint64_t count = 0;

    for (uint64_t word = 0; word < bits / 64; word++)
        count += count_ones(map[word]);
    if (bits % 64)
        count += count_ones(map[bits / 64] & (((uint64_t)1 << bits % 64) - 1));
    return count;
}
