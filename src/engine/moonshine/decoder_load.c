/* From decoder_model_merged.onnx to a moonshine_decoder. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/moonshine/decoder_model.h"
#include "engine/moonshine/weights.h"

/* Every constant is in the file once and is kept in as many bytes, so the file's size
 * bounds what we need, but for the head's sketch (half of a part of the file, and a
 * float a token) and alignment. */
#define MEMORY_SLACK ((DECODER_VOCABULARY * sizeof(float)) + ((size_t)64 << 10))

#define HUGE_PAGE ((size_t)2 << 20)

typedef struct {
    const weights *w;
    moonshine_decoder *m;
    diag *d;
} loader;

static void *take_memory(moonshine_decoder *m, size_t bytes) {
    size_t at = (m->memory_used + KERNELS_ALIGN - 1) & ~(size_t)(KERNELS_ALIGN - 1);
    if (at > m->memory_size || bytes > m->memory_size - at) {
        return NULL;
    }
    m->memory_used = at + bytes;
    return m->memory + at;
}

static status too_big(diag *d, const char *node) {
    return diag_field(d, ERR_INTEGRITY, node, "the constants are larger than the file");
}

/* A node's name within layer `layer`. */
typedef struct {
    char text[96];
} node_name;

static node_name in_layer(size_t layer, const char *rest) {
    node_name name;
    snprintf(name.text, sizeof name.text, "/model/decoder/layers.%zu/%s", layer, rest);
    return name;
}

static status load_floats(loader *l, const char *node, unsigned input, size_t n,
                          const float **out) {
    const weights_tensor *t;
    const uint8_t *data;
    status s = weights_input(l->w, node, input, &t, l->d);
    if (s == OK) {
        s = weights_data(t, WEIGHTS_F32, n, node, &data, l->d);
    }
    if (s != OK) {
        return s;
    }
    float *floats = take_memory(l->m, n * sizeof *floats);
    if (!floats) {
        return too_big(l->d, node);
    }
    memcpy(floats, data, n * sizeof *floats);
    *out = floats;
    return OK;
}

/* Where one number of a quantised tensor is said: the node and its input. */
typedef struct {
    const char *node;
    unsigned input;
} said_at;

static status load_scalar(loader *l, said_at at, float *out) {
    const weights_tensor *t;
    status s = weights_input(l->w, at.node, at.input, &t, l->d);
    return s == OK ? weights_scalar(t, at.node, out, l->d) : s;
}

/* u8 weights, their scale and zero point, each where it is said. */
static status load_quantised(loader *l, said_at weight, said_at scale, said_at zero,
                             uint64_t elements, const uint8_t **out_bytes,
                             float *out_scale, float *out_zero) {
    const weights_tensor *t;
    status s = weights_input(l->w, weight.node, weight.input, &t, l->d);
    if (s == OK) {
        s = weights_data(t, WEIGHTS_U8, elements, weight.node, out_bytes, l->d);
    }
    if (s == OK) {
        s = load_scalar(l, scale, out_scale);
    }
    return s == OK ? load_scalar(l, zero, out_zero) : s;
}

/* A projection of a layer: NODE is a MatMulInteger(a, weight, a zero, weight zero), and
 * NODE_scales_mul multiplies the two scales. */
static status load_matrix(loader *l, size_t layer, const char *rest, size_t inputs,
                          size_t outputs, kernels_matrix *x) {
    node_name node = in_layer(layer, rest);
    char scales[sizeof node.text + 16];
    snprintf(scales, sizeof scales, "%s_scales_mul", node.text);
    const kernels *k = l->m->k;
    const uint8_t *bytes;
    float zero;
    *x = (kernels_matrix){.inputs = (uint32_t)inputs, .outputs = (uint32_t)outputs};
    status s = load_quantised(l, (said_at){node.text, 1}, (said_at){scales, 1},
                              (said_at){node.text, 3}, (uint64_t)inputs * outputs, &bytes,
                              &x->scale, &zero);
    if (s != OK) {
        return s;
    }
    x->zero = 128.0f - zero;
    x->packed = take_memory(l->m, inputs * outputs);
    if (!x->packed) {
        return too_big(l->d, node.text);
    }
    for (size_t i = 0; i < inputs; i++) {
        for (size_t n = 0; n < outputs; n++) {
            x->packed[k->place(n, i, inputs)] = bytes[i * outputs + n] ^ k->flip;
        }
    }
    return OK;
}

