/* lib/bitmap.c, compared with an array of bool. */
#include <lib/bitmap.h>
#include <lib/prng.h>
#include <stdlib.h>
#include <string.h>
#include <tests/unit/unit.h>

enum { BITS = 400 };

static uint64_t naive_find(const bool *model, uint64_t start, uint64_t end, bool wanted)
{
    for (uint64_t i = start; i < end; i++) {
        if (model[i] == wanted)
            return i;
    }
    return BITMAP_NONE;
}

static void check_same(const uint64_t *map, const bool *model)
{
    for (uint64_t i = 0; i < BITS; i++)
        CHECK_EQUAL(bitmap_test(map, i), model[i]);
}

TEST(random_ranges)
{
    struct prng prng;
    bool model[BITS] = {false};
    uint64_t *map =
        calloc(BITMAP_WORDS(BITS), 8); /* the exact size, so that the sanitizer sees an overrun */
    prng_seed(&prng, 8, 0);
    for (int turn = 0; turn < 30000; turn++) {
        uint64_t longest = turn % 2 == 0 ? BITS : 8;
        uint64_t start = prng_below(&prng, BITS + 1);
        uint64_t count = prng_below(&prng, (BITS - start < longest ? BITS - start : longest) + 1);
        bool set = prng_below(&prng, 2);
        CHECK_EQUAL(bitmap_find_set(map, start, start + count),
                    naive_find(model, start, start + count, true));
        CHECK_EQUAL(bitmap_find_clear(map, start, start + count),
                    naive_find(model, start, start + count, false));
        uint64_t conflict = naive_find(model, start, start + count, set);
        if (set)
            CHECK_EQUAL(bitmap_set_range(map, start, count), conflict);
        else
            CHECK_EQUAL(bitmap_clear_range(map, start, count), conflict);
        memset(model + start, set, count);
        if (turn % 16 == 0)
            check_same(map, model);
    }
    free(map);
}

TEST(edges)
{
    uint64_t map[3] = {0};
    CHECK_EQUAL(bitmap_set_range(map, 0, 192), BITMAP_NONE);
    CHECK(map[0] == ~UINT64_C(0) && map[1] == ~UINT64_C(0) && map[2] == ~UINT64_C(0));
    CHECK_EQUAL(bitmap_clear_range(map, 63, 2), BITMAP_NONE);
    CHECK(map[0] == ~UINT64_C(0) >> 1 && map[1] == ~UINT64_C(1));
    CHECK_EQUAL(bitmap_set_range(map, 63, 66), 65);
    CHECK_EQUAL(bitmap_clear_range(map, 5, 0), BITMAP_NONE);
    CHECK_EQUAL(bitmap_find_clear(map, 0, 192), BITMAP_NONE);
    CHECK_EQUAL(BITMAP_WORDS(0), 0);
    CHECK_EQUAL(BITMAP_WORDS(64), 1);
    CHECK_EQUAL(BITMAP_BYTES(65), 16);
}
