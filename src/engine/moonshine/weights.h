/* engine/moonshine/weights.h: constants of an ONNX file, found by what uses them.
 *
 * Reads just enough of the ONNX protobuf to answer "which tensor does node N take as
 * input i": initialisers of the main graph, and the nodes of the main graph and of the
 * branches of its If nodes; a Constant node counts as an initialiser named by its output.
 * Initialisers have names the exporter numbered ("onnx::MatMul_2115_merged_0_quantized")
 * while node names follow the model's source
 * ("/model/decoder/layers.0/self_attn/q_proj/MatMul_quant"), so callers ask by node.
 *
 * The bytes are not trusted: each length is checked against what encloses it, each
 * shape against the bytes it stands for, and the counts against the limits below.
 * Nothing is copied; a weights value borrows the bytes it was parsed from.
 * Immutable after parsing: any thread. */
#ifndef ROSTRUM_MOONSHINE_WEIGHTS_H
#define ROSTRUM_MOONSHINE_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define WEIGHTS_TENSORS_MAX 4096 /* the largest file read here has about 330 */
#define WEIGHTS_NODES_MAX 16384  /* and 3,100 nodes */
#define WEIGHTS_INPUTS_MAX 8     /* of one node; more are read past */
#define WEIGHTS_RANK_MAX 4       /* dimensions of a tensor */
#define WEIGHTS_FILE_MAX ((size_t)1 << 30)

/* Element types, numbered as in onnx.proto (TensorProto.DataType). */
enum { WEIGHTS_F32 = 1, WEIGHTS_U8 = 2, WEIGHTS_I8 = 3, WEIGHTS_I64 = 7 };

/* Text inside the file; not terminated. */
typedef struct {
    const char *text; /* [size]; NULL when size is 0 */
    size_t size;
} weights_name;

typedef struct {
    weights_name name;
    uint32_t type;
    uint32_t rank;
    uint64_t shape[WEIGHTS_RANK_MAX];
    uint64_t elements;   /* product of the shape; 1 for a scalar */
    const uint8_t *data; /* little-endian elements, unaligned; NULL: see `integer` */
    size_t bytes;        /* of data, as the file says; checked when it is asked for */
    int64_t integer;     /* first element of a tensor stored as varints */
} weights_tensor;

typedef struct {
    weights_name name;
    weights_name inputs[WEIGHTS_INPUTS_MAX];
    uint32_t n_inputs; /* <= WEIGHTS_INPUTS_MAX */
} weights_node;

typedef struct {
    weights_tensor *tensors; /* [n_tensors] */
    size_t n_tensors;
    weights_node *nodes; /* [n_nodes] */
    size_t n_nodes;
} weights;

/* Parses data[size], which must outlive *out.
 * ERR_INTEGRITY: not a well-formed ONNX file, or past a limit; ERR_MEMORY. */
MUST_CHECK status weights_parse(const uint8_t *data, size_t size, weights *out, diag *d);
void weights_deinit(weights *w); /* takes a zeroed value */

/* The initialiser that the node named `node` takes as input `input`; where several nodes
 * have the name (one a branch), the first whose input is an initialiser.
 * ERR_INTEGRITY: no such node, input or initialiser; d names the node. */
MUST_CHECK status weights_input(const weights *w, const char *node, unsigned input,
                                const weights_tensor **out, diag *d);

/* The initialiser, or the output of a Constant node, of this name. ERR_INTEGRITY:
 * none. */
MUST_CHECK status weights_named(const weights *w, const char *name,
                                const weights_tensor **out, diag *d);

/* Checks type and element count and gives the bytes; `what` names it in d.
 * ERR_INTEGRITY: another type or count, or fewer bytes than the shape says. */
MUST_CHECK status weights_data(const weights_tensor *t, uint32_t type, uint64_t elements,
                               const char *what, const uint8_t **out, diag *d);

/* One number: an f32 scalar, or a u8 or i8 scalar as a float.
 * ERR_INTEGRITY: not a scalar of these types, or not finite. */
MUST_CHECK status weights_scalar(const weights_tensor *t, const char *what, float *out,
                                 diag *d);

#endif
