/* engine/moonshine/decoder_model.h: the decoder's constants in memory, shared by
 * loading (decoder_load.c) and computing (decoder.c). Immutable once loaded.
 *
 *   x = embedding[token]
 *   a layer:  x += out(self_attention(rope(q), rope(k), v of norm_self(x)))
 *             x += out(attention(q of norm_cross(x), keys and values of the audio))
 *             x += down(gate(up(norm_mlp(x)))) + bias
 *   logits = embedding * norm(x)
 *
 * Norms are LayerNorm without bias. 8 heads; the first 32 numbers of a head are turned
 * by rope in neighbouring pairs. The gate is silu of the second half of `up` times the
 * first half. */
#ifndef ROSTRUM_MOONSHINE_DECODER_MODEL_H
#define ROSTRUM_MOONSHINE_DECODER_MODEL_H

#include "engine/moonshine/decoder.h"
#include "engine/moonshine/decoder_head.h"
#include "engine/moonshine/kernels.h"
#include "engine/moonshine/rope.h"

#define DECODER_LAYERS_MAX 16
#define DECODER_HEADS KERNELS_HEADS
#define DECODER_VOCABULARY 32768

/* Rows computed together. More of them share a pass over the weights; these keep the
 * scratch memory within a 512 KiB L2 cache. */
#define DECODER_ROWS KERNELS_SKETCH_ROWS

typedef struct {
    const float *norm_self, *norm_cross, *norm_mlp; /* [width] */
    kernels_matrix self_q, self_k, self_v, self_out;
    kernels_matrix cross_q, cross_k, cross_v, cross_out;
    kernels_matrix up, down;
    const float *up_bias;   /* [2 * hidden] */
    const float *down_bias; /* [width] */
} decoder_layer;

struct moonshine_decoder {
    const kernels *k;
    size_t width;  /* 288 tiny, 416 base */
    size_t hidden; /* 1152 tiny, 1664 base */
    size_t n_layers;
    decoder_layer layers[DECODER_LAYERS_MAX];
    decoder_head head; /* the embedding as well */
    const float *norm; /* [width] */
    rope turns;        /* of MOONSHINE_TOKENS_MAX positions */
    uint8_t *memory;   /* what the pointers above point into */
};

#endif
