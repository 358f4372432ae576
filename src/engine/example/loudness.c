/* rostrum-engine-example: hears how loud it is. 100 ms of sound are one word: "loud" or
 * "quiet"; silence is none. No model, no files: a whole engine to start from. */
#include <math.h>
#include <stdlib.h>

#include "rostrum/engine.h"

#define WORD_SAMPLES 1600 /* 100 ms */
#define WORDS_MAX 300     /* 30 s, more is never fed */

struct rostrum_model {
    float loud; /* root mean square from which a sound is loud */
};

struct rostrum_utterance {
    const rostrum_model *model;
    double energy; /* of the word that is being heard */
    size_t heard;  /* its samples */
    size_t fed;    /* all samples */
    size_t stepped;
    size_t n;
    rostrum_word words[WORDS_MAX];
};

static int load(const rostrum_load_config *config, rostrum_model **out,
                rostrum_error *error) {
    (void)error;
    rostrum_model *m = calloc(1, sizeof *m);
    if (!m)
        return ROSTRUM_E_MEMORY;
    m->loud = 0.1f;
    for (size_t i = 0; i < config->n_settings; i++)
        if (config->settings[i].key[0] == 'l')
            m->loud = strtof(config->settings[i].value, NULL);
    *out = m;
    return ROSTRUM_OK;
}

static int open_utterance(rostrum_model *model, const rostrum_utterance_config *config,
                          rostrum_utterance **out, rostrum_error *error) {
    (void)config, (void)error;
    rostrum_utterance *u = calloc(1, sizeof *u);
    if (!u)
        return ROSTRUM_E_MEMORY;
    u->model = model;
    *out = u;
    return ROSTRUM_OK;
}

static int feed(rostrum_utterance *u, const float *pcm, size_t n, rostrum_error *error) {
    (void)error;
    for (size_t i = 0; i < n; i++) {
        u->energy += pcm[i] * pcm[i];
        u->fed++;
        if (++u->heard < WORD_SAMPLES)
            continue;
        float rms = (float)sqrt(u->energy / WORD_SAMPLES);
        int32_t end_ms = (int32_t)(u->fed / 16);
        const char *text = rms >= u->model->loud ? "loud" : "quiet";
        if (rms > 0.01f && u->n < WORDS_MAX)
            u->words[u->n++] = (rostrum_word){text, end_ms - 100, end_ms, 1};
        u->energy = 0;
        u->heard = 0;
    }
    return ROSTRUM_OK;
}

static bool due(const rostrum_utterance *u, rostrum_pressure pressure) {
    size_t hop = pressure.load < 0.8f ? 4800 : 9600; /* 300 ms, 600 ms when pressed */
    return u->fed - u->stepped >= hop;
}

/* The newest word may be called tentative: a recogniser would still change its mind. */
static int step(rostrum_utterance *u, rostrum_hypothesis *out, rostrum_error *error) {
    (void)error;
    u->stepped = u->fed;
    *out = (rostrum_hypothesis){u->words, u->n, u->n > 0 ? u->n - 1 : 0};
    return ROSTRUM_OK;
}

static int finish(rostrum_utterance *u, rostrum_hypothesis *out, rostrum_error *error) {
    (void)error;
    *out = (rostrum_hypothesis){u->words, u->n, u->n};
    return ROSTRUM_OK;
}

static void close_utterance(rostrum_utterance *u) {
    free(u);
}

static void unload(rostrum_model *model) {
    free(model);
}

static const rostrum_engine loudness = {
    .abi = ROSTRUM_ENGINE_ABI,
    .name = "example",
    .version = "1.0",
    .sample_rate_hz = 16000,
    .load = load,
    .unload = unload,
    .open = open_utterance,
    .feed = feed,
    .due = due,
    .step = step,
    .finish = finish,
    .close = close_utterance,
};

int main(int argc, char **argv) {
    return rostrum_engine_main(&loudness, argc, argv);
}