/* The table of tokens, which the file keeps once for both of its uses. */
static status load_head(loader *l) {
    static const char embed[] = "/model/decoder/embed_tokens/Gather";
    static const char scale[] =
        "/model/decoder/embed_tokens/Gather_output_0_DequantizeLinear";
    decoder_head *h = &l->m->head;
    const uint8_t *bytes;
    h->tokens = DECODER_VOCABULARY;
    h->width = l->m->width;
    status s =
        load_quantised(l, (said_at){embed, 0}, (said_at){scale, 1}, (said_at){scale, 2},
                       (uint64_t)h->tokens * h->width, &bytes, &h->scale, &h->zero);
    if (s != OK) {
        return s;
    }
    h->bytes = take_memory(l->m, h->tokens * h->width);
    uint8_t *sketch = take_memory(l->m, head_sketch_bytes(h->tokens, h->width));
    if (!h->bytes || !sketch) {
        return too_big(l->d, embed);
    }
    memcpy(h->bytes, bytes, h->tokens * h->width);
    head_draw(h, sketch);
    return OK;
}

static status load_layer_floats(loader *l, size_t layer, const char *rest, unsigned input,
                                size_t n, const float **out) {
    return load_floats(l, in_layer(layer, rest).text, input, n, out);
}

static status load_layer(loader *l, size_t i) {
    decoder_layer *y = &l->m->layers[i];
    const size_t width = l->m->width, hidden = l->m->hidden;
    const struct {
        const char *rest;
        size_t inputs, outputs;
        kernels_matrix *x;
    } matrices[] = {
        {"self_attn/q_proj/MatMul_quant", width, width, &y->self_q},
        {"self_attn/k_proj/MatMul_quant", width, width, &y->self_k},
        {"self_attn/v_proj/MatMul_quant", width, width, &y->self_v},
        {"self_attn/dense/MatMul_quant", width, width, &y->self_out},
        {"encoder_attn/q_proj/MatMul_quant", width, width, &y->cross_q},
        {"encoder_attn/k_proj/MatMul_quant", width, width, &y->cross_k},
        {"encoder_attn/v_proj/MatMul_quant", width, width, &y->cross_v},
        {"encoder_attn/dense/MatMul_quant", width, width, &y->cross_out},
        {"mlp/up_proj/MatMul_quant", width, 2 * hidden, &y->up},
        {"mlp/down_proj/MatMul_quant", hidden, width, &y->down},
    };
    const struct {
        const char *rest;
        unsigned input;
        size_t n;
        const float **x;
    } floats[] = {
        {"input_layernorm/Mul", 1, width, &y->norm_self},
        {"post_attention_layernorm/Mul", 1, width, &y->norm_cross},
        {"final_layernorm/Mul", 1, width, &y->norm_mlp},
        {"mlp/up_proj/Add", 0, 2 * hidden, &y->up_bias},
        {"mlp/down_proj/Add", 0, width, &y->down_bias},
    };
    status s = OK;
    for (size_t j = 0; s == OK && j < sizeof matrices / sizeof matrices[0]; j++) {
        s = load_matrix(l, i, matrices[j].rest, matrices[j].inputs, matrices[j].outputs,
                        matrices[j].x);
    }
    for (size_t j = 0; s == OK && j < sizeof floats / sizeof floats[0]; j++) {
        s = load_layer_floats(l, i, floats[j].rest, floats[j].input, floats[j].n,
                              floats[j].x);
    }
    return s;
}

static status load_turns(loader *l) {
    static const char node[] = "/model/decoder/rotary_emb/MatMul";
    const weights_tensor *t;
    const uint8_t *data;
    status s = weights_input(l->w, node, 0, &t, l->d);
    if (s == OK) {
        s = weights_data(t, WEIGHTS_F32, DECODER_ROPE_PAIRS, node, &data, l->d);
    }
    if (s != OK) {
        return s;
    }
    float frequency[DECODER_ROPE_PAIRS];
    memcpy(frequency, data, sizeof frequency);
    for (size_t p = 0; p < MOONSHINE_TOKENS_MAX; p++) {
        for (size_t i = 0; i < DECODER_ROPE_PAIRS; i++) {
            l->m->turn_cos[p][i] = cosf((float)p * frequency[i]);
            l->m->turn_sin[p][i] = sinf((float)p * frequency[i]);
        }
    }
    return OK;
}

