/* engine/moonshine/encoder_model.h: the encoder's constants in memory, shared by loading
 * (encoder_load.c) and computing (encoder.c). Immutable once loaded. */
#ifndef ROSTRUM_MOONSHINE_ENCODER_MODEL_H
#define ROSTRUM_MOONSHINE_ENCODER_MODEL_H

#include "engine/moonshine/encoder.h"
#include "engine/moonshine/encoder_math.h"
#include "engine/moonshine/kernels.h"
#include "engine/moonshine/rope.h"

#define ENCODER_LAYERS_MAX 16
#define ENCODER_HEADS KERNELS_HEADS
#define ENCODER_PARTS_MAX 2 /* of a convolution's taps: a product is exact up to 2048 */

#define ENCODER_TAPS_1 127 /* samples of conv 1, stride 64 */
#define ENCODER_STRIDE_1 64
#define ENCODER_TAPS_2 7
#define ENCODER_STRIDE_2 3
#define ENCODER_TAPS_3 3
#define ENCODER_STRIDE_3 2

/* A convolution as products: part p covers `taps[p]` taps of all channels, in the order
 * [tap][channel], which is how the rows it slides over lie in memory. */
typedef struct {
    size_t n_parts;
    size_t taps[ENCODER_PARTS_MAX];
    kernels_matrix part[ENCODER_PARTS_MAX];
    const float *bias; /* [outputs]; NULL for conv 1 */
} encoder_conv;

typedef struct {
    const float *norm_attention, *norm_mlp; /* [width] */
    kernels_matrix q, k, v, out;
    kernels_matrix fc1, fc2;
    const float *fc1_bias; /* [hidden] */
    const float *fc2_bias; /* [width] */
} encoder_layer;

struct moonshine_encoder {
    const kernels *k;
    const encoder_math *math;
    size_t width;  /* 288 tiny, 416 base */
    size_t hidden; /* 1152 tiny, 1664 base */
    size_t depth;  /* of a head: 36, 52 */
    size_t padded; /* 40, 56 */
    size_t n_layers;
    encoder_conv conv1, conv2, conv3;
    const float *group_by, *group_plus; /* [width] */
    encoder_layer layers[ENCODER_LAYERS_MAX];
    const float *norm; /* [width] */
    rope turns;        /* of MOONSHINE_FRAMES_MAX frames */
    uint8_t *memory;   /* what the pointers above point into */
};

#endif
