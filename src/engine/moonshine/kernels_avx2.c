/* AVX2 and FMA. Compiled with -mavx2 -mfma; reached only through kernels_pick.
 *
 * Layout: panels of 32 outputs; in a panel one 64-byte line a pair of inputs:
 * [output][2] as s8 (flipped). vpmovsxbw widens 8 outputs' pairs, vpmaddwd multiplies
 * them by a broadcast pair of activations and adds the two products, so a line is
 * four exact multiply-adds of 8 outputs. */
#include "engine/moonshine/kernels_avx2.h"
#include "engine/moonshine/kernels_inline.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

static size_t place(size_t n, size_t k, size_t k_all) {
    return (n / KERNELS_PANEL * k_all + (k & ~(size_t)1)) * KERNELS_PANEL +
           n % KERNELS_PANEL * 2 + k % 2;
}

INLINE float sum8(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

INLINE float max8(__m256 v) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

/* e^x to about 2 units in the last place for x in [-87, 88], clamped to it.
 * x = n ln 2 + r with |r| <= ln 2 / 2; Taylor's polynomial of degree 6 of e^r; ln 2 in
 * two parts so that r keeps its bits. */
INLINE __m256 exp8(__m256 x) {
    x = _mm256_max_ps(_mm256_min_ps(x, _mm256_set1_ps(88.0f)), _mm256_set1_ps(-87.0f));
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(1.0f / 720);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    __m256i power = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), power));
}

kernels_row avx2_quantise(const float *x, size_t n, bool narrow, int16_t *q) {
    const float limit = narrow ? KERNELS_Q8_MAX : KERNELS_Q_MAX;
    const __m256 sign = _mm256_set1_ps(-0.0f);
    __m256 peak8 = _mm256_setzero_ps();
    for (size_t i = 0; i < n; i += 8) {
        peak8 = _mm256_max_ps(_mm256_andnot_ps(sign, _mm256_load_ps(x + i)), peak8);
    }
    float peak = max8(peak8);
    if (!(peak > 1e-30f) || !isfinite(peak)) {
        memset(q, 0, n * sizeof *q);
        return (kernels_row){.narrow = narrow};
    }
    const __m256 up = _mm256_set1_ps(limit / peak);
    __m256i sum8i = _mm256_setzero_si256();
    for (size_t i = 0; i < n; i += 16) {
        __m256 a = _mm256_mul_ps(_mm256_load_ps(x + i), up);
        __m256 b = _mm256_mul_ps(_mm256_load_ps(x + i + 8), up);
        a = _mm256_and_ps(a, _mm256_cmp_ps(a, a, _CMP_ORD_Q)); /* NaN counts as 0 */
        b = _mm256_and_ps(b, _mm256_cmp_ps(b, b, _CMP_ORD_Q));
        __m256i ab = _mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b));
        ab = _mm256_permute4x64_epi64(ab, 0xd8);
        _mm256_storeu_si256((__m256i *)(q + i), ab);
        sum8i = _mm256_add_epi32(sum8i, _mm256_madd_epi16(ab, _mm256_set1_epi16(1)));
    }
    int32_t lanes[8], sum = 0;
    _mm256_storeu_si256((__m256i *)lanes, sum8i);
    for (size_t i = 0; i < 8; i++) {
        sum += lanes[i];
    }
    return (kernels_row){peak / limit, (float)sum, narrow};
}

void avx2_normalise(const float *x, const float *weight, size_t n, float *out) {
    __m256 s = _mm256_setzero_ps();
    for (size_t i = 0; i < n; i += 8) {
        s = _mm256_add_ps(s, _mm256_load_ps(x + i));
    }
    const __m256 mean = _mm256_set1_ps(sum8(s) / (float)n);
    s = _mm256_setzero_ps();
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = _mm256_sub_ps(_mm256_load_ps(x + i), mean);
        s = _mm256_fmadd_ps(v, v, s);
    }
    const __m256 down = _mm256_set1_ps(1.0f / sqrtf(sum8(s) / (float)n + 1e-5f));
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = _mm256_mul_ps(_mm256_sub_ps(_mm256_load_ps(x + i), mean), down);
        _mm256_store_ps(out + i, _mm256_mul_ps(v, _mm256_load_ps(weight + i)));
    }
}

/* Finishes 8 outputs of one row. Every tile ends here, so that a row's floats do not
 * depend on the shape of the tile it was in. */
