/* engine/moonshine/rope.h: rotary positions, the same in encoder and decoder.
 *
 * The first 32 numbers of each head are 16 neighbouring pairs (even, odd); pair i of
 * position t is turned by the angle t * frequency[i]. Pure: any thread. */
#ifndef ROSTRUM_MOONSHINE_ROPE_H
#define ROSTRUM_MOONSHINE_ROPE_H

#include <stddef.h>

#include "engine/moonshine/kernels.h"

#define ROPE_PAIRS 16

typedef struct {
    const float *cosines, *sines; /* [positions][ROPE_PAIRS] */
} rope;

/* row[KERNELS_HEADS * depth], depth >= 2 * ROPE_PAIRS. */
static inline void rope_turn(const rope *r, size_t position, size_t depth, float *row) {
    const float *c = r->cosines + position * ROPE_PAIRS;
    const float *s = r->sines + position * ROPE_PAIRS;
    for (size_t head = 0; head < KERNELS_HEADS; head++) {
        float *v = row + head * depth;
        for (size_t i = 0; i < ROPE_PAIRS; i++) {
            float even = v[2 * i], odd = v[2 * i + 1];
            v[2 * i] = even * c[i] - odd * s[i];
            v[2 * i + 1] = odd * c[i] + even * s[i];
        }
    }
}

#endif
