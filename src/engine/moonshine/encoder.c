#include "engine/moonshine/encoder.h"

#include <stdlib.h>

#include "base/assert.h"

#define REACH_SAMPLES 895 /* samples the first frame sees */

struct moonshine_encoder {
    ort_session *session;
    size_t width;
};

status moonshine_encoder_load(ort *runtime, const char *path, size_t width,
                              moonshine_encoder **out, diag *d) {
    static const char *const inputs[] = {"input_values"};
    static const char *const outputs[] = {"last_hidden_state"};
    moonshine_encoder *e = calloc(1, sizeof *e);
    if (!e)
        return diag_set(d, ERR_MEMORY, "no memory for the encoder");
    status s = ort_session_load(runtime, path, inputs, 1, outputs, 1, &e->session, d);
    if (s != OK) {
        free(e);
        return s;
    }
    e->width = width;
    *out = e;
    return OK;
}

void moonshine_encoder_destroy(moonshine_encoder *e) {
    if (!e)
        return;
    ort_session_destroy(e->session);
    free(e);
}

size_t moonshine_frames(size_t samples) {
    ASSERT(samples >= MOONSHINE_SAMPLES_MIN);
    return (samples - REACH_SAMPLES) / MOONSHINE_FRAME_SAMPLES + 1;
}

status moonshine_encode(const moonshine_encoder *e, const float *pcm, size_t n, float *states,
                        diag *d) {
    size_t frames = moonshine_frames(n);
    ort_tensor in = {.type = ORT_FLOAT, .rank = 2, .shape = {1, (int64_t)n}};
    in.data = (void *)(uintptr_t)pcm; /* the runtime reads inputs only */
    ort_tensor out = {.type = ORT_FLOAT,
                      .rank = 3,
                      .shape = {1, (int64_t)frames, (int64_t)e->width},
                      .data = states};
    return ort_run(e->session, &in, &out, d);
}
