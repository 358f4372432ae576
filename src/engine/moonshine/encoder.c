#include "engine/moonshine/encoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "engine/moonshine/deal.h"
#include "engine/moonshine/decoder.h"
#include "engine/moonshine/encoder_model.h"

#define REACH_SAMPLES 895 /* samples the first frame sees */
#define CHUNK_FRAMES 128  /* frames whose keys and values are allocated together: 3 s */
#define CHUNKS_MAX ((MOONSHINE_FRAMES_MAX + CHUNK_FRAMES - 1) / CHUNK_FRAMES)
#define PART_FRAMES 128 /* frames whose part of the way is remembered: 3 s */
#define STEM_DRIFT 0.01 /* relative change of the norm that makes it worthless */
#define ROWS 48         /* rows of one product: their activations stay in the L2 cache */

/* Rows of conv 1 and conv 2 that one frame needs before the next frame's begin. */
#define ROWS_1 (ENCODER_STRIDE_2 * ENCODER_STRIDE_3)
#define ROWS_2 ENCODER_STRIDE_3

#define SAMPLES_ROUNDED (MOONSHINE_SAMPLES_MAX / ENCODER_STRIDE_1 + 1)

struct encoder_scratch {
    size_t width, hidden, padded;
    float *conv1;  /* [SAMPLES_ROUNDED][width] */
    float *conv2;  /* [2 * MOONSHINE_FRAMES_MAX + 1][2 * width] */
    float *x;      /* [MOONSHINE_FRAMES_MAX][width] the residual stream */
    float *query;  /* [MOONSHINE_FRAMES_MAX + ENCODER_QUERIES][width] */
    float *normal; /* [ROWS][width] */
    float *wide;   /* [ROWS][hidden]; k and v */
    float *scores; /* [ENCODER_QUERIES][CHUNKS_MAX * CHUNK_FRAMES] */
    float *mixed;  /* [ENCODER_QUERIES][padded] */
    float *window; /* [128] */
    int16_t *q;    /* [ROWS][KERNELS_INPUTS_MAX] */
    kernels_row row[ROWS];
    void *memory;
};

struct hearing {
    const moonshine_encoder *encoder;
    size_t kept; /* frames that a next run need not compute */
    size_t
        kept_lower; /* the same for the stem and the lower half of the layers; >= kept */
    float *lower;   /* [PART_FRAMES][width] what those give, of [kept, kept_lower) */
    /* The stem of frames [kept_lower, stem_stop), and the norm it was made with. It
     * depends on the frame's own audio but for that norm, which moves little after a
     * second. */
    size_t stem_stop;
    float *stem; /* [PART_FRAMES][width] */
    double mean, down;
    /* Sums of the rows of conv 1 before those of frame stem_stop. */
    double sum, squares;
    float *states; /* [states_max][width] */
    size_t states_max;
    size_t n_chunks;
    /* Of each layer and head: keys [blocks][depth][8], then, after all keys, of each
     * layer and head values [CHUNK_FRAMES][padded]. */
    float *chunks[CHUNKS_MAX];
};

static void lay_out(encoder_scratch *s, dealer *d) {
    s->conv1 = deal(d, SAMPLES_ROUNDED * s->width);
    s->conv2 = deal(d, (2 * MOONSHINE_FRAMES_MAX + 1) * 2 * s->width);
    s->x = deal(d, MOONSHINE_FRAMES_MAX * s->width);
    s->query = deal(d, (MOONSHINE_FRAMES_MAX + ENCODER_QUERIES) * s->width);
    s->normal = deal(d, ROWS * s->width);
    s->wide = deal(d, ROWS * s->hidden);
    s->scores = deal(d, ENCODER_QUERIES * CHUNKS_MAX * CHUNK_FRAMES);
    s->mixed = deal(d, ENCODER_QUERIES * s->padded);
    s->window = deal(d, 128);
    s->q = (int16_t *)(void *)deal(d, ROWS * KERNELS_INPUTS_MAX / 2);
}

