#include "engine/moonshine/decoder_head.h"

#include <math.h>
#include <string.h>

#include "base/assert.h"

#define DEVIATIONS 5.0f
#define Q8_MAX KERNELS_Q8_MAX

size_t head_sketch_bytes(size_t tokens, size_t width) {
    return tokens * width / 2 + tokens * sizeof(float);
}

/* The sketch of one weight: 0..15 for -8..7 steps. */
static int sketched(float weight, float per_step) {
    int n = (int)(weight * per_step + 8.5f);
    return n < 0 ? 0 : n > 15 ? 15 : n;
}

/* Sum of squared errors of w[n] at a step. */
static float sketch_error(const float *w, size_t n, float step) {
    const float per_step = 1.0f / step;
    float error = 0;
    for (size_t k = 0; k < n; k++) {
        float e = (float)(sketched(w[k], per_step) - 8) * step - w[k];
        error += e * e;
    }
    return error;
}

/* The step with the least error: what it cuts off the largest weights it gives to the
 * others. */
static float best_step(const float *w, size_t n, float *out_error) {
    static const float shares[] = {1.0f, 0.85f, 0.72f, 0.61f, 0.52f, 0.44f};
    float largest = 1e-6f;
    for (size_t k = 0; k < n; k++) {
        largest = fabsf(w[k]) > largest ? fabsf(w[k]) : largest;
    }
    float best = 0;
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        float step = largest * shares[i] / 7.5f;
        float error = sketch_error(w, n, step);
        if (best == 0 || error < *out_error) {
            best = step;
            *out_error = error;
        }
    }
    return best;
}

void head_draw(decoder_head *h, uint8_t *memory) {
    const size_t width = h->width;
    float w[KERNELS_INPUTS_MAX];
    ASSERT(width <= KERNELS_INPUTS_MAX);
    float *steps = (float *)(void *)(memory + h->tokens * width / 2);
    h->sketch = (kernels_sketch){.packed = memory, .inputs = width, .step = steps};
    memset(memory, 0, h->tokens * width / 2);
    h->noise = h->spread = 0;
    for (size_t n = 0; n < h->tokens; n++) {
        float error = 0, square = 0;
        head_embed(h, (int32_t)n, w);
        const float step = best_step(w, width, &error), per_step = 1.0f / step;
        for (size_t k = 0; k < width; k++) {
            size_t at = kernels_sketch_at(n, k, width);
            memory[at / 2] |= (uint8_t)(sketched(w[k], per_step) << (at % 2 * 4));
            square += w[k] * w[k];
        }
        steps[n] = step;
        h->noise = fmaxf(h->noise, sqrtf(error / (float)width) * per_step);
        h->spread = fmaxf(h->spread, sqrtf(square / 12) * per_step);
    }
}

void head_embed(const decoder_head *h, int32_t token, float *out) {
    ASSERT(token >= 0);
    ASSERT((size_t)token < h->tokens);
    const uint8_t *bytes = h->bytes + (size_t)token * h->width;
    for (size_t i = 0; i < h->width; i++) {
        out[i] = ((float)bytes[i] - h->zero) * h->scale;
    }
}

static kernels_row quantise8(const float *x, size_t n, int8_t *q) {
    float peak = 0;
    for (size_t i = 0; i < n; i++) {
        peak = fabsf(x[i]) > peak ? fabsf(x[i]) : peak;
    }
    const float up = peak > 1e-30f && isfinite(peak) ? Q8_MAX / peak : 0;
    int32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        q[i] = (int8_t)(up > 0 && isfinite(x[i]) ? lrintf(x[i] * up) : 0);
        sum += q[i];
    }
    return (kernels_row){up > 0 ? peak / Q8_MAX : 0, (float)sum, true};
}

static float doubt_of(const decoder_head *h, const float *x, float x_scale) {
    float square = 0;
    for (size_t i = 0; i < h->width; i++) {
        square += x[i] * x[i];
    }
    return DEVIATIONS * (h->noise * sqrtf(square) + h->spread * x_scale);
}

static float exact_logit(const kernels *k, const decoder_head *h, const float *x,
                         int32_t token) {
    return k->dot(x, h->bytes + (size_t)token * h->width, h->zero, h->width) * h->scale;
}

/* The best of what has been computed from the bytes, the barred token apart. */
typedef struct {
    int32_t token;
    float logit;
} settled;

/* Computes what the sieve has kept and empties it. */
static void settle(const kernels *k, const decoder_head *h, const float *x,
                   kernels_sieve *s, settled *best) {
    for (size_t i = 0; i < s->n; i++) {
        float logit = exact_logit(k, h, x, s->at[i]);
        s->total += expf(logit - s->high) - expf(s->logit[i] - s->high);
        if (logit > best->logit) {
            *best = (settled){s->at[i], logit};
        }
    }
    s->floor = fmaxf(s->floor, best->logit);
    s->n = 0;
}

static head_result decide(const kernels *k, const decoder_head *h, const float *x,
                          int32_t barred, const kernels_sieve *s, settled best) {
    const float ended = exact_logit(k, h, x, barred);
    const bool ends = ended > best.logit;
    const float logit = ends ? ended : best.logit;
    const float share = expf(logit - s->high) / (s->total + expf(ended - s->high));
    return (head_result){.best = ends ? barred : best.token,
                         .other = best.token,
                         .probability = share < 1 ? share : 1.0f};
}

/* Folds one block of logits of one row. */
static void fold(const kernels *k, const decoder_head *h, const float *x,
                 const float *logits, size_t first, float doubt, kernels_sieve *s,
                 settled *best) {
    if (s->n + HEAD_BLOCK > KERNELS_KEPT_MAX) {
        kernels_sieve_shake(&h->sketch, doubt, s);
    }
    if (s->n + HEAD_BLOCK > KERNELS_KEPT_MAX) { /* many alike: never seen in speech */
        settle(k, h, x, s, best);
    }
    k->sift(&h->sketch, logits, first, HEAD_BLOCK, doubt, s);
}

void head_run(const kernels *k, const decoder_head *h, const float *x, size_t rows,
              int32_t barred, const head_scratch *scratch, head_result *out) {
    float doubt[KERNELS_SKETCH_ROWS];
    settled best[KERNELS_SKETCH_ROWS];
    ASSERT(rows <= KERNELS_SKETCH_ROWS);
    for (size_t r = 0; r < rows; r++) {
        const float *row = x + r * h->width;
        scratch->row[r] = quantise8(row, h->width, scratch->q + r * h->width);
        doubt[r] = doubt_of(h, row, scratch->row[r].scale);
        best[r] = (settled){0, -INFINITY};
        kernels_sieve_init(&scratch->sieve[r]);
    }
    for (size_t at = 0; at < h->tokens; at += HEAD_BLOCK) {
        k->sketch(&h->sketch, at, HEAD_BLOCK, scratch->q, scratch->row, rows,
                  scratch->logits);
        for (size_t r = 0; r < rows; r++) {
            float *logits = scratch->logits + r * HEAD_BLOCK;
            if (at == 0) {
                logits[barred] = -INFINITY; /* computed apart, whatever its rank */
            }
            fold(k, h, x + r * h->width, logits, at, doubt[r], &scratch->sieve[r],
                 &best[r]);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        const float *row = x + r * h->width;
        kernels_sieve_shake(&h->sketch, doubt[r], &scratch->sieve[r]);
        settle(k, h, row, &scratch->sieve[r], &best[r]);
        out[r] = decide(k, h, row, barred, &scratch->sieve[r], best[r]);
    }
}
