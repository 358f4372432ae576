/* engine/moonshine/encoder_math.h: the float arithmetic of encoder and voice activity,
 * one set an instruction set (the integer products are kernels.h's).
 *
 * Keys lie in blocks of 8 frames, [block][depth][8], values in rows [frame][padded
 * depth]; both grow at their end. Sums run in an order fixed by the lengths alone.
 *
 * Pure over the arguments: any thread. Nothing needs alignment. */
#ifndef ROSTRUM_MOONSHINE_ENCODER_MATH_H
#define ROSTRUM_MOONSHINE_ENCODER_MATH_H

#include <stddef.h>
#include <stdint.h>

#include "engine/moonshine/kernels.h"

#define ENCODER_QUERIES 4 /* taken together */
#define ENCODER_BLOCK 8   /* frames of one block of keys */

typedef struct {
    /* x[n] = tanh(x); *sum and *squares grow by the sums of the new values. n a multiple
     * of 8. */
    void (*tanh_sum)(float *x, size_t n, double *sum, double *squares);

    /* x[n] = x * by[n] + plus[n]; n a multiple of 8. */
    void (*affine)(float *x, const float *by, const float *plus, size_t n);

    /* x[n] = gelu(x + bias[n]), the exact one (erf); n a multiple of 8. */
    void (*gelu)(float *x, const float *bias, size_t n);

    /* score[i * score_stride + t] = sum_d query[i * query_stride + d] * key of frame t,
     * for 4 queries and all frames of `blocks`; depth a multiple of 4. */
    void (*score)(const float *query, size_t query_stride, const float *keys,
                  size_t blocks, size_t depth, float *score, size_t score_stride);

    /* score[n] -> exp(score - highest); returns their sum. What follows up to a multiple
     * of 8 is written too. */
    float (*soften)(float *score, size_t n);

    /* out[i * padded + d] += sum_t share[i * share_stride + t] * values[t * padded + d],
     * for 4 rows of shares and `frames` values; padded is 40 or 56. */
    void (*weigh)(const float *share, size_t share_stride, const float *values,
                  size_t frames, size_t padded, float *out);

    /* out[r * out_stride + o] += sum_i x[r * x_stride + i] * w[i * outputs + o], for
     * `rows` (1, 2 or 4) rows; outputs a multiple of 8. w holds bfloat16 (the upper half
     * of a float): these weights are waited for, not computed with. */
    void (*dense)(const float *x, size_t x_stride, size_t rows, size_t inputs,
                  const uint16_t *w, size_t outputs, float *out, size_t out_stride);
} encoder_math;

/* The arithmetic that goes with a set of kernels. */
const encoder_math *encoder_math_for(const kernels *set);

extern const encoder_math encoder_math_any;
#if defined(__x86_64__)
extern const encoder_math encoder_math_avx2; /* needs AVX2 and FMA */
#endif

#endif
