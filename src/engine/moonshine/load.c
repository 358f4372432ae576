#include "engine/moonshine/load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/moonshine/deal.h"

/* Every constant is in the file once and is kept in as many bytes; then there are the
 * sketch of the head (half of a part of the file), tables of angles, and alignment. Only
 * what is used becomes memory. */
#define MEMORY_SLACK ((size_t)1 << 20)
#define HUGE_PAGE ((size_t)2 << 20)

status load_begin(const char *path, const kernels *set, const char *layers, loader *out,
                  diag *d) {
    loader l = {.k = set, .layers = layers, .d = d};
    status s = map_open(path, &l.file, d);
    if (s != OK)
        return s;
    s = weights_parse(l.file.data, l.file.size, &l.w, d);
    if (s != OK) {
        map_close(&l.file);
        return s;
    }
    l.size = round_up(l.file.size + l.file.size / 2 + MEMORY_SLACK, HUGE_PAGE);
    l.memory = aligned_alloc(HUGE_PAGE, l.size);
    if (!l.memory) {
        s = diag_set(d, ERR_MEMORY, "no memory for %zu bytes of weights", l.size);
        (void)load_end(&l, s);
        return s;
    }
    (void)madvise(l.memory, l.size, MADV_HUGEPAGE); /* only a wish */
    *out = l;
    return OK;
}

uint8_t *load_end(loader *l, status s) {
    weights_deinit(&l->w);
    map_close(&l->file);
    if (s == OK)
        return l->memory;
    free(l->memory);
    return NULL;
}

node_name load_name(const loader *l, size_t layer, const char *rest) {
    node_name name;
    snprintf(name.text, sizeof name.text, "%s.%zu/%s", l->layers, layer, rest);
    return name;
}

size_t load_count_layers(const loader *l, size_t max) {
    const weights_tensor *norm;
    diag ignored;
    size_t n = 0;
    while (n < max && weights_input(&l->w, load_name(l, n, "input_layernorm/Mul").text, 1,
                                    &norm, &ignored) == OK)
        n++;
    return n;
}

void *load_room(loader *l, size_t bytes) {
    size_t at = round_up(l->used, KERNELS_ALIGN);
    if (at > l->size || bytes > l->size - at) {
        (void)diag_set(l->d, ERR_INTEGRITY, "the constants are larger than the file");
        return NULL;
    }
    l->used = at + bytes;
    return l->memory + at;
}

status load_bytes(loader *l, said_at at, uint32_t type, uint64_t n, const uint8_t **out) {
    const weights_tensor *t;
    status s = weights_input(&l->w, at.node, at.input, &t, l->d);
    return s == OK ? weights_data(t, type, n, at.node, out, l->d) : s;
}

status load_floats(loader *l, said_at at, size_t n, const float **out) {
    const uint8_t *data;
    status s = load_bytes(l, at, WEIGHTS_F32, n, &data);
    if (s != OK)
        return s;
    float *floats = load_room(l, n * sizeof *floats);
    if (!floats)
        return ERR_INTEGRITY;
    memcpy(floats, data, n * sizeof *floats);
    *out = floats;
    return OK;
}

status load_scalar(loader *l, said_at at, float *out) {
    const weights_tensor *t;
    status s = weights_input(&l->w, at.node, at.input, &t, l->d);
    return s == OK ? weights_scalar(t, at.node, out, l->d) : s;
}

status load_rope(loader *l, const char *node, size_t positions, rope *out) {
    float frequency[ROPE_PAIRS];
    const uint8_t *data;
    status s = load_bytes(l, (said_at){node, 0}, WEIGHTS_F32, ROPE_PAIRS, &data);
    if (s != OK)
        return s;
    const size_t n = positions * ROPE_PAIRS;
    float *cosines = load_room(l, n * sizeof *cosines);
    float *sines = load_room(l, n * sizeof *sines);
    if (!cosines || !sines)
        return ERR_INTEGRITY;
    memcpy(frequency, data, sizeof frequency);
    for (size_t i = 0; i < n; i++) {
        float angle = (float)(i / ROPE_PAIRS) * frequency[i % ROPE_PAIRS];
        cosines[i] = cosf(angle);
        sines[i] = sinf(angle);
    }
    *out = (rope){cosines, sines};
    return OK;
}

static status load_matrix(loader *l, const char *node, const layer_matrix *m) {
    char scales[sizeof(node_name) + 16];
    snprintf(scales, sizeof scales, "%s_scales_mul", node);
    const size_t inputs = m->inputs, outputs = m->outputs;
    kernels_matrix x = {.inputs = (uint32_t)inputs, .outputs = (uint32_t)outputs};
    const uint8_t *bytes;
    float zero_point = 0;
    status s =
        load_bytes(l, (said_at){node, 1}, WEIGHTS_U8, (uint64_t)inputs * outputs, &bytes);
    if (s == OK)
        s = load_scalar(l, (said_at){scales, 1}, &x.scale);
    if (s == OK)
        s = load_scalar(l, (said_at){node, 3}, &zero_point);
    if (s != OK)
        return s;
    x.packed = load_room(l, inputs * outputs);
    if (!x.packed)
        return ERR_INTEGRITY;
    x.zero = 128.0f - zero_point;
    for (size_t i = 0; i < inputs; i++)
        for (size_t n = 0; n < outputs; n++)
            x.packed[l->k->place(n, i, inputs)] = bytes[i * outputs + n] ^ l->k->flip;
    *m->to = x;
    return OK;
}

status load_layer_parts(loader *l, size_t layer, const layer_matrix *matrices,
                        size_t n_matrices, const layer_vector *vectors,
                        size_t n_vectors) {
    status s = OK;
    for (size_t i = 0; s == OK && i < n_matrices; i++)
        s = load_matrix(l, load_name(l, layer, matrices[i].rest).text, &matrices[i]);
    for (size_t i = 0; s == OK && i < n_vectors; i++) {
        node_name node = load_name(l, layer, vectors[i].at.node);
        s = load_floats(l, (said_at){node.text, vectors[i].at.input}, vectors[i].n,
                        vectors[i].to);
    }
    return s;
}
