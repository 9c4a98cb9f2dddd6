#include <lib/prng.h>
#include <string.h>
#include <tests/unit/unit.h>

/* The authors' reference code from state 1, 2, 3, 4. */
TEST(xoshiro_vectors)
{
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    struct prng prng = {.state = {1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        CHECK_EQUAL(prng_next(&prng), expected[i]);
}

/* splitmix64 from seed 1234567: step i mixes seed + i times its increment. */
TEST(splitmix_vectors)
{
    static const uint64_t expected[] = {
        UINT64_C(6457827717110365317),  UINT64_C(3203168211198807973),
        UINT64_C(9817491932198370423),  UINT64_C(4593380528125082431),
        UINT64_C(16408922859458223821),
    };
    for (uint64_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        CHECK_EQUAL(prng_mix(1234567 + i * UINT64_C(0x9e3779b97f4a7c15)), expected[i]);
}

TEST(streams_repeat_and_differ)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        for (uint64_t stream = 0; stream < 50; stream++) {
            struct prng one, again, other_stream, other_seed;
            prng_seed(&one, seed, stream);
            prng_seed(&again, seed, stream);
            prng_seed(&other_stream, seed, stream + 1);
            prng_seed(&other_seed, seed + 1, stream);
            CHECK(memcmp(&one, &again, sizeof one) == 0);
            for (int word = 0; word < 4; word++) {
                CHECK(one.state[word] != other_stream.state[word]);
                CHECK(one.state[word] != other_seed.state[word]);
            }
        }
    }
}

/* For each bound all numbers come, about equally often: chi squared stays far from its tail. */
TEST(below_is_even)
{
    struct prng prng;
    prng_seed(&prng, 6, 0);
    for (uint64_t bound = 1; bound <= 64; bound++) {
        enum { EACH = 2000 };
        uint64_t counts[64] = {0};
        for (uint64_t i = 0; i < bound * EACH; i++) {
            uint64_t value = prng_below(&prng, bound);
            CHECK(value < bound);
            counts[value]++;
        }
        uint64_t squares = 0;
        for (uint64_t value = 0; value < bound; value++) {
            int64_t off = (int64_t)counts[value] - EACH;
            squares += (uint64_t)(off * off);
        }
        /*
         * Mean bound - 1, deviation sqrt(2 * bound). Six deviations, and some slack for small
         * bounds.
         */
        CHECK(squares / EACH <= bound + 9 * bound / 2 + 30);
    }
}

TEST(bits_are_even)
{
    enum { DRAWS = 20000 };
    struct prng prng;
    unsigned ones[64] = {0};
    prng_seed(&prng, 7, 3);
    for (int draw = 0; draw < DRAWS; draw++) {
        uint64_t value = prng_next(&prng);
        for (int bit = 0; bit < 64; bit++)
            ones[bit] += value >> bit & 1;
    }
    for (int bit = 0; bit < 64; bit++) /* deviation 71 */
        CHECK(ones[bit] > DRAWS / 2 - 400 && ones[bit] < DRAWS / 2 + 400);
}

/* Changing one input bit changes about half of the output's. */
TEST(mix_spreads)
{
    for (uint64_t value = 0; value < 200; value++) {
        for (int bit = 0; bit < 64; bit++) {
            uint64_t changed = prng_mix(value) ^ prng_mix(value ^ UINT64_C(1) << bit);
            int count = __builtin_popcountll(changed);
            CHECK(count >= 8 && count <= 56);
        }
    }
}