status encoder_scratch_create(const moonshine_encoder *e, encoder_scratch **out) {
    encoder_scratch *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_MEMORY;
    s->width = e->width;
    s->hidden = e->hidden;
    s->padded = e->padded;
    dealer d = {0};
    lay_out(s, &d);
    s->memory =
        aligned_alloc(KERNELS_ALIGN, round_up(d.used * sizeof(float), KERNELS_ALIGN));
    if (!s->memory) {
        free(s);
        return ERR_MEMORY;
    }
    d = (dealer){.block = s->memory};
    lay_out(s, &d);
    *out = s;
    return OK;
}

void encoder_scratch_destroy(encoder_scratch *s) {
    if (!s)
        return;
    free(s->memory);
    free(s);
}

status hearing_create(const moonshine_encoder *e, hearing **out) {
    hearing *h = calloc(1, sizeof *h);
    if (!h)
        return ERR_MEMORY;
    h->stem = malloc(PART_FRAMES * e->width * sizeof *h->stem);
    h->lower = malloc(PART_FRAMES * e->width * sizeof *h->lower);
    if (!h->stem || !h->lower) {
        hearing_destroy(h);
        return ERR_MEMORY;
    }
    h->encoder = e;
    *out = h;
    return OK;
}

void hearing_destroy(hearing *h) {
    if (!h)
        return;
    for (size_t i = 0; i < h->n_chunks; i++)
        free(h->chunks[i]);
    free(h->states);
    free(h->stem);
    free(h->lower);
    free(h);
}

void hearing_restart(hearing *h) {
    h->kept = h->kept_lower = h->stem_stop = 0;
    h->sum = h->squares = 0;
}

static size_t keys_floats(const moonshine_encoder *e) {
    return CHUNK_FRAMES * e->depth;
}

static size_t values_floats(const moonshine_encoder *e) {
    return CHUNK_FRAMES * e->padded;
}

static float *keys_of(const hearing *h, size_t chunk, size_t layer, size_t head) {
    return h->chunks[chunk] + (layer * ENCODER_HEADS + head) * keys_floats(h->encoder);
}

static float *values_of(const hearing *h, size_t chunk, size_t layer, size_t head) {
    const moonshine_encoder *e = h->encoder;
    return h->chunks[chunk] + e->n_layers * ENCODER_HEADS * keys_floats(e) +
           (layer * ENCODER_HEADS + head) * values_floats(e);
}

/* Makes room for `frames`. What a chunk holds beyond its frames must be finite: the last
 * block of keys is multiplied whole. */
static status grow(hearing *h, size_t frames) {
    const moonshine_encoder *e = h->encoder;
    while (h->n_chunks * CHUNK_FRAMES < frames) {
        size_t floats = e->n_layers * ENCODER_HEADS * (keys_floats(e) + values_floats(e));
        h->chunks[h->n_chunks] = calloc(floats, sizeof(float));
        if (!h->chunks[h->n_chunks])
            return ERR_MEMORY;
        h->n_chunks++;
    }
    if (frames > h->states_max) {
        size_t more = round_up(frames, CHUNK_FRAMES);
        float *grown = aligned_alloc(KERNELS_ALIGN, more * e->width * sizeof *grown);
        if (!grown)
            return ERR_MEMORY;
        if (h->kept > 0)
            memcpy(grown, h->states, h->kept * e->width * sizeof *grown);
        free(h->states);
        h->states = grown;
        h->states_max = more;
    }
    return OK;
}

size_t hearing_bytes(const moonshine_encoder *e) {
    size_t frames = round_up(moonshine_frames(MOONSHINE_SAMPLES_MAX), CHUNK_FRAMES);
    size_t chunk = e->n_layers * ENCODER_HEADS * (keys_floats(e) + values_floats(e));
    size_t floats = frames / CHUNK_FRAMES * chunk + 2 * frames * e->width +
                    2 * PART_FRAMES * e->width;
    return sizeof(hearing) + floats * sizeof(float);
}