INLINE void finish(__m256i sum, const kernels_matrix *w, const kernels_row *row,
                   float *out, bool add) {
    __m256 y = _mm256_add_ps(_mm256_cvtepi32_ps(sum), _mm256_set1_ps(w->zero * row->sum));
    y = _mm256_mul_ps(y, _mm256_set1_ps(row->scale * w->scale));
    if (add) {
        y = _mm256_add_ps(_mm256_loadu_ps(out), y);
    }
    _mm256_storeu_ps(out, y);
}

/* *sum += pairs of weight * a. In assembly because gcc 12, given the intrinsics, makes
 * all the products of a tile first and then has no registers left for the sums: half
 * the speed. */
INLINE void accumulate(__m256i *sum, __m256i weight, __m256i a) {
    __m256i products;
    __asm__("vpmaddwd %[a], %[weight], %[products]\n\t"
            "vpaddd %[products], %[sum], %[sum]"
            : [sum] "+x"(*sum), [products] "=&x"(products)
            : [weight] "x"(weight), [a] "x"(a));
}

/* `rows` rows against `vectors` times 8 outputs of one panel. Both are constants where
 * this is inlined; the sums stay in registers for rows * vectors <= 12. */
INLINE void tile(const kernels_matrix *w, const uint8_t *panel, const int16_t *q,
                 const kernels_row *row, size_t rows, size_t vectors, float *out,
                 size_t out_stride, bool add) {
    __m256i sum[6][4];
    const size_t inputs = w->inputs;
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t v = 0; v < vectors; v++) {
            sum[r][v] = _mm256_setzero_si256();
        }
    }
    for (size_t k = 0; k < inputs; k += 2) {
        __m256i weight[4];
        _mm_prefetch((const char *)panel + k * KERNELS_PANEL + AHEAD, _MM_HINT_T0);
        UNROLL
        for (size_t v = 0; v < vectors; v++) {
            weight[v] = _mm256_cvtepi8_epi16(
                _mm_load_si128((const __m128i *)(panel + k * KERNELS_PANEL + v * 16)));
        }
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            int32_t pair;
            memcpy(&pair, q + r * inputs + k, sizeof pair);
            const __m256i a = _mm256_set1_epi32(pair);
            UNROLL
            for (size_t v = 0; v < vectors; v++) {
                accumulate(&sum[r][v], weight[v], a);
            }
        }
    }
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t v = 0; v < vectors; v++) {
            finish(sum[r][v], w, &row[r], out + r * out_stride + v * 8, add);
        }
    }
}

/* Half a panel at a time where more than two rows share it: 12 sums, 2 weights and a
 * pair fill the 16 registers. */
INLINE void tile_halves(const kernels_matrix *w, const uint8_t *panel, const int16_t *q,
                        const kernels_row *row, size_t rows, float *out,
                        size_t out_stride, bool add) {
    tile(w, panel, q, row, rows, 2, out, out_stride, add);
    tile(w, panel + 32, q, row, rows, 2, out + 16, out_stride, add);
}

static void multiply(const kernels_matrix *w, size_t first, size_t count,
                     const int16_t *q, const kernels_row *row, size_t rows, float *out,
                     size_t out_stride, bool add) {
    const size_t inputs = w->inputs;
    for (size_t j = 0; j < count; j += KERNELS_PANEL) {
        const uint8_t *panel = w->packed + (first + j) * inputs;
        for (size_t r = 0; r < rows;) {
            const int16_t *a = q + r * inputs;
            float *o = out + r * out_stride + j;
            size_t left = rows - r;
            if (left == 6 || left >= 10) {
                tile_halves(w, panel, a, row + r, 6, o, out_stride, add);
                r += 6;
            } else if (left >= 4) {
                tile_halves(w, panel, a, row + r, 4, o, out_stride, add);
                r += 4;
            } else if (left >= 2) {
                tile(w, panel, a, row + r, 2, 4, o, out_stride, add);
                r += 2;
            } else {
                tile(w, panel, a, row + r, 1, 4, o, out_stride, add);
                r += 1;
            }
        }
    }
}

void avx2_gate(const float *x, const float *bias, size_t n, float *out) {
    const __m256 one = _mm256_set1_ps(1.0f);
    for (size_t i = 0; i < n; i += 8) {
        __m256 u = _mm256_add_ps(_mm256_load_ps(x + i), _mm256_load_ps(bias + i));
        __m256 g = _mm256_add_ps(_mm256_load_ps(x + n + i), _mm256_load_ps(bias + n + i));
        __m256 e = exp8(_mm256_sub_ps(_mm256_setzero_ps(), g));
        g = _mm256_div_ps(g, _mm256_add_ps(one, e));
        _mm256_store_ps(out + i, _mm256_mul_ps(g, u));
    }
}

