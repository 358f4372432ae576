/* rostrum-engine-example: 100 ms of sound are one word, "loud" or "quiet"; silence is
 * none. A whole engine without a model: docs/write-an-engine.md. */
#include <math.h>
#include <stdlib.h>

#include "rostrum/engine.h"

struct rostrum_utterance {
    double energy; /* of the word being heard */
    size_t fed, n;
    rostrum_word words[300]; /* 30 s: more is never fed */
};

static int begin(rostrum_model *m, const rostrum_utterance_config *c,
                 rostrum_utterance **out, rostrum_error *e) {
    (void)m, (void)c, (void)e;
    *out = calloc(1, sizeof **out);
    return *out ? ROSTRUM_OK : ROSTRUM_E_MEMORY;
}

static int feed(rostrum_utterance *u, const float *pcm, size_t n, rostrum_error *e) {
    (void)e;
    for (size_t i = 0; i < n; i++) {
        u->energy += pcm[i] * pcm[i];
        if (++u->fed % 1600 != 0)
            continue;
        double rms = sqrt(u->energy / 1600);
        int32_t end_ms = (int32_t)(u->fed / 16);
        if (rms > 0.01 && u->n < 300)
            u->words[u->n++] =
                (rostrum_word){rms > 0.1 ? "loud" : "quiet", end_ms - 100, end_ms, 1};
        u->energy = 0;
    }
    return ROSTRUM_OK;
}

static int step(rostrum_utterance *u, rostrum_hypothesis *out, rostrum_error *e) {
    (void)e; /* the newest word may still change, a recogniser would say */
    *out = (rostrum_hypothesis){u->words, u->n, u->n > 0 ? u->n - 1 : 0};
    return ROSTRUM_OK;
}

static void end(rostrum_utterance *u) {
    free(u);
}

static const rostrum_engine loudness = {.abi = ROSTRUM_ENGINE_ABI,
                                        .name = "example",
                                        .version = "1.0",
                                        .sample_rate_hz = 16000,
                                        .open = begin,
                                        .feed = feed,
                                        .step = step,
                                        .close = end};

int main(int argc, char **argv) {
    return rostrum_engine_main(&loudness, argc, argv);
}
