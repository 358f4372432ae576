#include "engine/moonshine/vad.h"

#include <stdlib.h>
#include <string.h>

struct silero {
    ort_session *session;
};

status silero_load(ort *runtime, const char *path, silero **out, diag *d) {
    static const char *const inputs[] = {"input", "state", "sr"};
    static const char *const outputs[] = {"output", "stateN"};
    silero *v = calloc(1, sizeof *v);
    if (!v)
        return diag_set(d, ERR_MEMORY, "no memory for voice activity");
    status s = ort_session_load(runtime, path, inputs, 3, outputs, 2, &v->session, d);
    if (s != OK) {
        free(v);
        return s;
    }
    *out = v;
    return OK;
}

void silero_destroy(silero *v) {
    if (!v)
        return;
    ort_session_destroy(v->session);
    free(v);
}

status silero_step(const silero *v, silero_state *state, const float *pcm, float *out,
                   diag *d) {
    float window[SILERO_CONTEXT_SAMPLES + SILERO_FRAME_SAMPLES];
    float next[SILERO_HIDDEN];
    float probability = 0;
    int64_t rate = 16000;
    memcpy(window, state->context, sizeof state->context);
    memcpy(window + SILERO_CONTEXT_SAMPLES, pcm, SILERO_FRAME_SAMPLES * sizeof *pcm);
    const ort_tensor in[] = {
        {ORT_FLOAT, 2, {1, SILERO_CONTEXT_SAMPLES + SILERO_FRAME_SAMPLES}, window},
        {ORT_FLOAT, 3, {2, 1, 128}, state->hidden},
        {ORT_INT64, 0, {0}, &rate},
    };
    const ort_tensor result[] = {
        {ORT_FLOAT, 2, {1, 1}, &probability},
        {ORT_FLOAT, 3, {2, 1, 128}, next},
    };
    status s = ort_run(v->session, in, result, d);
    if (s != OK)
        return s;
    memcpy(state->hidden, next, sizeof next);
    memcpy(state->context, pcm + SILERO_FRAME_SAMPLES - SILERO_CONTEXT_SAMPLES,
           sizeof state->context);
    *out = probability;
    return OK;
}
