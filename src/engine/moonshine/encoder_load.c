/* From encoder_model.onnx to a moonshine_encoder. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/moonshine/decoder.h"
#include "engine/moonshine/encoder_model.h"
#include "engine/moonshine/map.h"
#include "engine/moonshine/weights.h"

/* Every constant is in the file once and is kept in as many bytes, but for the padding
 * of conv 1, the angles' table and alignment. */
#define MEMORY_SLACK ((size_t)1 << 20)
#define HUGE_PAGE ((size_t)2 << 20)

typedef struct {
    const weights *w;
    moonshine_encoder *e;
    diag *d;
} loader;

static void *take_memory(loader *l, size_t bytes) {
    moonshine_encoder *e = l->e;
    size_t at = (e->memory_used + KERNELS_ALIGN - 1) & ~(size_t)(KERNELS_ALIGN - 1);
    if (at > e->memory_size || bytes > e->memory_size - at) {
        diag_set(l->d, ERR_INTEGRITY, "the constants are larger than the file");
        return NULL;
    }
    e->memory_used = at + bytes;
    return e->memory + at;
}

/* Where a constant is said: the node and its input. */
typedef struct {
    const char *node;
    unsigned input;
} said_at;

static status load_floats(loader *l, said_at at, size_t n, const float **out) {
    const weights_tensor *t;
    const uint8_t *data;
    status s = weights_input(l->w, at.node, at.input, &t, l->d);
    if (s == OK)
        s = weights_data(t, WEIGHTS_F32, n, at.node, &data, l->d);
    if (s != OK)
        return s;
    float *floats = take_memory(l, n * sizeof *floats);
    if (!floats)
        return ERR_INTEGRITY;
    memcpy(floats, data, n * sizeof *floats);
    *out = floats;
    return OK;
}

static status load_scalar(loader *l, said_at at, float *out) {
    const weights_tensor *t;
    status s = weights_input(l->w, at.node, at.input, &t, l->d);
    return s == OK ? weights_scalar(t, at.node, out, l->d) : s;
}

/* A float constant of shape [1], as the convolutions' scales are stored. */
static status load_single(loader *l, said_at at, float *out) {
    const weights_tensor *t;
    const uint8_t *data;
    status s = weights_input(l->w, at.node, at.input, &t, l->d);
    if (s == OK)
        s = weights_data(t, WEIGHTS_F32, 1, at.node, &data, l->d);
    if (s != OK)
        return s;
    float value;
    memcpy(&value, data, sizeof value);
    if (!isfinite(value))
        return diag_field(l->d, ERR_INTEGRITY, at.node, "not a finite number");
    *out = value;
    return OK;
}

/* One layer's node. */
typedef struct {
    char text[96];
} node_name;

static node_name in_layer(size_t layer, const char *rest) {
    node_name name;
    snprintf(name.text, sizeof name.text, "/layers.%zu/%s", layer, rest);
    return name;
}

/* A projection: NODE is a MatMulInteger(a, weight, a zero, weight zero) with weights
 * [input][output], and NODE_scales_mul multiplies the two scales. */
