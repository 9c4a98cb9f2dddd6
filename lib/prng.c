/*
 * Invariant: a state is never all zero, since xoshiro256** would stay there. prng_seed() guarantees
 * this: prng_mix() is a bijection, and the four words are its results for four different inputs. So
 * at most one word is zero.
 */
#include <lib/prng.h>

/* splitmix64's step: 2^64 divided by the golden ratio, as an odd number. */
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

uint64_t prng_mix(uint64_t value)
{
    value += GOLDEN;
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

void prng_seed(struct prng *prng, uint64_t seed, uint64_t stream)
{
    /* Mix twice: people choose neighbouring seeds and streams, which must not share words. */
    uint64_t start = prng_mix(prng_mix(seed) ^ stream);
    for (unsigned i = 0; i < 4; i++)
        prng->state[i] = prng_mix(start + i * GOLDEN);
}

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

uint64_t prng_next(struct prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    return (uint64_t)((unsigned __int128)prng_next(prng) * bound >> 64);
}
