#include "engine/moonshine/decoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "engine/moonshine/deal.h"
#include "engine/moonshine/decoder_audio.h"
#include "engine/moonshine/decoder_model.h"

struct moonshine_state {
    size_t width, hidden, depth, n_layers; /* depth: numbers of one head */
    size_t position;
    decoder_cache self;
    const moonshine_audio *audio; /* what is listened to; NULL: nothing yet */
    float *x;                     /* [DECODER_ROWS][width] the residual stream */
    float *normal;                /* [DECODER_ROWS][width] */
    float *wide;   /* [DECODER_ROWS][2 * hidden]; q, k and v; a block of logits */
    float *narrow; /* [hidden] one row */
    float *scores; /* [DECODER_ROWS][slots] */
    int16_t *q;    /* [DECODER_ROWS][max(width, hidden)] */
    kernels_row row[DECODER_ROWS];
    kernels_sieve sieve[DECODER_ROWS];
    size_t peaks[DECODER_ROWS][DECODER_HEADS]; /* frames of the last layer's attention */
    void *memory;
};

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static void lay_out(moonshine_state *s, dealer *d) {
    const size_t frames = round_up(MOONSHINE_FRAMES_MAX, KERNELS_BLOCK);
    s->x = deal(d, DECODER_ROWS * s->width);
    s->normal = deal(d, DECODER_ROWS * s->width);
    s->wide =
        deal(d, DECODER_ROWS * larger(larger(2 * s->hidden, 3 * s->width), HEAD_BLOCK));
    s->narrow = deal(d, larger(s->hidden, s->width));
    s->scores = deal(d, DECODER_ROWS * larger(frames, MOONSHINE_TOKENS_MAX));
    s->q = (int16_t *)(void *)deal(d, DECODER_ROWS * larger(s->width, s->hidden) / 2);
    s->self.keys = deal(d, decoder_cache_floats(&s->self, s->self.slots));
    s->self.values = deal(d, decoder_cache_floats(&s->self, s->self.slots));
}

/* A state without its memory; d has counted what it needs. */
static moonshine_state shape_of(const moonshine_decoder *m, dealer *d) {
    moonshine_state s = {.width = m->width,
                         .hidden = m->hidden,
                         .depth = m->width / DECODER_HEADS,
                         .n_layers = m->n_layers};
    s.self = (decoder_cache){
        .depth = s.depth, .n_layers = s.n_layers, .slots = MOONSHINE_TOKENS_MAX};
    lay_out(&s, d);
    return s;
}

size_t moonshine_state_bytes(const moonshine_decoder *m) {
    dealer d = {0};
    (void)shape_of(m, &d);
    return sizeof(moonshine_state) + d.used * sizeof(float);
}

status moonshine_state_create(const moonshine_decoder *m, moonshine_state **out) {
    moonshine_state *s = calloc(1, sizeof *s);
    if (!s) {
        return ERR_MEMORY;
    }
    dealer d = {0};
    *s = shape_of(m, &d);
    s->memory = aligned_alloc(KERNELS_ALIGN, d.used * sizeof(float));
    if (!s->memory) {
        free(s);
        return ERR_MEMORY;
    }
    d = (dealer){.block = s->memory};
    lay_out(s, &d);
    *out = s;
    return OK;
}

void moonshine_state_destroy(moonshine_state *s) {
    if (s) {
        free(s->memory);
        free(s);
    }
}

void moonshine_rewind(moonshine_state *s, size_t keep) {
    ASSERT(keep <= s->position);
    s->position = keep;
}

size_t moonshine_position(const moonshine_state *s) {
    return s->position;
}

static void quantise_rows(const moonshine_decoder *m, moonshine_state *s, const float *x,
                          size_t rows) {
    for (size_t r = 0; r < rows; r++) {
        s->row[r] =
            m->k->quantise(x + r * s->width, s->width, false, s->q + r * s->width);
    }
}

/* out[r][stride] (+)= matrix times the rows quantised last. */
static void project(const moonshine_decoder *m, moonshine_state *s,
                    const kernels_matrix *x, size_t rows, float *out, size_t stride,
                    bool add) {
    m->k->multiply(x, 0, x->outputs, s->q, s->row, rows, out, stride, add);
}