/* The scores of `blocks` blocks of 8 frames; 8 of them hide the latency of the sums. */
INLINE void score_blocks(const float *query, const float *keys, size_t width,
                         size_t blocks, float *score) {
    __m256 s[8];
    UNROLL
    for (size_t b = 0; b < blocks; b++) {
        s[b] = _mm256_setzero_ps();
    }
    for (size_t d = 0; d < width; d++) {
        const __m256 q = _mm256_broadcast_ss(query + d);
        UNROLL
        for (size_t b = 0; b < blocks; b++) {
            const float *key = keys + (b * width + d) * KERNELS_BLOCK;
            s[b] = _mm256_fmadd_ps(q, _mm256_loadu_ps(key), s[b]);
        }
    }
    UNROLL
    for (size_t b = 0; b < blocks; b++) {
        _mm256_storeu_ps(score + b * KERNELS_BLOCK, s[b]);
    }
}

/* out[8 * full + (half ? 4 : 0)] += sum_t p[t] * values[t * width]: even and odd frames
 * apart, to hide the latency of the additions. */
INLINE void weigh_values(const float *p, const float *values, size_t width, size_t frames,
                         size_t full, bool half, float *out) {
    __m256 even[6], odd[6];
    __m128 even4 = _mm_setzero_ps(), odd4 = even4;
    UNROLL
    for (size_t v = 0; v < full; v++) {
        even[v] = _mm256_loadu_ps(out + v * 8);
        odd[v] = _mm256_setzero_ps();
    }
    if (half) {
        even4 = _mm_loadu_ps(out + full * 8);
    }
    size_t t = 0;
    for (; t + 2 <= frames; t += 2) {
        const float *value = values + t * width;
        const __m256 a = _mm256_broadcast_ss(p + t), b = _mm256_broadcast_ss(p + t + 1);
        UNROLL
        for (size_t v = 0; v < full; v++) {
            even[v] = _mm256_fmadd_ps(a, _mm256_loadu_ps(value + v * 8), even[v]);
            odd[v] = _mm256_fmadd_ps(b, _mm256_loadu_ps(value + width + v * 8), odd[v]);
        }
        if (half) {
            even4 = _mm_fmadd_ps(_mm256_castps256_ps128(a),
                                 _mm_loadu_ps(value + full * 8), even4);
            odd4 = _mm_fmadd_ps(_mm256_castps256_ps128(b),
                                _mm_loadu_ps(value + width + full * 8), odd4);
        }
    }
    if (t < frames) {
        const float *value = values + t * width;
        const __m256 a = _mm256_broadcast_ss(p + t);
        UNROLL
        for (size_t v = 0; v < full; v++) {
            even[v] = _mm256_fmadd_ps(a, _mm256_loadu_ps(value + v * 8), even[v]);
        }
        if (half) {
            even4 = _mm_fmadd_ps(_mm256_castps256_ps128(a),
                                 _mm_loadu_ps(value + full * 8), even4);
        }
    }
    UNROLL
    for (size_t v = 0; v < full; v++) {
        _mm256_storeu_ps(out + v * 8, _mm256_add_ps(even[v], odd[v]));
    }
    if (half) {
        _mm_storeu_ps(out + full * 8, _mm_add_ps(even4, odd4));
    }
}

/* The widths of the two models at full speed, any other a vector at a time. */
static void weigh(const float *p, const float *values, size_t width, size_t frames,
                  float *out) {
    if (width == 36) {
        weigh_values(p, values, width, frames, 4, true, out);
    } else if (width == 52) {
        weigh_values(p, values, width, frames, 6, true, out);
    } else {
        for (size_t d = 0; d + 8 <= width; d += 8) {
            weigh_values(p, values + d, width, frames, 1, false, out + d);
        }
        if (width % 8) {
            size_t d = width & ~(size_t)7;
            weigh_values(p, values + d, width, frames, 0, true, out + d);
        }
    }
}

/* score[frames rounded up to 8] -> their softmax. Returns the first frame of the
 * highest. */