size_t moonshine_frames(size_t samples) {
    ASSERT(samples >= MOONSHINE_SAMPLES_MIN);
    return (samples - REACH_SAMPLES) / MOONSHINE_FRAME_SAMPLES + 1;
}

/* One run, or half of one. */
typedef struct {
    const moonshine_encoder *e;
    encoder_scratch *s;
    hearing *h;
    size_t from, frames; /* frames [from, frames) are computed */
    float *x;            /* [frames - from][width] their residual stream */
    rostrum_stop stop;
} run;

static bool stopped(const run *r) {
    return r->stop.asked && r->stop.asked(r->stop.context);
}

/* out[rows][stride] (+)= matrix times the rows quantised last. */
static void project(const run *r, const kernels_matrix *x, size_t rows, float *out,
                    size_t stride, bool add) {
    r->e->k->multiply(x, 0, x->outputs, r->s->q, r->s->row, rows, out, stride, add);
}

/* Sums over rows of conv 1. */
typedef struct {
    double sum, squares;
} row_sums;

/* Conv 1 and tanh of rows [0, n) from sample pcm[0] on, added to *sums; *out_at gets what
 * they were before row `mark`. */
static void convolve_1(const run *r, const float *pcm, size_t n, size_t mark,
                       row_sums *sums, row_sums *out_at) {
    const moonshine_encoder *e = r->e;
    encoder_scratch *s = r->s;
    const kernels_matrix *x = &e->conv1.part[0];
    memset(s->window, 0, 128 * sizeof *s->window);
    for (size_t at = 0; at < n; at += ROWS) {
        size_t rows = n - at < ROWS ? n - at : ROWS;
        for (size_t i = 0; i < rows; i++) {
            memcpy(s->window, pcm + (at + i) * ENCODER_STRIDE_1,
                   ENCODER_TAPS_1 * sizeof *pcm);
            s->row[i] = e->k->quantise(s->window, x->inputs, false, s->q + i * x->inputs);
        }
        float *out = s->conv1 + at * e->width;
        project(r, x, rows, out, e->width, false);
        for (size_t i = 0; i < rows; i++) {
            if (at + i == mark)
                *out_at = *sums;
            e->math->tanh_sum(out + i * e->width, e->width, &sums->sum, &sums->squares);
        }
    }
}

/* A convolution over rows of `channels` floats, `stride` rows apart, and gelu. */
static void convolve(const run *r, const encoder_conv *c, const float *in,
                     size_t channels, size_t stride, size_t n, float *out) {
    const moonshine_encoder *e = r->e;
    encoder_scratch *s = r->s;
    size_t outputs = c->part[0].outputs;
    for (size_t at = 0; at < n; at += ROWS) {
        size_t rows = n - at < ROWS ? n - at : ROWS;
        size_t tap = 0;
        for (size_t p = 0; p < c->n_parts; p++) {
            size_t inputs = c->part[p].inputs;
            for (size_t i = 0; i < rows; i++)
                s->row[i] = e->k->quantise(in + ((at + i) * stride + tap) * channels,
                                           inputs, false, s->q + i * inputs);
            project(r, &c->part[p], rows, out + at * outputs, outputs, p > 0);
            tap += c->taps[p];
        }
        for (size_t i = 0; i < rows; i++)
            e->math->gelu(out + (at + i) * outputs, c->bias, outputs);
    }
}

/* The norm's scale and shift for the sums of `rows` rows. */
static void group_norm(const run *r, const row_sums *sums, size_t rows, double *out_mean,
                       double *out_down) {
    double count = (double)rows * (double)r->e->width;
    double mean = sums->sum / count, variance = sums->squares / count - mean * mean;
    *out_mean = mean;
    *out_down = 1.0 / sqrt((variance > 0 ? variance : 0) + 1e-5);
}

