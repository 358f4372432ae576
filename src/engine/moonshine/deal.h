/* engine/moonshine/deal.h: many aligned arrays out of one block.
 *
 * The same layout function runs twice: over a dealer without a block to learn how much
 * it needs, then over one with the block. Pure over its arguments: any thread. */
#ifndef ROSTRUM_MOONSHINE_DEAL_H
#define ROSTRUM_MOONSHINE_DEAL_H

#include <stddef.h>

#include "engine/moonshine/kernels.h"

typedef struct {
    float *block; /* KERNELS_ALIGN aligned; NULL: only count */
    size_t used;  /* floats */
} dealer;

static inline size_t round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

/* The next `floats` floats, KERNELS_ALIGN aligned; NULL while counting. */
static inline float *deal(dealer *d, size_t floats) {
    float *p = d->block ? d->block + d->used : NULL;
    d->used += round_up(floats, KERNELS_ALIGN / sizeof(float));
    return p;
}

#endif