/* The sizes, from the shapes of the first constants. */
static status find_sizes(loader *l) {
    static const char embed[] = "/model/decoder/embed_tokens/Gather";
    moonshine_decoder *m = l->m;
    const weights_tensor *table, *up;
    node_name node = in_layer(0, "mlp/up_proj/MatMul_quant");
    status s = weights_input(l->w, embed, 0, &table, l->d);
    if (s == OK) {
        s = weights_input(l->w, node.text, 1, &up, l->d);
    }
    if (s != OK) {
        return s;
    }
    if (table->rank != 2 || table->shape[0] != DECODER_VOCABULARY ||
        table->shape[1] % KERNELS_PANEL != 0 || table->shape[1] > KERNELS_INPUTS_MAX ||
        table->shape[1] < DECODER_HEADS * 2 * DECODER_ROPE_PAIRS) {
        return diag_field(l->d, ERR_INTEGRITY, embed, "not a table of 32,768 tokens");
    }
    m->width = table->shape[1];
    if (up->rank != 2 || up->shape[0] != m->width || up->shape[1] == 0 ||
        up->shape[1] % (2 * KERNELS_PANEL) != 0 ||
        up->shape[1] > 2 * KERNELS_INPUTS_MAX) {
        return diag_field(l->d, ERR_INTEGRITY, node.text, "unexpected shape");
    }
    m->hidden = up->shape[1] / 2;
    const weights_tensor *norm;
    diag ignored;
    while (m->n_layers < DECODER_LAYERS_MAX &&
           weights_input(l->w, in_layer(m->n_layers, "input_layernorm/Mul").text, 1,
                         &norm, &ignored) == OK) {
        m->n_layers++;
    }
    return m->n_layers ? OK : diag_set(l->d, ERR_INTEGRITY, "a decoder without layers");
}

static status load_all(loader *l) {
    moonshine_decoder *m = l->m;
    status s = find_sizes(l);
    if (s == OK) {
        s = load_head(l);
    }
    for (size_t i = 0; s == OK && i < m->n_layers; i++) {
        s = load_layer(l, i);
    }
    if (s == OK) {
        s = load_floats(l, "/model/decoder/norm/Mul", 1, m->width, &m->norm);
    }
    return s == OK ? load_turns(l) : s;
}

static status create(const uint8_t *data, size_t size, const kernels *set,
                     moonshine_decoder **out, diag *d) {
    weights w;
    status s = weights_parse(data, size, &w, d);
    if (s != OK) {
        return s;
    }
    moonshine_decoder *m = calloc(1, sizeof *m);
    size_t memory =
        (size + size / 2 + MEMORY_SLACK + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);
    if (m) {
        m->memory = aligned_alloc(HUGE_PAGE, memory);
    }
    if (!m || !m->memory) {
        s = diag_set(d, ERR_MEMORY, "no memory for %zu bytes of weights", memory);
    } else {
        m->k = set;
        m->memory_size = memory;
        /* Every token reads every weight; with 4 KiB pages that is 4,700 translations.
         * Only a wish: the result is the same without. */
        (void)madvise(m->memory, memory, MADV_HUGEPAGE);
        s = load_all(&(loader){&w, m, d});
    }
    weights_deinit(&w);
    if (s != OK) {
        moonshine_decoder_destroy(m);
        return s;
    }
    *out = m;
    return OK;
}

status moonshine_decoder_load_for(const char *path, const kernels *set,
                                  moonshine_decoder **out, diag *d) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        diag_at(d, path, 0, 0);
        return diag_set(d, ERR_NOT_FOUND, "cannot open: %s", strerror(errno));
    }
    struct stat st;
    void *data = MAP_FAILED;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    close(fd);
    diag_at(d, path, 0, 0);
    if (data == MAP_FAILED) {
        return diag_set(d, ERR_INTEGRITY, "cannot be read, or is empty");
    }
    status s = create(data, (size_t)st.st_size, set, out, d);
    munmap(data, (size_t)st.st_size);
    return s;
}

status moonshine_decoder_load(const char *path, moonshine_decoder **out, diag *d) {
    return moonshine_decoder_load_for(path, kernels_pick(), out, d);
}

void moonshine_decoder_destroy(moonshine_decoder *m) {
    if (m) {
        free(m->memory);
        free(m);
    }
}

unsigned moonshine_decoder_width(const moonshine_decoder *m) {
    return (unsigned)m->width;
}

const char *moonshine_decoder_kernels(const moonshine_decoder *m) {
    return m->k->name;
}