/* Conv 2 and 3 of `n` frames from the first rows of s->conv1 on. */
static void convolve_rest(const run *r, double mean, double down, size_t rows, size_t n,
                          float *out) {
    const moonshine_encoder *e = r->e;
    encoder_scratch *s = r->s;
    const size_t width = e->width;
    float *by = s->normal, *plus = s->normal + width;
    for (size_t i = 0; i < width; i++) {
        by[i] = e->group_by[i] * (float)down;
        plus[i] = e->group_plus[i] - (float)mean * by[i];
    }
    for (size_t i = 0; i < rows; i++)
        e->math->affine(s->conv1 + i * width, by, plus, width);
    convolve(r, &e->conv2, s->conv1, width, ENCODER_STRIDE_2, ROWS_2 * n + 1, s->conv2);
    convolve(r, &e->conv3, s->conv2, 2 * width, ENCODER_STRIDE_3, n, out);
}

/* The stem: fills r->x and remembers what the next run may use of it, which
 * will begin at frame `next`. */
static void stem(const run *r, const float *pcm, size_t samples, size_t next) {
    const moonshine_encoder *e = r->e;
    hearing *h = r->h;
    const size_t width = e->width;
    size_t all_rows = (samples - ENCODER_TAPS_1) / ENCODER_STRIDE_1 + 1;
    size_t stop = r->frames - next <= PART_FRAMES ? r->frames : next;
    size_t first = h->stem_stop; /* frame to begin with */
    row_sums sums = {h->sum, h->squares}, at_stop = sums;
    double mean, down;
    convolve_1(r, pcm + first * ROWS_1 * ENCODER_STRIDE_1, all_rows - first * ROWS_1,
               (stop - first) * ROWS_1, &sums, &at_stop);
    group_norm(r, &sums, all_rows, &mean, &down);
    bool drifted =
        fabs(down / h->down - 1) > STEM_DRIFT || fabs(mean - h->mean) * down > STEM_DRIFT;
    if (first > r->from && drifted) {
        row_sums again = {0}, unused = {0};
        first = r->from;
        convolve_1(r, pcm + first * ROWS_1 * ENCODER_STRIDE_1, all_rows - first * ROWS_1,
                   0, &again, &unused);
    }
    memcpy(r->x, h->stem, (first - r->from) * width * sizeof *r->x);
    convolve_rest(r, mean, down, all_rows - first * ROWS_1, r->frames - first,
                  r->x + (first - r->from) * width);
    if (first == r->from) {
        h->mean = mean;
        h->down = down;
    }
    h->sum = at_stop.sum;
    h->squares = at_stop.squares;
    h->stem_stop = stop;
    memcpy(h->stem, r->x + (next - r->from) * width,
           (stop - next) * width * sizeof *r->x);
}

static void put(const run *r, size_t layer, size_t t, const float *key,
                const float *value) {
    const moonshine_encoder *e = r->e;
    size_t chunk = t / CHUNK_FRAMES, at = t % CHUNK_FRAMES;
    for (size_t head = 0; head < ENCODER_HEADS; head++) {
        float *keys = keys_of(r->h, chunk, layer, head) +
                      at / ENCODER_BLOCK * e->depth * ENCODER_BLOCK + at % ENCODER_BLOCK;
        for (size_t i = 0; i < e->depth; i++)
            keys[i * ENCODER_BLOCK] = key[head * e->depth + i];
        memcpy(values_of(r->h, chunk, layer, head) + at * e->padded,
               value + head * e->depth, e->depth * sizeof *value);
    }
}

static void normalise_rows(const run *r, const float *x, const float *weight,
                           size_t rows) {
    const moonshine_encoder *e = r->e;
    encoder_scratch *s = r->s;
    for (size_t i = 0; i < rows; i++) {
        float *normal = s->normal + i * e->width;
        e->k->normalise(x + i * e->width, weight, e->width, normal);
        s->row[i] = e->k->quantise(normal, e->width, false, s->q + i * e->width);
    }
}

