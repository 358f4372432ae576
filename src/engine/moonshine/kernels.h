/* engine/moonshine/kernels.h: the arithmetic of the decoder, one set an instruction set.
 *
 * A matrix keeps the file's u8 weights, one byte each, laid out for the set that will
 * use it. An activation row is quantised with a scale of its own, to 14 bits (limit
 * 8191) or to 8 (limit 127):
 *
 *   q[k] = round(x[k] * limit / max|x|), scale = max|x| / limit
 *   y[n] = (sum_k q[k] * (w[n][k] - 128) + (128 - zero) * sum_k q[k])
 *          * scale * w.scale
 *
 * The sums are exact integers: |q| <= 8191, |w - 128| <= 128 and k <= 2048 stay below
 * 2^31. So every set gets the same sums whatever the order, and a row's result does not
 * depend on the rows beside it. 14 bits rather than the graph's 8 because vpmaddwd,
 * the only exact multiply of AVX2 (vpmaddubsw saturates), takes 16 either way. VNNI
 * multiplies bytes and takes twice as long over 14 bits as over 8, so where 8 lose
 * nothing, 8 are used by all sets. (bfloat16 would gain nothing: vdpbf16ps does as many
 * products a cycle as two vpdpbusd a weight.)
 *
 * Float parts (normalisation, attention, softmax) sum in an order fixed by the lengths
 * alone; between sets they may differ in the last bits.
 *
 * All functions are pure over their arguments: any thread. Float rows that kernels read
 * or write are 32-byte aligned, with room up to a multiple of 8. */
#ifndef ROSTRUM_MOONSHINE_KERNELS_H
#define ROSTRUM_MOONSHINE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNELS_PANEL 32 /* outputs packed together; outputs are a multiple of it */
#define KERNELS_INPUTS_MAX 2048 /* exactness; also a multiple of 32 */
#define KERNELS_Q_MAX 8191
#define KERNELS_Q8_MAX 127
#define KERNELS_ALIGN 64
#define KERNELS_BLOCK 8 /* frames of one block of keys */
#define KERNELS_HEADS 8

typedef struct {
    uint8_t *packed; /* [outputs * inputs], KERNELS_ALIGN aligned, owned by the maker */
    uint32_t inputs, outputs;
    float scale; /* of one weight step */
    float zero;  /* 128 - zero point */
} kernels_matrix;

/* A quantised row's scale and sum; its numbers lie apart. */
typedef struct {
    float scale;
    float sum;
    bool narrow; /* quantised to KERNELS_Q8_MAX */
} kernels_row;

/* A matrix drawn with 4 bits a weight, 0..15 for -8..7 steps of its output. In bytes,
 * [output / 16][input / 4][output % 8][input % 4], outputs 0..7 of 16 in the low half
 * and 8..15 in the high half: the same for all sets. */
typedef struct {
    const uint8_t *packed; /* KERNELS_ALIGN aligned */
    const float *step;     /* [outputs], 32-byte aligned */
    size_t inputs;         /* a multiple of 32 */
} kernels_sketch;

#define KERNELS_SKETCH_ROWS 12
#define KERNELS_KEPT_MAX 1024

/* What of a sketched row can still be the best. */
typedef struct {
    float floor; /* highest (logit - step * doubt): none below it is the best */
    float high;  /* highest logit */
    float total; /* sum of exp(logit - high) */
    size_t n;
    int32_t at[KERNELS_KEPT_MAX];  /* [n] outputs, rising */
    float logit[KERNELS_KEPT_MAX]; /* [n] */
} kernels_sieve;

/* See `attend`. */
typedef struct {
    const float *queries; /* [rows][stride] */
    float *out;           /* [rows][out_stride] */
    size_t rows, stride, out_stride;
    const float *keys, *values;
    size_t width, frames, grow;
    float *scratch;
    size_t scratch_stride;
    size_t *peaks; /* [rows][KERNELS_HEADS] of this head */
} kernels_attention;

typedef struct {
    const char *name;

    /* Where weight [output n][input k] lies in `packed` of a matrix of k_all inputs.
     * Unsigned byte as in the file, xored with `flip`. */
    size_t (*place)(size_t n, size_t k, size_t k_all);
    uint8_t flip;

    /* x[n] -> q[n] with limit KERNELS_Q_MAX, or KERNELS_Q8_MAX if `narrow`; n a multiple
     * of 16. */
    kernels_row (*quantise)(const float *x, size_t n, bool narrow, int16_t *q);

    /* out[n] = (x - mean) / sqrt(variance + 1e-5) * weight; n a multiple of 8. */
    void (*normalise)(const float *x, const float *weight, size_t n, float *out);

    /* out[r][j] = y of row r, output first + j, for j < count; plus out itself if `add`.
     * q is [rows][w->inputs]; first and count are multiples of KERNELS_PANEL; the rows
     * are all narrow or all not. */
    void (*multiply)(const kernels_matrix *w, size_t first, size_t count,
                     const int16_t *q, const kernels_row *row, size_t rows, float *out,
                     size_t out_stride, bool add);

    /* out[i] = silu(x[n + i] + bias[n + i]) * (x[i] + bias[i]); n a multiple of 8. */
    void (*gate)(const float *x, const float *bias, size_t n, float *out);

    /* One head: `rows` queries over the same keys and values, query r over the first
     * frames + r * grow of them. Keys lie in blocks of 8 frames, [block][width][8]; a
     * frame's value is values[t * width] on:
     *   score[t] = sum_d query[d] * key[t][d]    (query already scaled)
     *   out[d] = sum_t softmax(score)[t] * value[t][d], d < width
     * width is a multiple of 4. What the last block has past the end is not used.
     * scratch is [rows][scratch_stride], scratch_stride >= frames rounded up to 8.
     * peaks[r * KERNELS_HEADS]: the frame of the highest score. */
    void (*attend)(const kernels_attention *a);

    /* out[r * count + j] = sum_k q[r][k] * w[first + j][k] * row[r].scale, with
     * |q| <= 127; first and count are multiples of 32, rows <= KERNELS_SKETCH_ROWS. */
    void (*sketch)(const kernels_sketch *w, size_t first, size_t count, const int8_t *q,
                   const kernels_row *row, size_t rows, float *out);

    /* Folds logits[n] of outputs first.. into *s, and keeps those whose
     * logit + step * doubt reaches the floor. n is a multiple of 8, and at most
     * KERNELS_KEPT_MAX - s->n. -INFINITY stands for an output left out. */
    void (*sift)(const kernels_sketch *w, const float *logits, size_t first, size_t n,
                 float doubt, kernels_sieve *s);

    /* sum_k x[k] * (bytes[k] - zero); n a multiple of 8. */
    float (*dot)(const float *x, const uint8_t *bytes, float zero, size_t n);
} kernels;

/* Where weight [output n][input k] of a sketch lies, counted in halves of a byte, the low
 * one first. */
size_t kernels_sketch_at(size_t n, size_t k, size_t inputs);

void kernels_sieve_init(kernels_sieve *s);

/* Drops what has fallen below the floor since it was kept. */
void kernels_sieve_shake(const kernels_sketch *w, float doubt, kernels_sieve *s);

/* The best set this processor runs. */
const kernels *kernels_pick(void);

/* A set by name, or NULL: not known, not built in, or this processor lacks it. */
const kernels *kernels_named(const char *name);

extern const kernels kernels_scalar;
#if defined(__x86_64__)
extern const kernels kernels_avx2;
extern const kernels kernels_avx512vnni;
#endif

#endif
