/* From decoder_model_merged.onnx to a moonshine_decoder. */
#include <stdlib.h>
#include <string.h>

#include "engine/moonshine/decoder_model.h"
#include "engine/moonshine/load.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static const char table[] = "/model/decoder/embed_tokens/Gather";

/* The table of tokens, which the file keeps once for both of its uses. */
static status load_head(loader *l, moonshine_decoder *m) {
    static const char scale[] =
        "/model/decoder/embed_tokens/Gather_output_0_DequantizeLinear";
    decoder_head h = {.tokens = DECODER_VOCABULARY, .width = m->width};
    const uint8_t *bytes;
    status s = load_bytes(l, (said_at){table, 0}, WEIGHTS_U8,
                          (uint64_t)h.tokens * h.width, &bytes);
    if (s == OK)
        s = load_scalar(l, (said_at){scale, 1}, &h.scale);
    if (s == OK)
        s = load_scalar(l, (said_at){scale, 2}, &h.zero);
    if (s != OK)
        return s;
    h.bytes = load_room(l, h.tokens * h.width);
    uint8_t *sketch = load_room(l, head_sketch_bytes(h.tokens, h.width));
    if (!h.bytes || !sketch)
        return ERR_INTEGRITY;
    memcpy(h.bytes, bytes, h.tokens * h.width);
    head_draw(&h, sketch);
    m->head = h;
    return OK;
}

static status load_layer(loader *l, moonshine_decoder *m, size_t i) {
    decoder_layer *y = &m->layers[i];
    const size_t width = m->width, hidden = m->hidden;
    const layer_matrix matrices[] = {
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
    const layer_vector vectors[] = {
        {{"input_layernorm/Mul", 1}, width, &y->norm_self},
        {{"post_attention_layernorm/Mul", 1}, width, &y->norm_cross},
        {{"final_layernorm/Mul", 1}, width, &y->norm_mlp},
        {{"mlp/up_proj/Add", 0}, 2 * hidden, &y->up_bias},
        {{"mlp/down_proj/Add", 0}, width, &y->down_bias},
    };
    return load_layer_parts(l, i, matrices, COUNT(matrices), vectors, COUNT(vectors));
}

/* The sizes, from the shapes of the first constants. */
static status find_sizes(loader *l, moonshine_decoder *m) {
    const weights_tensor *words, *up;
    node_name node = load_name(l, 0, "mlp/up_proj/MatMul_quant");
    status s = weights_input(&l->w, table, 0, &words, l->d);
    if (s == OK)
        s = weights_input(&l->w, node.text, 1, &up, l->d);
    if (s != OK)
        return s;
    if (words->rank != 2 || words->shape[0] != DECODER_VOCABULARY ||
        words->shape[1] % KERNELS_PANEL != 0 || words->shape[1] > KERNELS_INPUTS_MAX ||
        words->shape[1] < DECODER_HEADS * 2 * ROPE_PAIRS)
        return diag_field(l->d, ERR_INTEGRITY, table, "not a table of 32,768 tokens");
    m->width = words->shape[1];
    if (up->rank != 2 || up->shape[0] != m->width || up->shape[1] == 0 ||
        up->shape[1] % (2 * KERNELS_PANEL) != 0 || up->shape[1] > 2 * KERNELS_INPUTS_MAX)
        return diag_field(l->d, ERR_INTEGRITY, node.text, "unexpected shape");
    m->hidden = up->shape[1] / 2;
    m->n_layers = load_count_layers(l, DECODER_LAYERS_MAX);
    return m->n_layers ? OK : diag_set(l->d, ERR_INTEGRITY, "a decoder without layers");
}

static status load_all(loader *l, moonshine_decoder *m) {
    status s = find_sizes(l, m);
    if (s == OK)
        s = load_head(l, m);
    for (size_t i = 0; s == OK && i < m->n_layers; i++)
        s = load_layer(l, m, i);
    if (s == OK)
        s = load_floats(l, (said_at){"/model/decoder/norm/Mul", 1}, m->width, &m->norm);
    if (s == OK)
        s = load_rope(l, "/model/decoder/rotary_emb/MatMul", MOONSHINE_TOKENS_MAX,
                      &m->turns);
    return s;
}

status moonshine_decoder_load(const char *path, const kernels *set,
                              moonshine_decoder **out, diag *d) {
    loader l;
    status s = load_begin(path, set, "/model/decoder/layers", &l, d);
    if (s != OK)
        return s;
    moonshine_decoder *m = calloc(1, sizeof *m);
    s = m ? load_all(&l, m) : diag_set(d, ERR_MEMORY, "no memory for a decoder");
    uint8_t *memory = load_end(&l, s);
    if (s != OK) {
        free(m);
        return s;
    }
    m->k = set;
    m->memory = memory;
    *out = m;
    return OK;
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
