#include "engine/moonshine/vad.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/moonshine/encoder_math.h"
#include "engine/moonshine/map.h"
#include "engine/moonshine/weights.h"

#define PREFIX "If_0_then_branch__Inline_0__" /* the branch for 16 kHz */
#define WINDOW 256
#define STRIDE 128
#define SPECTRA 4
#define BINS 129 /* 0 to 128 of 256 */
#define BINS_ROUND 136
#define INPUT (SILERO_CONTEXT_SAMPLES + SILERO_FRAME_SAMPLES)
#define MIRRORED 64
#define GATES (4 * SILERO_UNITS)

/* A convolution of 3 taps over time with a margin of 1, as products: weights
 * [3 * inputs][outputs]. */
typedef struct {
    size_t inputs, outputs;
    uint16_t *w;
    float *bias;
} conv;

struct silero {
    const encoder_math *math;
    uint16_t *cosines; /* [BINS inputs][BINS_ROUND] of sums, windowed */
    uint16_t *sines;   /* [BINS inputs][BINS_ROUND] of differences */
    conv convs[4];
    uint16_t
        *gates; /* [2 * SILERO_UNITS][GATES]: of the input, then of the last output */
    float *gates_bias;
    float last[SILERO_UNITS];
    float last_bias;
};

/* Rounded to nearest, ties to even. Weights are finite. */
static uint16_t half_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* A constant as aligned, finite floats; the caller frees them. */
static status floats_of(const weights *w, const char *name, size_t n, float **out,
                        diag *d) {
    char whole[128];
    const weights_tensor *t;
    const uint8_t *data;
    snprintf(whole, sizeof whole, PREFIX "%s", name);
    status s = weights_named(w, whole, &t, d);
    if (s == OK)
        s = weights_data(t, WEIGHTS_F32, n, whole, &data, d);
    if (s != OK)
        return s;
    float *floats = malloc(n * sizeof *floats);
    if (!floats)
        return diag_set(d, ERR_MEMORY, "no memory for voice activity");
    memcpy(floats, data, n * sizeof *floats);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(floats[i])) {
            free(floats);
            return diag_field(d, ERR_INTEGRITY, whole, "a number is not finite");
        }
    *out = floats;
    return OK;
}

/* The windowed sines and cosines, folded. */
static status load_basis(const weights *w, silero *v, diag *d) {
    float *basis = NULL; /* [2 * BINS][WINDOW] */
    status s =
        floats_of(w, "stft.forward_basis_buffer", (size_t)2 * BINS * WINDOW, &basis, d);
    v->cosines = calloc((size_t)BINS * BINS_ROUND, sizeof *v->cosines);
    v->sines = calloc((size_t)BINS * BINS_ROUND, sizeof *v->sines);
    if (s == OK && (!v->cosines || !v->sines))
        s = diag_set(d, ERR_MEMORY, "no memory for voice activity");
    for (size_t k = 0; s == OK && k < BINS; k++)
        for (size_t i = 0; i < BINS; i++) {
            const float *even = basis + k * WINDOW, *odd = basis + (BINS + k) * WINDOW;
            size_t mirror = (WINDOW - i) % WINDOW;
            if (fabsf(even[i] - even[mirror]) > 1e-4f ||
                fabsf(odd[i] + odd[mirror]) > 1e-4f)
                s = diag_set(d, ERR_INTEGRITY, "the spectrum's basis is not symmetric");
            v->cosines[i * BINS_ROUND + k] = half_of(even[i]);
            v->sines[i * BINS_ROUND + k] = half_of(odd[i]);
        }
    free(basis);
    return s;
}

