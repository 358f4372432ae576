/* Our Silero against ONNX Runtime on the same file. Needs the fetched weights; skips
 * without. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "engine/moonshine/vad.h"
#include "fetched.h"
#if __has_include(<onnxruntime_c_api.h>)
#include "ort.h"
#define HAVE_ORACLE 1
#else
#define HAVE_ORACLE 0
#endif

#define MODEL "models/silero-vad/silero_vad.onnx"

#if HAVE_ORACLE
/* What the graph carries from frame to frame. */
typedef struct {
    float hidden[256];
    float context[64];
} oracle_state;

static float ask_oracle(const ort_session *session, oracle_state *state,
                        const float *pcm) {
    float window[576], next[256], probability = -1;
    int64_t rate = 16000;
    memcpy(window, state->context, sizeof state->context);
    memcpy(window + 64, pcm, 512 * sizeof *pcm);
    const ort_tensor in[] = {{ORT_FLOAT, 2, {1, 576}, window},
                             {ORT_FLOAT, 3, {2, 1, 128}, state->hidden},
                             {ORT_INT64, 0, {0}, &rate}};
    const ort_tensor out[] = {{ORT_FLOAT, 2, {1, 1}, &probability},
                              {ORT_FLOAT, 3, {2, 1, 128}, next}};
    assert_int_equal(ort_run(session, in, out, NULL), OK);
    memcpy(state->hidden, next, sizeof next);
    memcpy(state->context, pcm + 448, sizeof state->context);
    return probability;
}

/* Silence, noise, and a voice-like buzz in turn. */
static void make(float *pcm, size_t frame, uint32_t *seed) {
    static float low, band;
    for (size_t i = 0; i < 512; i++) {
        size_t at = frame * 512 + i;
        *seed = *seed * 1664525u + 1013904223u;
        float noise = (float)(int32_t)*seed / 2147483648.0f;
        float buzz = at % (110 + at / 8000 % 40) == 0 ? 5.0f : 0.02f * noise;
        float f = 0.1f + 0.08f * sinf((float)at * 0.0006f);
        low += f * band;
        band += f * (buzz - low - 0.2f * band);
        pcm[i] = frame / 40 % 3 == 0   ? 0.001f * noise
                 : frame / 40 % 3 == 1 ? 0.3f * band
                                       : 0.1f * noise;
    }
}

static void gives_the_probabilities_of_the_runtime(void **state) {
    (void)state;
    static const char *const in[] = {"input", "state", "sr"};
    static const char *const out[] = {"output", "stateN"};
    char library[1024];
    snprintf(library, sizeof library, "%s", fetched("runtime/libonnxruntime.so"));
    *strrchr(library, '/') = 0;
    ort *o = NULL;
    ort_session *session = NULL;
    silero *v = NULL;
    diag d = DIAG_INIT;
    if (ort_open(library, &o, &d) != OK ||
        ort_session_load(o, fetched(MODEL), in, 3, out, 2, &session, &d) != OK ||
        silero_load(fetched(MODEL), kernels_pick(), &v, &d) != OK)
        fail_msg("%s: %s", d.field, d.text);
    oracle_state theirs = {0};
    silero_state ours = {0};
    uint32_t seed = 5;
    double difference = 0;
    float highest = 0;
    for (size_t frame = 0; frame < 600; frame++) {
        float pcm[512];
        make(pcm, frame, &seed);
        float want = ask_oracle(session, &theirs, pcm), got = silero_step(v, &ours, pcm);
        highest = want > highest ? want : highest;
        difference += fabs((double)(want - got));
        assert_true(fabsf(want - got) < 0.1f);
    }
    assert_true(difference / 600 < 0.01);
    assert_true(highest > 0.5f); /* the voice was heard at all */
    silero_destroy(v);
    ort_session_destroy(session);
    ort_close(o);
}
#else
static void gives_the_probabilities_of_the_runtime(void **state) {
    (void)state;
    print_message("no header of ONNX Runtime to check with\n");
    skip();
}
#endif

static void refuses_a_file_that_is_not_the_model(void **state) {
    (void)state;
    silero *v = NULL;
    diag d = DIAG_INIT;
    assert_int_equal(silero_load("/nonexistent", kernels_pick(), &v, &d), ERR_NOT_FOUND);
    assert_int_equal(
        silero_load(ROSTRUM_SOURCE "/CMakeLists.txt", kernels_pick(), &v, &d),
        ERR_INTEGRITY);
    assert_int_equal(silero_load(fetched("models/moonshine-tiny/encoder_model.onnx"),
                                 kernels_pick(), &v, &d),
                     ERR_INTEGRITY);
    assert_null(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_probabilities_of_the_runtime),
        cmocka_unit_test(refuses_a_file_that_is_not_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
