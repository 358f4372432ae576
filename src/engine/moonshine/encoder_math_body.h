/* engine/moonshine/encoder_math_body.h: the functions of encoder_math.h in vectors of 8
 * floats, compiled once an instruction set by the file that defines ENCODER_MATH. */
#include "engine/moonshine/encoder_math.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef float f8 __attribute__((vector_size(32)));
typedef int32_t i8 __attribute__((vector_size(32)));

INLINE f8 load(const float *p) {
    f8 v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(float *p, f8 v) {
    memcpy(p, &v, sizeof v);
}

INLINE f8 all(float x) {
    return (f8){x, x, x, x, x, x, x, x};
}

INLINE f8 pick(i8 mask, f8 yes, f8 no) {
    return (f8)(((i8)yes & mask) | ((i8)no & ~mask));
}

INLINE f8 smaller(f8 a, f8 b) {
    return pick(a < b, a, b);
}

INLINE f8 greater(f8 a, f8 b) {
    return pick(a > b, a, b);
}

INLINE float sum_of(f8 v) {
    return ((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7]));
}

/* e^x to about 2 units in the last place; x is clamped to [-87, 88]. */
INLINE f8 exp_of(f8 x) {
    x = greater(smaller(x, all(88.0f)), all(-87.0f));
    const f8 magic = all(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
    f8 n = (x * all(1.44269504f) + magic) - magic;
    f8 r = x - n * all(0.693359375f);
    r = r - n * all(-2.12194440e-4f);
    f8 p = all(1.0f / 720);
    p = p * r + all(1.0f / 120);
    p = p * r + all(1.0f / 24);
    p = p * r + all(1.0f / 6);
    p = p * r + all(0.5f);
    p = p * r + all(1.0f);
    p = p * r + all(1.0f);
    i8 power = __builtin_convertvector(n, i8) << 23;
    return (f8)((i8)p + power);
}

static void tanh_sum(float *x, size_t n, double *sum, double *squares) {
    f8 s = all(0), q = all(0);
    for (size_t i = 0; i < n; i += 8) {
        f8 e = exp_of(load(x + i) * all(2.0f));
        f8 y = all(1.0f) - all(2.0f) / (e + all(1.0f));
        s += y;
        q += y * y;
        store(x + i, y);
    }
    *sum += (double)sum_of(s);
    *squares += (double)sum_of(q);
}

static void affine(float *x, const float *by, const float *plus, size_t n) {
    for (size_t i = 0; i < n; i += 8)
        store(x + i, load(x + i) * load(by + i) + load(plus + i));
}

/* erf by Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7. */
static void gelu(float *x, const float *bias, size_t n) {
    const i8 sign_bit = (i8)all(-0.0f);
    for (size_t i = 0; i < n; i += 8) {
        f8 v = load(x + i) + load(bias + i);
        f8 z = v * all(0.70710678f);
        f8 a = (f8)((i8)z & ~sign_bit);
        f8 t = all(1.0f) / (all(1.0f) + all(0.3275911f) * a);
        f8 p = all(1.061405429f);
        p = p * t + all(-1.453152027f);
        p = p * t + all(1.421413741f);
        p = p * t + all(-0.284496736f);
        p = p * t + all(0.254829592f);
        f8 y = all(1.0f) - p * t * exp_of(-(a * a));
        y = (f8)((i8)y | ((i8)z & sign_bit));
        store(x + i, all(0.5f) * v * (all(1.0f) + y));
    }
}

/* 4 queries against 2 blocks (or 1) of keys. */
INLINE void score_blocks(const float *query, size_t query_stride, const float *keys,
                         size_t blocks, size_t depth, float *out, size_t stride) {
    f8 s[ENCODER_QUERIES][2];
    for (size_t i = 0; i < ENCODER_QUERIES; i++)
        for (size_t b = 0; b < blocks; b++)
            s[i][b] = all(0);
    for (size_t d = 0; d < depth; d++) {
        f8 key[2];
        for (size_t b = 0; b < blocks; b++)
            key[b] = load(keys + (b * depth + d) * ENCODER_BLOCK);
        for (size_t i = 0; i < ENCODER_QUERIES; i++) {
            f8 q = all(query[i * query_stride + d]);
            for (size_t b = 0; b < blocks; b++)
                s[i][b] += q * key[b];
        }
    }
    for (size_t i = 0; i < ENCODER_QUERIES; i++)
        for (size_t b = 0; b < blocks; b++)
            store(out + i * stride + b * ENCODER_BLOCK, s[i][b]);
}

static void score(const float *query, size_t query_stride, const float *keys,
                  size_t blocks, size_t depth, float *out, size_t stride) {
    size_t b = 0;
    for (; b + 2 <= blocks; b += 2)
        score_blocks(query, query_stride, keys + b * depth * ENCODER_BLOCK, 2, depth,
                     out + b * ENCODER_BLOCK, stride);
    if (b < blocks)
        score_blocks(query, query_stride, keys + b * depth * ENCODER_BLOCK, 1, depth,
                     out + b * ENCODER_BLOCK, stride);
}

static float soften(float *x, size_t n) {
    for (size_t t = n; t % 8 != 0; t++)
        x[t] = -INFINITY;
    f8 high8 = all(-INFINITY);
    for (size_t t = 0; t < n; t += 8)
        high8 = greater(load(x + t), high8);
    float high = high8[0];
    for (size_t i = 1; i < 8; i++)
        high = high8[i] > high ? high8[i] : high;
    f8 total = all(0);
    for (size_t t = 0; t < n; t += 8) {
        f8 e = exp_of(load(x + t) - all(high));
        total += e;
        store(x + t, e);
    }
    float sum = sum_of(total);
    for (size_t t = n; t % 8 != 0; t++) {
        sum -= x[t];
        x[t] = 0;
    }
    return sum;
}

/* 2 rows of shares, `vectors` times 8 numbers of the values. */
INLINE void weigh_part(const float *share, size_t share_stride, const float *values,
                       size_t frames, size_t padded, size_t vectors, float *out) {
    f8 s[2][5];
    for (size_t v = 0; v < vectors; v++) {
        s[0][v] = load(out + v * 8);
        s[1][v] = load(out + padded + v * 8);
    }
    for (size_t t = 0; t < frames; t++) {
        f8 a = all(share[t]), b = all(share[share_stride + t]);
        for (size_t v = 0; v < vectors; v++) {
            f8 value = load(values + t * padded + v * 8);
            s[0][v] += a * value;
            s[1][v] += b * value;
        }
    }
    for (size_t v = 0; v < vectors; v++) {
        store(out + v * 8, s[0][v]);
        store(out + padded + v * 8, s[1][v]);
    }
}

static void weigh(const float *share, size_t share_stride, const float *values,
                  size_t frames, size_t padded, float *out) {
    for (size_t i = 0; i < ENCODER_QUERIES; i += 2) {
        const float *p = share + i * share_stride;
        float *o = out + i * padded;
        if (padded == 40) {
            weigh_part(p, share_stride, values, frames, padded, 5, o);
        } else {
            weigh_part(p, share_stride, values, frames, padded, 4, o);
            weigh_part(p, share_stride, values + 32, frames, padded, 3, o + 32);
        }
    }
}

typedef uint16_t h8 __attribute__((vector_size(16)));
typedef uint32_t u32x8 __attribute__((vector_size(32)));

INLINE f8 load_half(const uint16_t *p) {
    h8 v;
    memcpy(&v, p, sizeof v);
    return (f8)(__builtin_convertvector(v, u32x8) << 16);
}

INLINE void dense_part(const float *x, size_t x_stride, size_t rows, size_t inputs,
                       const uint16_t *w, size_t outputs, size_t vectors, float *out,
                       size_t out_stride) {
    f8 s[4][8];
    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < vectors; v++)
            s[r][v] = load(out + r * out_stride + v * 8);
    for (size_t i = 0; i < inputs; i++) {
        f8 weight[8];
        for (size_t v = 0; v < vectors; v++)
            weight[v] = load_half(w + i * outputs + v * 8);
        for (size_t r = 0; r < rows; r++)
            for (size_t v = 0; v < vectors; v++)
                s[r][v] += all(x[r * x_stride + i]) * weight[v];
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < vectors; v++)
            store(out + r * out_stride + v * 8, s[r][v]);
}

/* The number of rows and vectors must be constants where dense_part is inlined. */
static void dense(const float *x, size_t x_stride, size_t rows, size_t inputs,
                  const uint16_t *w, size_t outputs, float *out, size_t out_stride) {
    size_t o = 0;
    if (rows == 1)
        for (; o + 64 <= outputs; o += 64)
            dense_part(x, x_stride, 1, inputs, w + o, outputs, 8, out + o, out_stride);
    if (rows == 2)
        for (; o + 32 <= outputs; o += 32)
            dense_part(x, x_stride, 2, inputs, w + o, outputs, 4, out + o, out_stride);
    if (rows == 4)
        for (; o + 16 <= outputs; o += 16)
            dense_part(x, x_stride, 4, inputs, w + o, outputs, 2, out + o, out_stride);
    for (; o < outputs; o += 8)
        for (size_t r = 0; r < rows; r++)
            dense_part(x + r * x_stride, x_stride, 1, inputs, w + o, outputs, 1,
                       out + r * out_stride + o, out_stride);
}

const encoder_math ENCODER_MATH = {
    .tanh_sum = tanh_sum,
    .affine = affine,
    .gelu = gelu,
    .score = score,
    .soften = soften,
    .weigh = weigh,
    .dense = dense,
};
