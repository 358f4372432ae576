/* Plain C: what the other sets are tested against, and what runs where none of them
 * does. Layout [output][input], so that a compiler's own vectors have something to
 * work on. */
#include <math.h>

#include "engine/moonshine/kernels.h"

static size_t place(size_t n, size_t k, size_t k_all) {
    return n * k_all + k;
}

static kernels_row quantise(const float *x, size_t n, bool narrow, int16_t *q) {
    const float limit = narrow ? KERNELS_Q8_MAX : KERNELS_Q_MAX;
    float peak = 0;
    for (size_t i = 0; i < n; i++) {
        float a = fabsf(x[i]);
        peak = a > peak ? a : peak; /* NaN is not larger */
    }
    if (!(peak > 1e-30f) || !isfinite(peak)) {
        for (size_t i = 0; i < n; i++) {
            q[i] = 0;
        }
        return (kernels_row){.narrow = narrow};
    }
    float up = limit / peak;
    int32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        float v = x[i] * up;
        q[i] = v == v ? (int16_t)lrintf(v) : 0;
        sum += q[i];
    }
    return (kernels_row){peak / limit, (float)sum, narrow};
}

static void normalise(const float *x, const float *weight, size_t n, float *out) {
    float mean = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        mean += x[i];
    }
    mean /= (float)n;
    for (size_t i = 0; i < n; i++) {
        square += (x[i] - mean) * (x[i] - mean);
    }
    float down = 1.0f / sqrtf(square / (float)n + 1e-5f);
    for (size_t i = 0; i < n; i++) {
        out[i] = (x[i] - mean) * down * weight[i];
    }
}

static void multiply(const kernels_matrix *w, size_t first, size_t count,
                     const int16_t *q, const kernels_row *row, size_t rows, float *out,
                     size_t out_stride, bool add) {
    for (size_t j = 0; j < count; j++) {
        const int8_t *weight = (const int8_t *)w->packed + (first + j) * w->inputs;
        for (size_t r = 0; r < rows; r++) {
            const int16_t *a = q + r * w->inputs;
            int32_t sum = 0;
            for (size_t k = 0; k < w->inputs; k++) {
                sum += a[k] * weight[k];
            }
            float y = ((float)sum + w->zero * row[r].sum) * (row[r].scale * w->scale);
            float *o = out + r * out_stride + j;
            *o = add ? *o + y : y;
        }
    }
}

static void gate(const float *x, const float *bias, size_t n, float *out) {
    for (size_t i = 0; i < n; i++) {
        float g = x[n + i] + bias[n + i];
        out[i] = g / (1.0f + expf(-g)) * (x[i] + bias[i]);
    }
}

static void attend_row(const kernels_attention *a, size_t r) {
    const float *query = a->queries + r * a->stride;
    const size_t width = a->width, frames = a->frames + r * a->grow;
    float *score = a->scratch + r * a->scratch_stride, *out = a->out + r * a->out_stride;
    size_t peak = 0;
    for (size_t t = 0; t < frames; t++) {
        const float *key = a->keys + t / KERNELS_BLOCK * width * KERNELS_BLOCK;
        score[t] = 0;
        for (size_t d = 0; d < width; d++) {
            score[t] += query[d] * key[d * KERNELS_BLOCK + t % KERNELS_BLOCK];
        }
        peak = score[t] > score[peak] ? t : peak;
    }
    float total = 0;
    const float high = score[peak];
    for (size_t t = 0; t < frames; t++) {
        score[t] = expf(score[t] - high);
        total += score[t];
    }
    for (size_t d = 0; d < width; d++) {
        out[d] = 0;
    }
    for (size_t t = 0; t < frames; t++) {
        for (size_t d = 0; d < width; d++) {
            out[d] += score[t] * a->values[t * width + d];
        }
    }
    for (size_t d = 0; d < width; d++) {
        out[d] /= total;
    }
    a->peaks[r * KERNELS_HEADS] = peak;
}

static void attend(const kernels_attention *a) {
    for (size_t r = 0; r < a->rows; r++) {
        attend_row(a, r);
    }
}

static void sketch(const kernels_sketch *w, size_t first, size_t count, const int8_t *q,
                   const kernels_row *row, size_t rows, float *out) {
    for (size_t j = 0; j < count; j++) {
        const size_t n = first + j;
        const uint8_t *from = w->packed + kernels_sketch_at(n, 0, w->inputs) / 2;
        const unsigned half = n % 16 / 8 * 4;
        int8_t weight[KERNELS_INPUTS_MAX];
        for (size_t k = 0; k < w->inputs; k += 4, from += 32) {
            for (size_t i = 0; i < 4; i++) {
                weight[k + i] = (int8_t)((from[i] >> half & 15) - 8);
            }
        }
        for (size_t r = 0; r < rows; r++) {
            int32_t sum = 0;
            for (size_t k = 0; k < w->inputs; k++) {
                sum += q[r * w->inputs + k] * weight[k];
            }
            out[r * count + j] = (float)sum * row[r].scale * w->step[n];
        }
    }
}

static void sift(const kernels_sketch *w, const float *logits, size_t first, size_t n,
                 float doubt, kernels_sieve *s) {
    const float before = s->high;
    for (size_t i = 0; i < n; i++) {
        float low = logits[i] - w->step[first + i] * doubt;
        s->high = logits[i] > s->high ? logits[i] : s->high;
        s->floor = low > s->floor ? low : s->floor;
    }
    s->total *= expf(before - s->high);
    for (size_t i = 0; i < n; i++) {
        if (logits[i] > s->high - 20) { /* the others are 1e-4 of it together */
            s->total += expf(logits[i] - s->high);
        }
        if (logits[i] + w->step[first + i] * doubt >= s->floor) {
            s->at[s->n] = (int32_t)(first + i);
            s->logit[s->n++] = logits[i];
        }
    }
}

static float dot(const float *x, const uint8_t *bytes, float zero, size_t n) {
    float sum = 0;
    for (size_t k = 0; k < n; k++) {
        sum += x[k] * ((float)bytes[k] - zero);
    }
    return sum;
}

const kernels kernels_scalar = {
    .name = "scalar",
    .place = place,
    .flip = 0x80,
    .quantise = quantise,
    .normalise = normalise,
    .multiply = multiply,
    .gate = gate,
    .attend = attend,
    .sketch = sketch,
    .sift = sift,
    .dot = dot,
};
