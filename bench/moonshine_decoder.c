/* bench_moonshine_decoder MODEL.onnx [SECONDS]: what a token costs.
 *
 * For each set of kernels this processor runs: milliseconds of CPU time a call for 1..32
 * tokens in one call, with the head and without, over SECONDS (4) of audio; products and
 * bytes of weights a second; and the cost of new audio. What stands for the encoder's
 * states is noise: no kernel's time depends on its values. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/moonshine/decoder_model.h"

#define FRAMES_A_SECOND 41.67
#define PAST 20      /* tokens in the cache before each call */
#define ROUNDS_S 0.4 /* s of measuring a row */

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct {
    const moonshine_decoder *m;
    moonshine_state *s;
    moonshine_audio *a;
    const float *states;
    size_t frames;
} subject;

static double layer_products(const moonshine_decoder *m) {
    double width = (double)m->width, hidden = (double)m->hidden;
    return (double)m->n_layers * (6 * width * width + 3 * hidden * width);
}

static double head_products(const moonshine_decoder *m) {
    return (double)m->width * DECODER_VOCABULARY;
}

static double step_ms(const subject *b, size_t n, int head) {
    int32_t tokens[32];
    moonshine_next next[32];
    for (size_t i = 0; i < n; i++) {
        tokens[i] = (int32_t)(1000 + 37 * i);
    }
    double spent = 0;
    size_t rounds = 0;
    while (spent < ROUNDS_S || rounds < 3) {
        double start = now_s();
        if (head) {
            moonshine_step(b->m, b->s, tokens, n, next);
        } else {
            moonshine_feed(b->m, b->s, tokens, n, NULL);
        }
        spent += now_s() - start;
        rounds++;
        moonshine_rewind(b->s, PAST);
    }
    return spent / (double)rounds * 1e3;
}

static double begin_ms(const subject *b) {
    double spent = 0;
    size_t rounds = 0;
    while (spent < ROUNDS_S) {
        double start = now_s();
        if (moonshine_audio_update(b->m, b->s, b->a, b->states, b->frames, 0) != OK)
            return NAN;
        moonshine_state_listen(b->s, b->a);
        spent += now_s() - start;
        rounds++;
    }
    return spent / (double)rounds * 1e3;
}

static void bench(const subject *b) {
    static const size_t sizes[] = {1, 2, 4, 6, 8, 12, 16, 32};
    static int32_t past[PAST];
    printf("%s, width %zu, %zu frames: new audio %.2f ms\n", b->m->k->name, b->m->width,
           b->frames, begin_ms(b));
    moonshine_feed(b->m, b->s, past, PAST, NULL);
    printf("  tokens  step ms  feed ms  head ms  G products/s  GB/s of weights\n");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t n = sizes[i];
        double step = step_ms(b, n, 1), feed = step_ms(b, n, 0);
        double passes = (double)((n + DECODER_ROWS - 1) / DECODER_ROWS);
        double made = layer_products(b->m) + head_products(b->m);
        double read = layer_products(b->m) + head_products(b->m) / 2; /* bytes */
        printf("  %6zu  %7.3f  %7.3f  %7.3f  %12.1f  %15.1f\n", n, step, feed,
               step - feed, made * (double)n / step * 1e-6, read * passes / step * 1e-6);
    }
}

static int bench_set(const char *path, const kernels *set, size_t frames) {
    subject b = {.frames = frames};
    moonshine_decoder *m = NULL;
    diag d = DIAG_INIT;
    if (moonshine_decoder_load(path, set, &m, &d) != OK) {
        char text[512];
        fprintf(stderr, "%s\n", diag_format(&d, text, sizeof text));
        return 1;
    }
    b.m = m;
    float *states = malloc(frames * m->width * sizeof *states);
    int failed = !states || moonshine_state_create(m, &b.s) != OK ||
                 moonshine_audio_create(m, &b.a) != OK;
    if (!failed) {
        uint32_t seed = 1;
        for (size_t i = 0; i < frames * m->width; i++) {
            seed = seed * 1664525u + 1013904223u;
            states[i] = (float)(int32_t)seed * 0x1p-31f;
        }
        b.states = states;
        bench(&b);
    }
    moonshine_state_destroy(b.s);
    moonshine_audio_destroy(b.a);
    free(states);
    moonshine_decoder_destroy(m);
    return failed;
}

int main(int argc, char **argv) {
    static const char *const names[] = {"avx512vnni", "avx2", "scalar"};
    double seconds = argc > 2 ? atof(argv[2]) : 4;
    if (argc < 2 || !(seconds > 0.03 && seconds <= 30)) {
        fprintf(stderr, "usage: %s decoder_model_merged.onnx [SECONDS, at most 30]\n",
                argv[0]);
        return 2;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const kernels *set = kernels_named(names[i]);
        if (set && bench_set(argv[1], set, (size_t)(seconds * FRAMES_A_SECOND))) {
            return 3;
        }
    }
    return 0;
}
