/* engine/moonshine/load.h: from the constants of an ONNX file to those of a model.
 *
 * Everything a model keeps lies in one block of huge pages (each token reads every
 * weight: with 4 KiB pages that is thousands of translations). A constant is found by the
 * node that uses it, see weights.h. On an error the caller ends the loader and passes
 * the status on; the diag names file and node.
 *
 * One thread; reads one file. */
#ifndef ROSTRUM_MOONSHINE_LOAD_H
#define ROSTRUM_MOONSHINE_LOAD_H

#include "engine/moonshine/kernels.h"
#include "engine/moonshine/map.h"
#include "engine/moonshine/rope.h"
#include "engine/moonshine/weights.h"

typedef struct {
    const kernels *k;   /* whose layout matrices get */
    const char *layers; /* what the names of a layer's nodes begin with */
    diag *d;
    map file;
    weights w;
    uint8_t *memory; /* [size], KERNELS_ALIGN aligned */
    size_t size, used;
} loader;

/* Where a constant is said: a node, or what follows a layer's prefix in its name, and
 * its input. */
typedef struct {
    const char *node;
    unsigned input;
} said_at;

typedef struct {
    char text[128];
} node_name;

typedef struct {
    const char *rest; /* of the layer's node */
    size_t inputs, outputs;
    kernels_matrix *to;
} layer_matrix;

typedef struct {
    said_at at;
    size_t n;
    const float **to;
} layer_vector;

/* ERR_NOT_FOUND, ERR_INTEGRITY: no ONNX file; ERR_MEMORY. */
MUST_CHECK status load_begin(const char *path, const kernels *set, const char *layers,
                             loader *out, diag *d);

/* Closes the file. The block, which the caller frees; NULL, and it is freed here, when
 * s is not OK. */
uint8_t *load_end(loader *l, status s);

/* Name of a layer's node. */
node_name load_name(const loader *l, size_t layer, const char *rest);

/* Layers in the file, at most max: those with an input_layernorm. */
size_t load_count_layers(const loader *l, size_t max);

/* So many bytes of the block, KERNELS_ALIGN aligned. NULL, and ERR_INTEGRITY in the diag:
 * more than a file of this size can be about. */
void *load_room(loader *l, size_t bytes);

/* ERR_INTEGRITY: no such constant, or of another type or size. */
MUST_CHECK status load_floats(loader *l, said_at at, size_t n, const float **out);
MUST_CHECK status load_scalar(loader *l, said_at at, float *out);
MUST_CHECK status load_bytes(loader *l, said_at at, uint32_t type, uint64_t n,
                             const uint8_t **out); /* in the file: till load_end */

/* cos and sin of all positions, from the frequencies that `node` multiplies with. */
MUST_CHECK status load_rope(loader *l, const char *node, size_t positions, rope *out);

/* All of one layer. A matrix's NODE is a MatMulInteger(a, weight, a zero, weight zero)
 * with weights [input][output], and NODE_scales_mul multiplies the two scales. */
MUST_CHECK status load_layer_parts(loader *l, size_t layer, const layer_matrix *matrices,
                                   size_t n_matrices, const layer_vector *vectors,
                                   size_t n_vectors);

#endif
