/* AVX-512 VNNI: the matrix product; everything else is the AVX2 set's.
 *
 * Layout: panels of 32 outputs; in a panel two 64-byte vectors of 16 outputs for four
 * inputs: [input / 4][output / 16][output % 16][4], u8 as in the file. vpdpbusd
 * multiplies u8 weights by s8 activations and adds four products to a 32-bit sum
 * without saturation. A 14-bit activation is q = 128 * high + low with high in -64..63
 * and low in 0..127, both s8, so two of them make the exact sum:
 *
 *   sum_k q w = 128 * sum_k high w + sum_k low w   (mod 2^32)
 *   sum_k q (w - 128) = that - 128 * sum_k q       (fits in 32 bits, see kernels.h)
 *
 * An 8-bit activation is its own low part. */
#include "engine/moonshine/kernels_avx2.h"
#include "engine/moonshine/kernels_inline.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define TILE_ROWS 6    /* 6 rows x 2 vectors x 2 parts = 24 sums of 32 registers */
#define NARROW_ROWS 12 /* the same of one part */
#define SPLIT_ROWS 12  /* rows that share a pass over the weights */

static size_t place(size_t n, size_t k, size_t k_all) {
    return n / KERNELS_PANEL * KERNELS_PANEL * k_all + k / 4 * (4 * KERNELS_PANEL) +
           n % KERNELS_PANEL * 4 + k % 4;
}

/* The two parts of one row. */
typedef struct {
    _Alignas(64) int8_t high[KERNELS_INPUTS_MAX];
    _Alignas(64) int8_t low[KERNELS_INPUTS_MAX];
} parts;

static void narrow_row(const int16_t *q, size_t n, parts *p) {
    for (size_t i = 0; i < n; i += 32) {
        __m256i low = _mm512_cvtepi16_epi8(_mm512_loadu_si512(q + i));
        _mm256_store_si256((__m256i *)(p->low + i), low);
    }
}

static void split(const int16_t *q, size_t n, parts *p) {
    const __m512i low_bits = _mm512_set1_epi16(127);
    for (size_t i = 0; i < n; i += 32) {
        __m512i v = _mm512_loadu_si512(q + i);
        __m256i high = _mm512_cvtepi16_epi8(_mm512_srai_epi16(v, 7));
        __m256i low = _mm512_cvtepi16_epi8(_mm512_and_si512(v, low_bits));
        _mm256_store_si256((__m256i *)(p->high + i), high);
        _mm256_store_si256((__m256i *)(p->low + i), low);
    }
}

INLINE __m512i four(const int8_t *at) {
    int32_t word;
    memcpy(&word, at, sizeof word);
    return _mm512_set1_epi32(word);
}

/* Finishes 16 outputs of one row; the same operations on floats as the AVX2 set. */
INLINE void finish(__m512i high, __m512i low, const kernels_matrix *w,
                   const kernels_row *row, float *out, bool add) {
    __m512i sum = _mm512_add_epi32(_mm512_slli_epi32(high, 7), low);
    sum = _mm512_sub_epi32(sum, _mm512_set1_epi32((int32_t)row->sum * 128));
    __m512 y = _mm512_add_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(w->zero * row->sum));
    y = _mm512_mul_ps(y, _mm512_set1_ps(row->scale * w->scale));
    if (add) {
        y = _mm512_add_ps(_mm512_loadu_ps(out), y);
    }
    _mm512_storeu_ps(out, y);
}

/* *sum += fours of weight * a; in assembly for the reason given in the AVX2 file. */
INLINE void accumulate(__m512i *sum, __m512i weight, __m512i a) {
    __asm__("vpdpbusd %[a], %[weight], %[sum]"
            : [sum] "+v"(*sum)
            : [weight] "v"(weight), [a] "v"(a));
}