static size_t soften(float *score, size_t frames) {
    for (size_t t = frames; t % 8 != 0; t++) {
        score[t] = -INFINITY;
    }
    __m256 high8 = _mm256_set1_ps(-INFINITY);
    for (size_t t = 0; t < frames; t += 8) {
        high8 = _mm256_max_ps(_mm256_loadu_ps(score + t), high8);
    }
    high8 = _mm256_set1_ps(max8(high8));
    __m256 total = _mm256_setzero_ps();
    size_t peak = frames;
    for (size_t t = 0; t < frames; t += 8) {
        __m256 s = _mm256_loadu_ps(score + t);
        int hit = _mm256_movemask_ps(_mm256_cmp_ps(s, high8, _CMP_EQ_OQ));
        if (hit && peak == frames) {
            peak = t + (size_t)__builtin_ctz((unsigned)hit);
        }
        __m256 e = exp8(_mm256_sub_ps(s, high8));
        e = _mm256_and_ps(e, _mm256_cmp_ps(s, _mm256_set1_ps(-INFINITY), _CMP_GT_OQ));
        total = _mm256_add_ps(total, e);
        _mm256_storeu_ps(score + t, e);
    }
    const __m256 down = _mm256_set1_ps(1.0f / sum8(total));
    for (size_t t = 0; t < frames; t += 8) {
        _mm256_storeu_ps(score + t, _mm256_mul_ps(_mm256_loadu_ps(score + t), down));
    }
    return peak < frames ? peak : 0;
}

/* 1 to 8 blocks. */
static void score_some(const float *query, const float *keys, size_t width, size_t blocks,
                       float *score) {
    switch (blocks) {
    case 1:
        score_blocks(query, keys, width, 1, score);
        break;
    case 2:
        score_blocks(query, keys, width, 2, score);
        break;
    case 3:
        score_blocks(query, keys, width, 3, score);
        break;
    case 4:
        score_blocks(query, keys, width, 4, score);
        break;
    case 5:
        score_blocks(query, keys, width, 5, score);
        break;
    case 6:
        score_blocks(query, keys, width, 6, score);
        break;
    case 7:
        score_blocks(query, keys, width, 7, score);
        break;
    default:
        score_blocks(query, keys, width, 8, score);
        break;
    }
}

/* All rows go over CHUNK frames before the next: their keys (9 KB) stay in the L1 cache.
 * A row's sums are cut at the same frames whatever the number of rows. */
#define CHUNK 64

void avx2_attend(const kernels_attention *a) {
    const size_t last = a->frames + (a->rows - 1) * a->grow;
    for (size_t at = 0; at < last; at += CHUNK) {
        for (size_t r = 0; r < a->rows; r++) {
            const size_t frames = a->frames + r * a->grow;
            if (at < frames) {
                size_t n = frames - at < CHUNK ? frames - at : CHUNK;
                score_some(a->queries + r * a->stride, a->keys + at * a->width, a->width,
                           (n + KERNELS_BLOCK - 1) / KERNELS_BLOCK,
                           a->scratch + r * a->scratch_stride + at);
            }
        }
    }
    for (size_t r = 0; r < a->rows; r++) {
        float *out = a->out + r * a->out_stride;
        a->peaks[r * KERNELS_HEADS] =
            soften(a->scratch + r * a->scratch_stride, a->frames + r * a->grow);
        memset(out, 0, a->width * sizeof *out);
    }
    for (size_t at = 0; at < last; at += CHUNK) {
        for (size_t r = 0; r < a->rows; r++) {
            const size_t frames = a->frames + r * a->grow;
            if (at < frames) {
                weigh(a->scratch + r * a->scratch_stride + at, a->values + at * a->width,
                      a->width, frames - at < CHUNK ? frames - at : CHUNK,
                      a->out + r * a->out_stride);
            }
        }
    }
}

/* *sum += pairs of u8 weight * s8 a, in 16 bits. In assembly for the reason above. */
INLINE void accumulate_bytes(__m256i *sum, __m256i weight, __m256i a) {
    __m256i products;
    __asm__("vpmaddubsw %[a], %[weight], %[products]\n\t"
            "vpaddw %[products], %[sum], %[sum]"
            : [sum] "+x"(*sum), [products] "=&x"(products)
            : [weight] "x"(weight), [a] "x"(a));
}

/* Sixteen outputs of a sketch for `rows` rows. vpmaddubsw does not saturate here: a pair
 * is at most 2 * 15 * 127 = 3,810, and 8 of them (32 inputs) stay below 2^15, so the
 * sums are widened only then. */
