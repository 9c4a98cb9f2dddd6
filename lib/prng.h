/*
 * Reproducible random numbers: xoshiro256** seeded by splitmix64 (Blackman and Vigna, "Scrambled
 * linear pseudorandom number generators", 2021). One state per stream, no sharing, no locks.
 */
#pragma once

#include <stdint.h>

struct prng {
    uint64_t state[4];
};

/* Stream number `stream` of `seed`: streams of one seed are independent of each other. */
void prng_seed(struct prng *prng, uint64_t seed, uint64_t stream);

/* The next 64 random bits. */
uint64_t prng_next(struct prng *prng);

/* A number in [0, bound); bound is at least 1. Bias below 2^-32 for bounds up to 2^32. */
uint64_t prng_below(struct prng *prng, uint64_t bound);

/* One step of splitmix64 as a mixing function: every input bit affects every output bit. */
uint64_t prng_mix(uint64_t value);