/* rows and narrow are constants where this is inlined. */
INLINE void tile(const kernels_matrix *w, const uint8_t *panel, const parts *p,
                 const kernels_row *row, size_t rows, bool narrow, float *out,
                 size_t out_stride, bool add) {
    __m512i high[NARROW_ROWS][2], low[NARROW_ROWS][2];
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        high[r][0] = high[r][1] = low[r][0] = low[r][1] = _mm512_setzero_si512();
    }
    for (size_t k = 0; k < w->inputs; k += 4) {
        const char *ahead = (const char *)panel + k * KERNELS_PANEL + AHEAD;
        _mm_prefetch(ahead, _MM_HINT_T0);
        _mm_prefetch(ahead + 64, _MM_HINT_T0);
        const __m512i a = _mm512_load_si512(panel + k * KERNELS_PANEL);
        const __m512i b = _mm512_load_si512(panel + k * KERNELS_PANEL + 64);
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            const __m512i l = four(p[r].low + k);
            accumulate(&low[r][0], a, l);
            accumulate(&low[r][1], b, l);
            if (!narrow) {
                const __m512i h = four(p[r].high + k);
                accumulate(&high[r][0], a, h);
                accumulate(&high[r][1], b, h);
            }
        }
    }
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        float *o = out + r * out_stride;
        finish(high[r][0], low[r][0], w, &row[r], o, add);
        finish(high[r][1], low[r][1], w, &row[r], o + 16, add);
    }
}

/* Takes as many of `rows` rows as one tile can, and returns how many. */
static size_t multiply_wide(const kernels_matrix *w, const uint8_t *panel, const parts *p,
                            const kernels_row *row, size_t rows, float *out,
                            size_t out_stride, bool add) {
    switch (rows) {
    case 1:
        tile(w, panel, p, row, 1, false, out, out_stride, add);
        return 1;
    case 2:
        tile(w, panel, p, row, 2, false, out, out_stride, add);
        return 2;
    case 3:
        tile(w, panel, p, row, 3, false, out, out_stride, add);
        return 3;
    case 4:
        tile(w, panel, p, row, 4, false, out, out_stride, add);
        return 4;
    case 5:
        tile(w, panel, p, row, 5, false, out, out_stride, add);
        return 5;
    default:
        tile(w, panel, p, row, TILE_ROWS, false, out, out_stride, add);
        return TILE_ROWS;
    }
}

/* The same for narrow rows, which come by the dozen. */
static size_t multiply_narrow(const kernels_matrix *w, const uint8_t *panel,
                              const parts *p, const kernels_row *row, size_t rows,
                              float *out, size_t out_stride, bool add) {
    if (rows >= NARROW_ROWS) {
        tile(w, panel, p, row, NARROW_ROWS, true, out, out_stride, add);
        return NARROW_ROWS;
    }
    if (rows >= 4) {
        tile(w, panel, p, row, 4, true, out, out_stride, add);
        return 4;
    }
    tile(w, panel, p, row, 1, true, out, out_stride, add);
    return 1;
}

static void multiply(const kernels_matrix *w, size_t first, size_t count,
                     const int16_t *q, const kernels_row *row, size_t rows, float *out,
                     size_t out_stride, bool add) {
    parts p[SPLIT_ROWS]; /* 48 KiB of stack */
    const bool narrow = rows && row[0].narrow;
    for (size_t r = 0; r < rows; r += SPLIT_ROWS) {
        size_t n = rows - r < SPLIT_ROWS ? rows - r : SPLIT_ROWS;
        for (size_t i = 0; i < n; i++) {
            (narrow ? narrow_row : split)(q + (r + i) * w->inputs, w->inputs, &p[i]);
        }
        for (size_t j = 0; j < count; j += KERNELS_PANEL) {
            const uint8_t *panel = w->packed + (first + j) * w->inputs;
            for (size_t i = 0; i < n;) {
                i += (narrow ? multiply_narrow : multiply_wide)(
                    w, panel, p + i, row + r + i, n - i, out + (r + i) * out_stride + j,
                    out_stride, add);
            }
        }
    }
}

const kernels kernels_avx512vnni = {
    .name = "avx512vnni",
    .place = place,
    .flip = 0,
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
