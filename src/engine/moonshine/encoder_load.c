/* From encoder_model.onnx to a moonshine_encoder. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/moonshine/decoder.h"
#include "engine/moonshine/encoder_model.h"
#include "engine/moonshine/load.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* A float constant of shape [1], as the convolutions' scales are stored. */
static status load_single(loader *l, said_at at, float *out) {
    const uint8_t *data;
    float value;
    status s = load_bytes(l, at, WEIGHTS_F32, 1, &data);
    if (s != OK)
        return s;
    memcpy(&value, data, sizeof value);
    if (!isfinite(value))
        return diag_field(l->d, ERR_INTEGRITY, at.node, "not a finite number");
    *out = value;
    return OK;
}

/* What a convolution is in the file: weight = s8 * scale + zero, [output][channel][tap].
 */
typedef struct {
    const char *name; /* conv1 */
    size_t channels, taps, outputs;
} conv_shape;

/* Packs taps [first, first + taps) of all channels, with `padding` taps of no weight.
 * The file's zero is a real number here; a padded tap meets input 0, so that its zero
 * does not count either. */
static status pack_part(loader *l, const conv_shape *c, const uint8_t *bytes,
                        size_t first, size_t taps, size_t padding, kernels_matrix *x) {
    const kernels *k = l->k;
    size_t inputs = (taps + padding) * c->channels;
    x->inputs = (uint32_t)inputs;
    x->outputs = (uint32_t)c->outputs;
    x->packed = load_room(l, inputs * c->outputs);
    if (!x->packed)
        return ERR_INTEGRITY;
    for (size_t n = 0; n < c->outputs; n++)
        for (size_t i = 0; i < inputs; i++) {
            size_t tap = first + i / c->channels, channel = i % c->channels;
            uint8_t byte = 128;
            if (tap < first + taps)
                byte = bytes[(n * c->channels + channel) * c->taps + tap] ^ 0x80;
            x->packed[k->place(n, i, inputs)] = byte ^ k->flip;
        }
    return OK;
}

static status load_conv(loader *l, const conv_shape *c, encoder_conv *out) {
    char cast[32], mul[32], add[32];
    snprintf(cast, sizeof cast, "%s.weight_cast_node", c->name);
    snprintf(mul, sizeof mul, "%s.weight_mul_node", c->name);
    snprintf(add, sizeof add, "%s.weight_add_node", c->name);
    const uint8_t *bytes;
    float scale = 0, zero = 0;
    status s = load_bytes(l, (said_at){cast, 0}, WEIGHTS_I8,
                          (uint64_t)c->channels * c->taps * c->outputs, &bytes);
    if (s == OK)
        s = load_single(l, (said_at){mul, 1}, &scale);
    if (s == OK)
        s = load_single(l, (said_at){add, 1}, &zero);
    if (s == OK && !(scale > 0))
        s = diag_field(l->d, ERR_INTEGRITY, mul, "the scale is not positive");
    size_t most = KERNELS_INPUTS_MAX / c->channels; /* taps of one part */
    for (size_t at = 0; s == OK && at < c->taps;) {
        size_t taps = c->taps - at < most ? c->taps - at : most;
        size_t padding = c->channels == 1 ? (32 - taps % 32) % 32 : 0;
        if (out->n_parts == ENCODER_PARTS_MAX)
            return diag_field(l->d, ERR_INTEGRITY, cast, "too many channels");
        kernels_matrix *x = &out->part[out->n_parts];
        out->taps[out->n_parts++] = taps;
        x->scale = scale;
        x->zero = zero / scale;
        s = pack_part(l, c, bytes, at, taps, padding, x);
        at += taps;
    }
    return s;
}