/* Queries to s->query, keys and values to the hearing. */
static void ask(const run *r, size_t layer, size_t at, size_t rows) {
    const moonshine_encoder *e = r->e;
    encoder_scratch *s = r->s;
    const encoder_layer *y = &e->layers[layer];
    const size_t width = e->width;
    const float scale = 1.0f / sqrtf((float)e->depth);
    float *query = s->query + at * width, *key = s->wide, *value = s->wide + width;
    normalise_rows(r, r->x + at * width, y->norm_attention, rows);
    project(r, &y->q, rows, query, width, false);
    project(r, &y->k, rows, key, 2 * width, false);
    project(r, &y->v, rows, value, 2 * width, false);
    for (size_t i = 0; i < rows; i++) {
        size_t t = r->from + at + i;
        rope_turn(&e->turns, t, e->depth, query + i * width);
        rope_turn(&e->turns, t, e->depth, key + i * 2 * width);
        for (size_t k = 0; k < width; k++)
            query[i * width + k] *= scale;
        put(r, layer, t, key + i * 2 * width, value + i * 2 * width);
    }
}

/* One head of ENCODER_QUERIES queries over all frames; rows past `rows` are not kept. */
static void attend(const run *r, size_t layer, size_t head, const float *query,
                   size_t rows, float *out) {
    const moonshine_encoder *e = r->e;
    encoder_scratch *s = r->s;
    const size_t stride = CHUNKS_MAX * CHUNK_FRAMES;
    for (size_t t = 0; t < r->frames; t += CHUNK_FRAMES) {
        size_t left = r->frames - t < CHUNK_FRAMES ? r->frames - t : CHUNK_FRAMES;
        e->math->score(query, e->width, keys_of(r->h, t / CHUNK_FRAMES, layer, head),
                       (left + ENCODER_BLOCK - 1) / ENCODER_BLOCK, e->depth,
                       s->scores + t, stride);
    }
    float total[ENCODER_QUERIES];
    for (size_t i = 0; i < ENCODER_QUERIES; i++)
        total[i] = e->math->soften(s->scores + i * stride, r->frames);
    memset(s->mixed, 0, ENCODER_QUERIES * e->padded * sizeof *s->mixed);
    for (size_t t = 0; t < r->frames; t += CHUNK_FRAMES) {
        size_t left = r->frames - t < CHUNK_FRAMES ? r->frames - t : CHUNK_FRAMES;
        e->math->weigh(s->scores + t, stride,
                       values_of(r->h, t / CHUNK_FRAMES, layer, head), left, e->padded,
                       s->mixed);
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < e->depth; k++)
            out[i * e->width + k] = s->mixed[i * e->padded + k] / total[i];
}

/* Attention and the feed-forward part of rows [at, at + rows). */
static void answer(const run *r, size_t layer, size_t at, size_t rows) {
    const moonshine_encoder *e = r->e;
    encoder_scratch *s = r->s;
    const encoder_layer *y = &e->layers[layer];
    const size_t width = e->width, hidden = e->hidden;
    float *x = r->x + at * width;
    for (size_t head = 0; head < ENCODER_HEADS; head++)
        for (size_t i = 0; i < rows; i += ENCODER_QUERIES)
            attend(r, layer, head, s->query + (at + i) * width + head * e->depth,
                   rows - i < ENCODER_QUERIES ? rows - i : ENCODER_QUERIES,
                   s->normal + i * width + head * e->depth);
    for (size_t i = 0; i < rows; i++)
        s->row[i] = e->k->quantise(s->normal + i * width, width, true, s->q + i * width);
    project(r, &y->out, rows, x, width, true);
    normalise_rows(r, x, y->norm_mlp, rows);
    project(r, &y->fc1, rows, s->wide, hidden, false);
    for (size_t i = 0; i < rows; i++) {
        e->math->gelu(s->wide + i * hidden, y->fc1_bias, hidden);
        s->row[i] = e->k->quantise(s->wide + i * hidden, hidden, true, s->q + i * hidden);
    }
    project(r, &y->fc2, rows, x, width, true);
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < width; k++)
            x[i * width + k] += y->fc2_bias[k];
}