void decoder_cross_rows(const moonshine_decoder *m, moonshine_state *s,
                        const decoder_cache *c, const float *states, size_t at,
                        size_t frames) {
    const size_t width = s->width;
    for (; at < frames; at += DECODER_ROWS) {
        size_t n = frames - at < DECODER_ROWS ? frames - at : DECODER_ROWS;
        memcpy(s->normal, states + at * width, n * width * sizeof *states); /* aligned */
        quantise_rows(m, s, s->normal, n);
        for (size_t layer = 0; layer < s->n_layers; layer++) {
            const decoder_layer *y = &m->layers[layer];
            project(m, s, &y->cross_k, n, s->wide, 2 * width, false);
            project(m, s, &y->cross_v, n, s->wide + width, 2 * width, false);
            decoder_cache_put_keys(c, layer, at, s->wide, n, 2 * width);
            decoder_cache_put_values(c, layer, at, s->wide + width, n, 2 * width);
        }
    }
}

void moonshine_state_listen(moonshine_state *s, const moonshine_audio *a) {
    ASSERT(a->frames > 0);
    s->audio = a;
    s->position = 0;
}

static void scale_row(float *row, size_t n, float by) {
    for (size_t i = 0; i < n; i++) {
        row[i] *= by;
    }
}

static void normalise_rows(const moonshine_decoder *m, moonshine_state *s,
                           const float *weight, size_t rows) {
    for (size_t r = 0; r < rows; r++) {
        m->k->normalise(s->x + r * s->width, weight, s->width, s->normal + r * s->width);
    }
    quantise_rows(m, s, s->normal, rows);
}

/* All heads of queries[rows][stride], row r over the first (seen + r * grow) slots; the
 * result goes to s->normal. */
static void attend_rows(const moonshine_decoder *m, moonshine_state *s,
                        const decoder_cache *c, size_t layer, const float *queries,
                        size_t stride, size_t rows, size_t seen, size_t grow) {
    const size_t depth = s->depth;
    for (size_t h = 0; h < DECODER_HEADS; h++) {
        const size_t at = decoder_cache_at(c, layer, h);
        m->k->attend(&(kernels_attention){.queries = queries + h * depth,
                                          .out = s->normal + h * depth,
                                          .rows = rows,
                                          .stride = stride,
                                          .out_stride = s->width,
                                          .keys = c->keys + at,
                                          .values = c->values + at,
                                          .width = depth,
                                          .frames = seen,
                                          .grow = grow,
                                          .scratch = s->scores,
                                          .scratch_stride = c->slots,
                                          .peaks = &s->peaks[0][h]});
    }
    quantise_rows(m, s, s->normal, rows);
}

static void self_attention(const moonshine_decoder *m, moonshine_state *s, size_t layer,
                           size_t rows) {
    const decoder_layer *y = &m->layers[layer];
    const size_t width = s->width, stride = 3 * width;
    const float scale = 1.0f / sqrtf((float)s->depth);
    float *q = s->wide, *k = q + width, *v = k + width;
    normalise_rows(m, s, y->norm_self, rows);
    project(m, s, &y->self_q, rows, q, stride, false);
    project(m, s, &y->self_k, rows, k, stride, false);
    project(m, s, &y->self_v, rows, v, stride, false);
    for (size_t r = 0; r < rows; r++) {
        rope_turn(&m->turns, s->position + r, s->depth, q + r * stride);
        rope_turn(&m->turns, s->position + r, s->depth, k + r * stride);
        scale_row(q + r * stride, width, scale);
    }
    decoder_cache_put_keys(&s->self, layer, s->position, k, rows, stride);
    decoder_cache_put_values(&s->self, layer, s->position, v, rows, stride);
    attend_rows(m, s, &s->self, layer, q, stride, rows, s->position + 1, 1);
    project(m, s, &y->self_out, rows, s->x, width, true);
}