static status load_layer(loader *l, moonshine_encoder *e, size_t i) {
    encoder_layer *y = &e->layers[i];
    const size_t width = e->width, hidden = e->hidden;
    const layer_matrix matrices[] = {
        {"self_attn/q_proj/MatMul_quant", width, width, &y->q},
        {"self_attn/k_proj/MatMul_quant", width, width, &y->k},
        {"self_attn/v_proj/MatMul_quant", width, width, &y->v},
        {"self_attn/dense/MatMul_quant", width, width, &y->out},
        {"mlp/fc1/MatMul_quant", width, hidden, &y->fc1},
        {"mlp/fc2/MatMul_quant", hidden, width, &y->fc2},
    };
    const layer_vector vectors[] = {
        {{"input_layernorm/Mul", 1}, width, &y->norm_attention},
        {{"post_attention_layernorm/Mul", 1}, width, &y->norm_mlp},
        {{"mlp/fc1/Add", 0}, hidden, &y->fc1_bias},
        {{"mlp/fc2/Add", 0}, width, &y->fc2_bias},
    };
    return load_layer_parts(l, i, matrices, COUNT(matrices), vectors, COUNT(vectors));
}

/* The sizes, from the shapes of the first constants. */
static status find_sizes(loader *l, moonshine_encoder *e) {
    node_name node = load_name(l, 0, "mlp/fc1/MatMul_quant");
    const weights_tensor *fc1;
    status s = weights_input(&l->w, node.text, 1, &fc1, l->d);
    if (s != OK)
        return s;
    bool known = fc1->rank == 2 && (fc1->shape[0] == 288 || fc1->shape[0] == 416) &&
                 fc1->shape[1] == 4 * fc1->shape[0];
    if (!known)
        return diag_field(l->d, ERR_INTEGRITY, node.text,
                          "neither the tiny nor the base model");
    e->width = fc1->shape[0];
    e->hidden = fc1->shape[1];
    e->depth = e->width / ENCODER_HEADS;
    e->padded = (e->depth + 7) / 8 * 8;
    e->n_layers = load_count_layers(l, ENCODER_LAYERS_MAX);
    return e->n_layers ? OK : diag_set(l->d, ERR_INTEGRITY, "an encoder without layers");
}

static status load_all(loader *l, moonshine_encoder *e) {
    status s = find_sizes(l, e);
    if (s != OK)
        return s;
    const size_t width = e->width;
    const conv_shape one = {"conv1", 1, ENCODER_TAPS_1, width};
    const conv_shape two = {"conv2", width, ENCODER_TAPS_2, 2 * width};
    const conv_shape three = {"conv3", 2 * width, ENCODER_TAPS_3, width};
    const layer_vector vectors[] = {
        {{"/conv2/Conv", 2}, 2 * width, &e->conv2.bias},
        {{"/conv3/Conv", 2}, width, &e->conv3.bias},
        {{"/groupnorm/Mul", 1}, width, &e->group_by},
        {{"/groupnorm/Add", 1}, width, &e->group_plus},
        {{"/layer_norm/Mul", 1}, width, &e->norm},
    };
    s = load_conv(l, &one, &e->conv1);
    if (s == OK)
        s = load_conv(l, &two, &e->conv2);
    if (s == OK)
        s = load_conv(l, &three, &e->conv3);
    for (size_t i = 0; s == OK && i < COUNT(vectors); i++)
        s = load_floats(l, vectors[i].at, vectors[i].n, vectors[i].to);
    for (size_t i = 0; s == OK && i < e->n_layers; i++)
        s = load_layer(l, e, i);
    if (s == OK)
        s = load_rope(l, "/rotary_emb/MatMul", MOONSHINE_FRAMES_MAX, &e->turns);
    return s;
}

status moonshine_encoder_load(const char *path, const kernels *set,
                              moonshine_encoder **out, diag *d) {
    loader l;
    status s = load_begin(path, set, "/layers", &l, d);
    if (s != OK)
        return s;
    moonshine_encoder *e = calloc(1, sizeof *e);
    s = e ? load_all(&l, e) : diag_set(d, ERR_MEMORY, "no memory for an encoder");
    uint8_t *memory = load_end(&l, s);
    if (s != OK) {
        free(e);
        return s;
    }
    e->k = set;
    e->math = encoder_math_for(set);
    e->memory = memory;
    *out = e;
    return OK;
}

void moonshine_encoder_destroy(moonshine_encoder *e) {
    if (!e)
        return;
    free(e->memory);
    free(e);
}

unsigned moonshine_encoder_width(const moonshine_encoder *e) {
    return (unsigned)e->width;
}