static status load_matrix(loader *l, size_t layer, const char *rest, size_t inputs,
                          size_t outputs, kernels_matrix *x) {
    node_name node = in_layer(layer, rest);
    char scales[sizeof node.text + 16];
    snprintf(scales, sizeof scales, "%s_scales_mul", node.text);
    *x = (kernels_matrix){.inputs = (uint32_t)inputs, .outputs = (uint32_t)outputs};
    const weights_tensor *t;
    const uint8_t *bytes;
    float zero_point;
    status s = weights_input(l->w, node.text, 1, &t, l->d);
    if (s == OK)
        s = weights_data(t, WEIGHTS_U8, (uint64_t)inputs * outputs, node.text, &bytes,
                         l->d);
    if (s == OK)
        s = load_scalar(l, (said_at){scales, 1}, &x->scale);
    if (s == OK)
        s = load_scalar(l, (said_at){node.text, 3}, &zero_point);
    if (s != OK)
        return s;
    x->zero = 128.0f - zero_point;
    x->packed = take_memory(l, inputs * outputs);
    if (!x->packed)
        return ERR_INTEGRITY;
    const kernels *k = l->e->k;
    for (size_t n = 0; n < outputs; n++)
        for (size_t i = 0; i < inputs; i++)
            x->packed[k->place(n, i, inputs)] = bytes[i * outputs + n] ^ k->flip;
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
    const kernels *k = l->e->k;
    size_t inputs = (taps + padding) * c->channels;
    x->inputs = (uint32_t)inputs;
    x->outputs = (uint32_t)c->outputs;
    x->packed = take_memory(l, inputs * c->outputs);
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
    const weights_tensor *t;
    const uint8_t *bytes;
    float scale = 0, zero = 0;
    status s = weights_input(l->w, cast, 0, &t, l->d);
    if (s == OK)
        s = weights_data(t, WEIGHTS_I8, (uint64_t)c->channels * c->taps * c->outputs,
                         cast, &bytes, l->d);
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

static status load_layer(loader *l, size_t i) {
    moonshine_encoder *e = l->e;
    encoder_layer *y = &e->layers[i];
    const size_t width = e->width, hidden = e->hidden;
    const struct {
        const char *rest;
        size_t inputs, outputs;
        kernels_matrix *x;
    } matrices[] = {
        {"self_attn/q_proj/MatMul_quant", width, width, &y->q},
        {"self_attn/k_proj/MatMul_quant", width, width, &y->k},
        {"self_attn/v_proj/MatMul_quant", width, width, &y->v},
        {"self_attn/dense/MatMul_quant", width, width, &y->out},
        {"mlp/fc1/MatMul_quant", width, hidden, &y->fc1},
        {"mlp/fc2/MatMul_quant", hidden, width, &y->fc2},
    };
    const struct {
        const char *rest;
        unsigned input;
        size_t n;
        const float **x;
    } floats[] = {
        {"input_layernorm/Mul", 1, width, &y->norm_attention},
        {"post_attention_layernorm/Mul", 1, width, &y->norm_mlp},
        {"mlp/fc1/Add", 0, hidden, &y->fc1_bias},
        {"mlp/fc2/Add", 0, width, &y->fc2_bias},
    };
    status s = OK;
    for (size_t j = 0; s == OK && j < sizeof matrices / sizeof matrices[0]; j++)
        s = load_matrix(l, i, matrices[j].rest, matrices[j].inputs, matrices[j].outputs,
                        matrices[j].x);
    for (size_t j = 0; s == OK && j < sizeof floats / sizeof floats[0]; j++)
        s = load_floats(l, (said_at){in_layer(i, floats[j].rest).text, floats[j].input},
                        floats[j].n, floats[j].x);
    return s;
}

static status load_turns(loader *l) {
    static const char node[] = "/rotary_emb/MatMul";
    const weights_tensor *t;
    const uint8_t *data;
    status s = weights_input(l->w, node, 0, &t, l->d);
    if (s == OK)
        s = weights_data(t, WEIGHTS_F32, ENCODER_ROPE_PAIRS, node, &data, l->d);
    if (s != OK)
        return s;
    float frequency[ENCODER_ROPE_PAIRS];
    memcpy(frequency, data, sizeof frequency);
    size_t n = (size_t)MOONSHINE_FRAMES_MAX * ENCODER_ROPE_PAIRS;
    l->e->turn_cos = take_memory(l, n * sizeof(float));
    l->e->turn_sin = take_memory(l, n * sizeof(float));
    if (!l->e->turn_cos || !l->e->turn_sin)
        return ERR_INTEGRITY;
    for (size_t i = 0; i < n; i++) {
        float angle = (float)(i / ENCODER_ROPE_PAIRS) * frequency[i % ENCODER_ROPE_PAIRS];
        l->e->turn_cos[i] = cosf(angle);
        l->e->turn_sin[i] = sinf(angle);
    }
    return OK;
}

/* The sizes, from the shapes of the first constants. */
static status find_sizes(loader *l) {
    moonshine_encoder *e = l->e;
    node_name node = in_layer(0, "mlp/fc1/MatMul_quant");
    const weights_tensor *fc1, *norm;
    status s = weights_input(l->w, node.text, 1, &fc1, l->d);
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
    diag ignored;
    while (e->n_layers < ENCODER_LAYERS_MAX &&
           weights_input(l->w, in_layer(e->n_layers, "input_layernorm/Mul").text, 1,
                         &norm, &ignored) == OK)
        e->n_layers++;
    return e->n_layers ? OK : diag_set(l->d, ERR_INTEGRITY, "an encoder without layers");
}

static status load_all(loader *l) {
    moonshine_encoder *e = l->e;
    status s = find_sizes(l);
    if (s != OK)
        return s;
    const size_t width = e->width;
    const conv_shape one = {"conv1", 1, ENCODER_TAPS_1, width};
    const conv_shape two = {"conv2", width, ENCODER_TAPS_2, 2 * width};
    const conv_shape three = {"conv3", 2 * width, ENCODER_TAPS_3, width};
    s = load_conv(l, &one, &e->conv1);
    if (s == OK)
        s = load_conv(l, &two, &e->conv2);
    if (s == OK)
        s = load_conv(l, &three, &e->conv3);
    if (s == OK)
        s = load_floats(l, (said_at){"/conv2/Conv", 2}, 2 * width, &e->conv2.bias);
    if (s == OK)
        s = load_floats(l, (said_at){"/conv3/Conv", 2}, width, &e->conv3.bias);
    if (s == OK)
        s = load_floats(l, (said_at){"/groupnorm/Mul", 1}, width, &e->group_by);
    if (s == OK)
        s = load_floats(l, (said_at){"/groupnorm/Add", 1}, width, &e->group_plus);
    for (size_t i = 0; s == OK && i < e->n_layers; i++)
        s = load_layer(l, i);
    if (s == OK)
        s = load_floats(l, (said_at){"/layer_norm/Mul", 1}, width, &e->norm);
    return s == OK ? load_turns(l) : s;
}

static status create(const uint8_t *data, size_t size, const kernels *set,
                     const encoder_math *math, moonshine_encoder **out, diag *d) {
    weights w;
    status s = weights_parse(data, size, &w, d);
    if (s != OK)
        return s;
    moonshine_encoder *e = calloc(1, sizeof *e);
    size_t memory = (size + MEMORY_SLACK + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);
    if (e)
        e->memory = aligned_alloc(HUGE_PAGE, memory);
    if (!e || !e->memory) {
        s = diag_set(d, ERR_MEMORY, "no memory for %zu bytes of weights", memory);
    } else {
        e->k = set;
        e->math = math;
        e->memory_size = memory;
        (void)madvise(e->memory, memory,
                      MADV_HUGEPAGE); /* only a wish: fewer TLB misses */
        s = load_all(&(loader){&w, e, d});
    }
    weights_deinit(&w);
    if (s != OK) {
        moonshine_encoder_destroy(e);
        return s;
    }
    *out = e;
    return OK;
}

status moonshine_encoder_load_for(const char *path, const kernels *set,
                                  const encoder_math *math, moonshine_encoder **out,
                                  diag *d) {
    map file;
    status s = map_open(path, &file, d);
    if (s != OK)
        return s;
    s = create(file.data, file.size, set, math, out, d);
    map_close(&file);
    return s;
}

status moonshine_encoder_load(const char *path, moonshine_encoder **out, diag *d) {
    return moonshine_encoder_load_for(path, kernels_pick(), encoder_math_pick(), out, d);
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