static void cross_attention(const moonshine_decoder *m, moonshine_state *s, size_t layer,
                            size_t rows) {
    const decoder_layer *y = &m->layers[layer];
    const size_t width = s->width;
    normalise_rows(m, s, y->norm_cross, rows);
    project(m, s, &y->cross_q, rows, s->wide, width, false);
    scale_row(s->wide, rows * width, 1.0f / sqrtf((float)s->depth));
    attend_rows(m, s, &s->audio->cache, layer, s->wide, width, rows, s->audio->frames, 0);
    project(m, s, &y->cross_out, rows, s->x, width, true);
}

static void feed_forward(const moonshine_decoder *m, moonshine_state *s, size_t layer,
                         size_t rows) {
    const decoder_layer *y = &m->layers[layer];
    const size_t hidden = s->hidden;
    normalise_rows(m, s, y->norm_mlp, rows);
    project(m, s, &y->up, rows, s->wide, 2 * hidden, false);
    for (size_t r = 0; r < rows; r++) {
        m->k->gate(s->wide + r * 2 * hidden, y->up_bias, hidden, s->narrow);
        s->row[r] = m->k->quantise(s->narrow, hidden, false, s->q + r * hidden);
    }
    project(m, s, &y->down, rows, s->x, s->width, true);
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < s->width; i++) {
            s->x[r * s->width + i] += y->down_bias[i];
        }
    }
}

/* The layers over tokens[rows], rows <= DECODER_ROWS: s->x has the result, and s->peaks
 * where the last layer looked. */
static void run_layers(const moonshine_decoder *m, moonshine_state *s,
                       const int32_t *tokens, size_t rows) {
    ASSERT(s->audio);
    ASSERT(rows <= MOONSHINE_TOKENS_MAX - s->position);
    for (size_t r = 0; r < rows; r++) {
        head_embed(&m->head, tokens[r], s->x + r * s->width);
    }
    for (size_t layer = 0; layer < s->n_layers; layer++) {
        self_attention(m, s, layer, rows);
        cross_attention(m, s, layer, rows);
        feed_forward(m, s, layer, rows);
    }
    s->position += rows;
}

/* Median of the heads' frames: the mean of the two in the middle. */
static uint16_t middle_frame(const size_t *peaks) {
    size_t sorted[DECODER_HEADS];
    for (size_t i = 0; i < DECODER_HEADS; i++) {
        size_t at = i;
        for (; at > 0 && sorted[at - 1] > peaks[i]; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = peaks[i];
    }
    return (uint16_t)((sorted[DECODER_HEADS / 2 - 1] + sorted[DECODER_HEADS / 2]) / 2);
}

/* The vocabulary head over s->x[rows]. */
static void run_head(const moonshine_decoder *m, moonshine_state *s, size_t rows,
                     moonshine_next *out) {
    head_result found[DECODER_ROWS];
    for (size_t r = 0; r < rows; r++) {
        m->k->normalise(s->x + r * s->width, m->norm, s->width, s->normal + r * s->width);
    }
    const head_scratch scratch = {(int8_t *)s->q, s->wide, s->row, s->sieve};
    head_run(m->k, &m->head, s->normal, rows, MOONSHINE_EOS, &scratch, found);
    for (size_t r = 0; r < rows; r++) {
        out[r] = (moonshine_next){.token = found[r].best,
                                  .runner_up = found[r].other,
                                  .probability = found[r].probability,
                                  .frame = middle_frame(s->peaks[r])};
    }
}

void moonshine_step(const moonshine_decoder *m, moonshine_state *s, const int32_t *tokens,
                    size_t n, moonshine_next *out) {
    for (size_t at = 0; at < n; at += DECODER_ROWS) {
        size_t rows = n - at < DECODER_ROWS ? n - at : DECODER_ROWS;
        run_layers(m, s, tokens + at, rows);
        run_head(m, s, rows, out + at);
    }
}

void moonshine_feed(const moonshine_decoder *m, moonshine_state *s, const int32_t *tokens,
                    size_t n, uint16_t *frames) {
    for (size_t at = 0; at < n; at += DECODER_ROWS) {
        size_t rows = n - at < DECODER_ROWS ? n - at : DECODER_ROWS;
        run_layers(m, s, tokens + at, rows);
        for (size_t r = 0; frames && r < rows; r++) {
            frames[at + r] = middle_frame(s->peaks[r]);
        }
    }
}