static status load_conv(const weights *w, size_t which, size_t inputs, size_t outputs,
                        conv *c, diag *d) {
    char name[64];
    float *file = NULL; /* [outputs][inputs][3] */
    *c = (conv){.inputs = inputs, .outputs = outputs};
    snprintf(name, sizeof name, "encoder.%zu.reparam_conv.weight", which);
    status s = floats_of(w, name, outputs * inputs * 3, &file, d);
    snprintf(name, sizeof name, "encoder.%zu.reparam_conv.bias", which);
    if (s == OK)
        s = floats_of(w, name, outputs, &c->bias, d);
    if (s == OK) {
        c->w = malloc(3 * inputs * outputs * sizeof *c->w);
        if (!c->w)
            s = diag_set(d, ERR_MEMORY, "no memory for voice activity");
    }
    for (size_t o = 0; s == OK && o < outputs; o++)
        for (size_t i = 0; i < inputs; i++)
            for (size_t tap = 0; tap < 3; tap++)
                c->w[(tap * inputs + i) * outputs + o] =
                    half_of(file[(o * inputs + i) * 3 + tap]);
    free(file);
    return s;
}

static status load_gates(const weights *w, silero *v, diag *d) {
    float *in = NULL, *again = NULL, *bias = NULL, *last = NULL;
    status s = floats_of(w, "decoder.rnn.weight_ih", GATES * SILERO_UNITS, &in, d);
    if (s == OK)
        s = floats_of(w, "decoder.rnn.weight_hh", GATES * SILERO_UNITS, &again, d);
    if (s == OK)
        s = floats_of(w, "decoder.rnn.bias_ih", GATES, &v->gates_bias, d);
    if (s == OK)
        s = floats_of(w, "decoder.rnn.bias_hh", GATES, &bias, d);
    if (s == OK) {
        v->gates = malloc((size_t)2 * SILERO_UNITS * GATES * sizeof *v->gates);
        if (!v->gates)
            s = diag_set(d, ERR_MEMORY, "no memory for voice activity");
    }
    for (size_t o = 0; s == OK && o < GATES; o++) {
        v->gates_bias[o] += bias[o];
        for (size_t i = 0; i < SILERO_UNITS; i++) {
            v->gates[i * GATES + o] = half_of(in[o * SILERO_UNITS + i]);
            v->gates[(SILERO_UNITS + i) * GATES + o] =
                half_of(again[o * SILERO_UNITS + i]);
        }
    }
    free(in);
    free(again);
    free(bias);
    if (s == OK)
        s = floats_of(w, "decoder.decoder.2.weight", SILERO_UNITS, &last, d);
    if (s == OK)
        memcpy(v->last, last, sizeof v->last);
    free(last);
    last = NULL;
    if (s == OK)
        s = floats_of(w, "decoder.decoder.2.bias", 1, &last, d);
    if (s == OK)
        v->last_bias = last[0];
    free(last);
    return s;
}

status silero_load(const char *path, const kernels *set, silero **out, diag *d) {
    static const size_t widths[] = {BINS, 128, 64, 64, SILERO_UNITS};
    map file;
    status s = map_open(path, &file, d);
    if (s != OK)
        return s;
    weights w = {0};
    silero *v = calloc(1, sizeof *v);
    if (!v)
        s = diag_set(d, ERR_MEMORY, "no memory for voice activity");
    else
        v->math = encoder_math_for(set);
    if (s == OK)
        s = weights_parse(file.data, file.size, &w, d);
    if (s == OK)
        s = load_basis(&w, v, d);
    for (size_t i = 0; s == OK && i < 4; i++)
        s = load_conv(&w, i, widths[i], widths[i + 1], &v->convs[i], d);
    if (s == OK)
        s = load_gates(&w, v, d);
    weights_deinit(&w);
    map_close(&file);
    if (s != OK) {
        silero_destroy(v);
        return s;
    }
    *out = v;
    return OK;
}

void silero_destroy(silero *v) {
    if (!v)
        return;
    for (size_t i = 0; i < 4; i++) {
        free(v->convs[i].w);
        free(v->convs[i].bias);
    }
    free(v->cosines);
    free(v->sines);
    free(v->gates);
    free(v->gates_bias);
    free(v);
}

