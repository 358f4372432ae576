/* engine/moonshine/decoder_head.h: the vocabulary table, as embedding and as head.
 *
 * A head reads the whole table for each token, and from the second megabyte on a token
 * waits for memory more than it computes. So there are two copies: the file's bytes, and
 * a sketch of half the size with 4 bits a weight, which sifts out the few tokens that
 * can be the best (a handful of 32,768); only those are computed from the bytes.
 *
 *   sketched logit = exact logit + error,   |error| <= step[n] * doubt
 *   doubt = 5 * (noise * |x| + spread * scale of x's own rounding)
 *
 * noise is the rms error of a weight in steps, of the worst row. The errors of a row's
 * weights have nothing to do with x, so theirs is a sum of some hundred terms and 5 is
 * in standard deviations, both for the best row and for each that could be taken for it.
 * Over 2,363 tokens of real speech no error of 77 million came to 0.9 of the bound, 2 to
 * 6 tokens were left to compute and the best was always among them.
 *
 * Immutable once built: any thread. */
#ifndef ROSTRUM_MOONSHINE_DECODER_HEAD_H
#define ROSTRUM_MOONSHINE_DECODER_HEAD_H

#include "engine/moonshine/kernels.h"

#define HEAD_BLOCK                                                                       \
    512 /* logits made at a time: reduced while they are in the L1 cache                 \
         */

typedef struct {
    uint8_t *bytes; /* [tokens][width] as in the file */
    size_t tokens, width;
    float scale, zero; /* weight = (byte - zero) * scale */
    kernels_sketch sketch;
    float noise, spread;
} decoder_head;

/* What follows one row. */
typedef struct {
    int32_t best;      /* of all tokens */
    int32_t other;     /* of all but the barred one */
    float probability; /* of best; over the sketched logits, the best ones exact */
} head_result;

/* Working memory of rows taken together. */
typedef struct {
    int8_t *q;            /* [rows][width] */
    float *logits;        /* [rows][HEAD_BLOCK] */
    kernels_row *row;     /* [rows] */
    kernels_sieve *sieve; /* [rows] */
} head_scratch;

/* Bytes of a sketch, a multiple of KERNELS_ALIGN. */
size_t head_sketch_bytes(size_t tokens, size_t width);

/* Draws the sketch of h->bytes into memory[head_sketch_bytes], KERNELS_ALIGN aligned;
 * all else of *h is set. tokens is a multiple of HEAD_BLOCK, width of KERNELS_PANEL. */
void head_draw(decoder_head *h, uint8_t *memory);

/* One token's embedding, out[width]. */
void head_embed(const decoder_head *h, int32_t token, float *out);

/* x[rows][width], normalised. `barred` is a token below HEAD_BLOCK. */
void head_run(const kernels *k, const decoder_head *h, const float *x, size_t rows,
              int32_t barred, const head_scratch *scratch, head_result *out);

#endif
