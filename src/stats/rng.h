/* stats/rng.h: seeded random numbers, as a value.
 *
 * Randomness is an argument: same seed, same numbers, on every machine. The generator
 * is xoshiro256** (Blackman and Vigna 2018), its state filled by splitmix64. It is for
 * simulation and resampling and must never make a key, a token or a privacy noise.
 * Pure. The caller owns the state; one thread at a time. */
#ifndef ROSTRUM_STATS_RNG_H
#define ROSTRUM_STATS_RNG_H

#include <stdint.h>

typedef struct {
    uint64_t s[4];
} stats_rng;

/* Streams of one seed are unrelated to each other: one a replicate, a slice, a thread. */
stats_rng stats_rng_make(uint64_t seed, uint64_t stream);

uint64_t stats_rng_next(stats_rng *r);                   /* 64 random bits */
uint64_t stats_rng_below(stats_rng *r, uint64_t n);      /* 0..n-1 without bias; n > 0 */
double stats_rng_uniform(stats_rng *r);                  /* (0, 1): never 0, never 1 */
double stats_rng_normal(stats_rng *r);                   /* mean 0, variance 1 */
double stats_rng_exponential(stats_rng *r);              /* mean 1 */
double stats_rng_gamma(stats_rng *r, double shape);      /* rate 1; shape > 0 */
double stats_rng_beta(stats_rng *r, double a, double b); /* a, b > 0 */
uint64_t stats_rng_poisson(stats_rng *r, double mean);   /* 0 <= mean <= 1e6 */

#endif