INLINE void sketch_tile(const kernels_sketch *w, size_t n, const int8_t *q,
                        const kernels_row *row, size_t rows, float *out, size_t stride) {
    const __m256i low_half = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    const uint8_t *at = w->packed + n / 16 * (w->inputs * 8);
    __m256i wide[4][2];
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        wide[r][0] = wide[r][1] = _mm256_setzero_si256();
    }
    for (size_t k = 0; k < w->inputs; k += 32) {
        __m256i sum[4][2];
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            sum[r][0] = sum[r][1] = _mm256_setzero_si256();
        }
        UNROLL
        for (size_t j = 0; j < 8; j++, at += 32) {
            const __m256i both = _mm256_load_si256((const __m256i *)at);
            const __m256i low = _mm256_and_si256(both, low_half);
            const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), low_half);
            if (j % 2 == 0) {
                _mm_prefetch((const char *)at + AHEAD, _MM_HINT_T0);
            }
            UNROLL
            for (size_t r = 0; r < rows; r++) {
                int32_t four;
                memcpy(&four, q + r * w->inputs + k + j * 4, sizeof four);
                const __m256i a = _mm256_set1_epi32(four);
                accumulate_bytes(&sum[r][0], low, a);
                accumulate_bytes(&sum[r][1], high, a);
            }
        }
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            wide[r][0] = _mm256_add_epi32(wide[r][0], _mm256_madd_epi16(sum[r][0], ones));
            wide[r][1] = _mm256_add_epi32(wide[r][1], _mm256_madd_epi16(sum[r][1], ones));
        }
    }
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        const __m256i eights = _mm256_set1_epi32((int32_t)row[r].sum * 8);
        const __m256 scale = _mm256_set1_ps(row[r].scale);
        for (size_t v = 0; v < 2; v++) {
            __m256 y = _mm256_cvtepi32_ps(_mm256_sub_epi32(wide[r][v], eights));
            y = _mm256_mul_ps(_mm256_mul_ps(y, scale),
                              _mm256_load_ps(w->step + n + v * 8));
            _mm256_storeu_ps(out + r * stride + v * 8, y);
        }
    }
}

void avx2_sketch(const kernels_sketch *w, size_t first, size_t count, const int8_t *q,
                 const kernels_row *row, size_t rows, float *out) {
    for (size_t j = 0; j < count; j += 16) {
        for (size_t r = 0; r < rows;) {
            const int8_t *a = q + r * w->inputs;
            float *o = out + r * count + j;
            size_t left = rows - r;
            if (left >= 4) {
                sketch_tile(w, first + j, a, row + r, 4, o, count);
                r += 4;
            } else if (left >= 2) {
                sketch_tile(w, first + j, a, row + r, 2, o, count);
                r += 2;
            } else {
                sketch_tile(w, first + j, a, row + r, 1, o, count);
                r += 1;
            }
        }
    }
}

void avx2_sift(const kernels_sketch *w, const float *logits, size_t first, size_t n,
               float doubt, kernels_sieve *s) {
    const float *step = w->step + first;
    const __m256 doubt8 = _mm256_set1_ps(doubt);
    const float before = s->high;
    __m256 high8 = _mm256_set1_ps(s->high), floor8 = _mm256_set1_ps(s->floor);
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = _mm256_loadu_ps(logits + i);
        __m256 low = _mm256_fnmadd_ps(_mm256_loadu_ps(step + i), doubt8, v);
        high8 = _mm256_max_ps(v, high8);
        floor8 = _mm256_max_ps(low, floor8);
    }
    s->high = max8(high8);
    s->floor = max8(floor8);
    high8 = _mm256_set1_ps(s->high);
    floor8 = _mm256_set1_ps(s->floor);
    __m256 total = _mm256_setzero_ps();
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = _mm256_loadu_ps(logits + i);
        __m256 up = _mm256_fmadd_ps(_mm256_loadu_ps(step + i), doubt8, v);
        unsigned keep =
            (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(up, floor8, _CMP_GE_OQ));
        total = _mm256_add_ps(total, exp8(_mm256_sub_ps(v, high8)));
        for (; keep; keep &= keep - 1) {
            size_t at = i + (size_t)__builtin_ctz(keep);
            s->at[s->n] = (int32_t)(first + at);
            s->logit[s->n++] = logits[at];
        }
    }
    s->total = s->total * expf(before - s->high) + sum8(total);
}

float avx2_dot(const float *x, const uint8_t *bytes, float zero, size_t n) {
    const __m256 zero8 = _mm256_set1_ps(zero);
    __m256 sum = _mm256_setzero_ps();
    for (size_t k = 0; k < n; k += 8) {
        __m128i eight = _mm_loadl_epi64((const __m128i *)(bytes + k));
        __m256 weight = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(eight));
        sum = _mm256_fmadd_ps(_mm256_sub_ps(weight, zero8), _mm256_loadu_ps(x + k), sum);
    }
    return sum8(sum);
}

const kernels kernels_avx2 = {
    .name = "avx2",
    .place = place,
    .flip = 0x80,
    .quantise = avx2_quantise,
    .normalise = avx2_normalise,
    .multiply = multiply,
    .gate = avx2_gate,
    .attend = avx2_attend,
    .sketch = avx2_sketch,
    .sift = avx2_sift,
    .dot = avx2_dot,
};
#endif