/* Magnitudes of the spectra into rows of BINS. */
static void spectra(const silero *v, const float *input, float *out) {
    float sums[SPECTRA][BINS], differences[SPECTRA][BINS];
    float even[SPECTRA][BINS_ROUND] = {0}, odd[SPECTRA][BINS_ROUND] = {0};
    for (size_t t = 0; t < SPECTRA; t++) {
        const float *x = input + t * STRIDE;
        sums[t][0] = x[0];
        differences[t][0] = 0;
        for (size_t i = 1; i < BINS; i++) {
            sums[t][i] = x[i] + x[WINDOW - i];
            differences[t][i] = x[i] - x[WINDOW - i];
        }
        sums[t][BINS - 1] = x[BINS - 1]; /* the middle is its own mirror */
    }
    v->math->dense(sums[0], BINS, SPECTRA, BINS, v->cosines, BINS_ROUND, even[0],
                   BINS_ROUND);
    v->math->dense(differences[0], BINS, SPECTRA, BINS, v->sines, BINS_ROUND, odd[0],
                   BINS_ROUND);
    for (size_t t = 0; t < SPECTRA; t++)
        for (size_t k = 0; k < BINS; k++)
            out[t * BINS + k] = sqrtf(even[t][k] * even[t][k] + odd[t][k] * odd[t][k]);
}

/* One convolution and relu. in and out have a row of zeros before and after theirs. */
static void convolve(const silero *v, const conv *c, const float *in, size_t stride,
                     size_t rows, float *out) {
    memset(out, 0, (rows + 2) * c->outputs * sizeof *out);
    float *first = out + c->outputs;
    for (size_t r = 0; r < rows; r++)
        memcpy(first + r * c->outputs, c->bias, c->outputs * sizeof *out);
    v->math->dense(in, stride * c->inputs, rows, 3 * c->inputs, c->w, c->outputs, first,
                   c->outputs);
    for (size_t i = 0; i < rows * c->outputs; i++)
        first[i] = first[i] > 0 ? first[i] : 0;
}

static float sigmoid(float x) {
    return 1.0f / (1.0f + expf(-x));
}

/* Turns state->out into the LSTM's next output; x is its input. */
static void remember(const silero *v, silero_state *state, const float *x) {
    float gates[GATES], both[2 * SILERO_UNITS];
    memcpy(gates, v->gates_bias, sizeof gates);
    memcpy(both, x, SILERO_UNITS * sizeof *x);
    memcpy(both + SILERO_UNITS, state->out, sizeof state->out);
    v->math->dense(both, 2 * SILERO_UNITS, 1, 2 * SILERO_UNITS, v->gates, GATES, gates,
                   GATES);
    for (size_t i = 0; i < SILERO_UNITS; i++) {
        float in = sigmoid(gates[i]), forget = sigmoid(gates[SILERO_UNITS + i]);
        float news = tanhf(gates[2 * SILERO_UNITS + i]);
        float show = sigmoid(gates[3 * SILERO_UNITS + i]);
        state->cell[i] = forget * state->cell[i] + in * news;
        state->out[i] = show * tanhf(state->cell[i]);
    }
}

float silero_step(const silero *v, silero_state *state, const float *pcm) {
    float input[INPUT + MIRRORED];
    float a[(SPECTRA + 2) * BINS_ROUND] = {0}, b[(SPECTRA + 2) * BINS_ROUND];
    memcpy(input, state->context, sizeof state->context);
    memcpy(input + SILERO_CONTEXT_SAMPLES, pcm, SILERO_FRAME_SAMPLES * sizeof *pcm);
    for (size_t i = 0; i < MIRRORED; i++)
        input[INPUT + i] = input[INPUT - 2 - i];
    spectra(v, input, a + BINS);
    convolve(v, &v->convs[0], a, 1, 4, b);
    convolve(v, &v->convs[1], b, 2, 2, a);
    convolve(v, &v->convs[2], a, 2, 1, b);
    convolve(v, &v->convs[3], b, 1, 1, a);
    remember(v, state, a + SILERO_UNITS);
    memcpy(state->context, pcm + SILERO_FRAME_SAMPLES - SILERO_CONTEXT_SAMPLES,
           sizeof state->context);
    float logit = v->last_bias;
    for (size_t i = 0; i < SILERO_UNITS; i++)
        logit += v->last[i] * (state->out[i] > 0 ? state->out[i] : 0);
    return sigmoid(logit);
}
