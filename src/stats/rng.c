#include "stats/rng.h"

#include <math.h>

static uint64_t splitmix(uint64_t *x) {
    uint64_t z = *x += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

stats_rng stats_rng_make(uint64_t seed, uint64_t stream) {
    uint64_t x = seed;
    x = splitmix(&x) ^ stream; /* mixed first: seed 1 stream 2 is not seed 2 stream 1 */
    x = splitmix(&x);
    stats_rng r;
    for (int i = 0; i < 4; i++)
        r.s[i] = splitmix(&x);
    return r;
}

static uint64_t rotate(uint64_t x, int bits) {
    return (x << bits) | (x >> (64 - bits));
}

uint64_t stats_rng_next(stats_rng *r) {
    uint64_t *s = r->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

/* The last, incomplete run of n among the 2^64 values is drawn again. */
uint64_t stats_rng_below(stats_rng *r, uint64_t n) {
    uint64_t incomplete = -n % n;
    uint64_t x;
    do
        x = stats_rng_next(r);
    while (x < incomplete);
    return x % n;
}

double stats_rng_uniform(stats_rng *r) {
    return ((double)(stats_rng_next(r) >> 12) + 0.5) * 0x1p-52;
}

/* Marsaglia's polar method; the second number is not kept, so that the state stays the
 * four words. */
double stats_rng_normal(stats_rng *r) {
    double x;
    double square;
    do {
        x = 2 * stats_rng_uniform(r) - 1;
        double y = 2 * stats_rng_uniform(r) - 1;
        square = x * x + y * y;
    } while (square >= 1 || square == 0);
    return x * sqrt(-2 * log(square) / square);
}

double stats_rng_exponential(stats_rng *r) {
    return -log(stats_rng_uniform(r));
}

/* Marsaglia and Tsang 2000; a shape below 1 is lifted by one and scaled back. */
double stats_rng_gamma(stats_rng *r, double shape) {
    double lift = 1;
    if (shape < 1) {
        lift = pow(stats_rng_uniform(r), 1 / shape);
        shape += 1;
    }
    double d = shape - 1.0 / 3;
    double c = 1 / sqrt(9 * d);
    for (;;) {
        double x = stats_rng_normal(r);
        double v = 1 + c * x;
        v = v * v * v;
        if (v > 0 && log(stats_rng_uniform(r)) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v * lift;
    }
}

double stats_rng_beta(stats_rng *r, double a, double b) {
    double x = stats_rng_gamma(r, a);
    double y = stats_rng_gamma(r, b);
    return x / (x + y);
}

/* Halves the mean by waiting times (Ahrens and Dieter 1974) until arrivals can be
 * multiplied out. */
uint64_t stats_rng_poisson(stats_rng *r, double mean) {
    uint64_t sum = 0;
    while (mean > 16) {
        double events = floor(mean * 0.875);
        double at = stats_rng_gamma(r, events);
        if (at > mean) { /* the last of `events` comes after the end: thin the others */
            double share = mean / at;
            uint64_t inside = 0;
            for (double k = 1; k < events; k++)
                inside += stats_rng_uniform(r) < share;
            return sum + inside;
        }
        sum += (uint64_t)events;
        mean -= at;
    }
    double left = exp(-mean);
    for (double product = stats_rng_uniform(r); product > left;
         product *= stats_rng_uniform(r))
        sum++;
    return sum;
}
