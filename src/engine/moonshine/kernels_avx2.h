/* engine/moonshine/kernels_avx2.h: what the AVX-512 set takes from the AVX2 one, so that
 * both give the same floats to the bit. See kernels.h for each. */
#ifndef ROSTRUM_MOONSHINE_KERNELS_AVX2_H
#define ROSTRUM_MOONSHINE_KERNELS_AVX2_H

#include "engine/moonshine/kernels.h"

kernels_row avx2_quantise(const float *x, size_t n, bool narrow, int16_t *q);
void avx2_normalise(const float *x, const float *weight, size_t n, float *out);
void avx2_gate(const float *x, const float *bias, size_t n, float *out);
void avx2_attend(const kernels_attention *a);
void avx2_sketch(const kernels_sketch *w, size_t first, size_t count, const int8_t *q,
                 const kernels_row *row, size_t rows, float *out);
void avx2_sift(const kernels_sketch *w, const float *logits, size_t first, size_t n,
               float doubt, kernels_sieve *s);
float avx2_dot(const float *x, const uint8_t *bytes, float zero, size_t n);

#endif