static status run_layers(const run *r, size_t first, size_t stop) {
    const size_t fresh = r->frames - r->from;
    for (size_t layer = first; layer < stop; layer++) {
        for (size_t at = 0; at < fresh; at += ROWS)
            ask(r, layer, at, fresh - at < ROWS ? fresh - at : ROWS);
        for (size_t at = 0; at < fresh; at += ROWS) {
            if (stopped(r))
                return ERR_CANCELLED;
            answer(r, layer, at, fresh - at < ROWS ? fresh - at : ROWS);
        }
    }
    return OK;
}

/* Frames kept after a run of `frames` of which the last `settle` may still change. */
static size_t settled(size_t frames, size_t settle, size_t kept) {
    return settle < frames && frames - settle > kept ? frames - settle : kept;
}

/* Computes what h does not keep; *upper gets the run whose x holds the last layer's. */
static status compute(const run *all, const float *pcm, size_t n, size_t next,
                      size_t next_lower, run *upper) {
    const moonshine_encoder *e = all->e;
    hearing *h = all->h;
    const size_t width = e->width, half = e->n_layers / 2;
    run lower = *all;
    *upper = *all;
    upper->x = all->s->x;
    lower.from = h->kept_lower;
    lower.x = upper->x + (lower.from - upper->from) * width;
    stem(&lower, pcm, n, next_lower);
    status result = run_layers(&lower, 0, half);
    if (result != OK)
        return result;
    memcpy(upper->x, h->lower, (lower.from - upper->from) * width * sizeof *h->lower);
    memcpy(h->lower, upper->x + (next - upper->from) * width,
           (next_lower - next) * width * sizeof *h->lower);
    return run_layers(upper, half, e->n_layers);
}

status moonshine_encode(const moonshine_encoder *e, encoder_scratch *s, hearing *h,
                        const float *pcm, size_t n, encoder_settle settle,
                        rostrum_stop stop, const float **out_states, size_t *out_fresh) {
    ASSERT(n >= MOONSHINE_SAMPLES_MIN);
    ASSERT(n <= MOONSHINE_SAMPLES_MAX);
    ASSERT(h->encoder == e);
    ASSERT(settle.lower <= settle.upper);
    size_t frames = moonshine_frames(n);
    ASSERT(frames >= h->kept_lower);
    run r = {.e = e, .s = s, .h = h, .from = h->kept, .frames = frames, .stop = stop};
    size_t next = settled(frames, settle.upper, h->kept);
    size_t next_lower = settled(frames, settle.lower, h->kept_lower);
    if (next_lower > next + PART_FRAMES)
        next_lower =
            next + PART_FRAMES > h->kept_lower ? next + PART_FRAMES : h->kept_lower;
    run upper = r;
    status result = grow(h, frames);
    if (result == OK && h->kept_lower < frames)
        result = compute(&r, pcm, n, next, next_lower, &upper);
    if (result != OK) {
        hearing_restart(h);
        return result;
    }
    for (size_t i = 0; h->kept_lower < frames && r.from + i < frames; i++)
        e->k->normalise(upper.x + i * e->width, e->norm, e->width,
                        h->states + (r.from + i) * e->width);
    *out_states = h->states;
    *out_fresh = h->kept_lower < frames ? r.from : frames;
    if (h->kept_lower < frames) {
        h->kept = next;
        h->kept_lower = next_lower;
    }
    return OK;
}
