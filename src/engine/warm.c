#include "engine/warm.h"

#include <stdlib.h>
#include <string.h>

#include "engine/defaults.h"
#include "engine/vad_energy.h"

#define WARM_FRAMES 31 /* 1 s */

static bool never(void *context) {
    (void)context;
    return false;
}

static void make_noise(float *pcm, uint32_t *seed) {
    for (size_t i = 0; i < FRAME_SAMPLES; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        pcm[i] = ((float)(*seed >> 8) / (1 << 24) - 0.5f) * 0.02f;
    }
}

static int decode(const rostrum_engine *engine, rostrum_utterance *utterance, bool second,
                  warm_result *out) {
    float pcm[FRAME_SAMPLES];
    uint32_t seed = 1;
    rostrum_hypothesis hypothesis = {0};
    int code = ROSTRUM_OK;
    for (int i = 0; i < WARM_FRAMES && code == ROSTRUM_OK; i++) {
        make_noise(pcm, &seed);
        code = engine->feed(utterance, pcm, FRAME_SAMPLES, &out->error);
    }
    (void)defaults_due(engine, utterance, WARM_FRAMES * FRAME_SAMPLES, 0);
    if (code == ROSTRUM_OK)
        code = engine->step(utterance, &hypothesis, &out->error);
    if (code == ROSTRUM_OK)
        code = defaults_finish(engine, utterance, &hypothesis, &out->error);
    if (code != ROSTRUM_OK || !second)
        return code;
    code = engine->second_pass(utterance, &hypothesis, &out->error);
    out->second_pass = code == ROSTRUM_OK;
    return code == ROSTRUM_E_MISSING ? ROSTRUM_OK : code;
}

static bool has_vad(const rostrum_engine *engine, rostrum_model *model) {
    void *state = engine->vad ? calloc(1, engine->vad_state_bytes + 1) : NULL;
    if (!state)
        return false;
    float pcm[FRAME_SAMPLES];
    uint32_t seed = 2;
    make_noise(pcm, &seed);
    float p = engine->vad(model, state, pcm);
    free(state);
    return p >= 0;
}

void warm_up(const rostrum_engine *engine, rostrum_model *model, bool second,
             warm_result *out) {
    memset(out, 0, sizeof *out);
    out->vad = has_vad(engine, model);
    rostrum_utterance_config config = {
        .language = "", .prompt = "", .stop = {never, NULL}, .live = true};
    rostrum_utterance *utterance = NULL;
    out->code = engine->open(model, &config, &utterance, &out->error);
    if (out->code != ROSTRUM_OK)
        return;
    out->code = decode(engine, utterance, second, out);
    engine->close(utterance);
}
