/* Our encoder against ONNX Runtime on the same file, and what a growing piece keeps.
 * Needs the fetched weights; skips without. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "engine/moonshine/encoder_model.h"
#include "fetched.h"
#if __has_include(<onnxruntime_c_api.h>)
#include "ort.h"
#define HAVE_ORACLE 1
#else
#define HAVE_ORACLE 0
#endif

#define SAMPLES 40000 /* 2.5 s */

static float pcm[SAMPLES];

/* Something with the rise and fall of speech: a buzz through moving resonances. */
static int make_sound(void **state) {
    (void)state;
    uint32_t r = 1;
    float low = 0, band = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        float t = (float)i / 16000.0f;
        r = r * 1664525u + 1013904223u;
        float noise = (float)(int32_t)r / 2147483648.0f;
        float buzz = i % (100 + (i / 4000) * 9) == 0 ? 6.0f : 0.05f * noise;
        float f = 0.1f + 0.08f * sinf(9.0f * t);
        low += f * band;
        band += f * (buzz - low - 0.3f * band);
        pcm[i] = 0.12f * band * (0.6f + 0.4f * sinf(20.0f * t));
    }
    return 0;
}

typedef struct {
    moonshine_encoder *e;
    encoder_scratch *s;
    hearing *h;
} ear;

static ear listen_with(const char *model, const kernels *set) {
    char rest[128];
    ear x = {0};
    diag d = DIAG_INIT;
    snprintf(rest, sizeof rest, "models/%s/encoder_model.onnx", model);
    if (moonshine_encoder_load(fetched(rest), set, &x.e, &d) != OK)
        fail_msg("%s: %s", d.field, d.text);
    assert_int_equal(encoder_scratch_create(x.e, &x.s), OK);
    assert_int_equal(hearing_create(x.e, &x.h), OK);
    return x;
}

static ear listen(const char *model) {
    return listen_with(model, kernels_pick());
}

static void leave(ear *x) {
    hearing_destroy(x->h);
    encoder_scratch_destroy(x->s);
    moonshine_encoder_destroy(x->e);
}

/* A copy of the states of the first n samples. */
static float *hear(ear *x, size_t n, size_t settle, size_t *out_fresh) {
    encoder_settle both = {.lower = settle == SIZE_MAX ? settle : settle / 2,
                           .upper = settle};
    rostrum_stop never = {0};
    const float *states = NULL;
    size_t fresh = 0;
    assert_int_equal(
        moonshine_encode(x->e, x->s, x->h, pcm, n, both, never, &states, &fresh), OK);
    size_t floats = moonshine_frames(n) * moonshine_encoder_width(x->e);
    float *copy = malloc(floats * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, states, floats * sizeof *copy);
    if (out_fresh)
        *out_fresh = fresh;
    return copy;
}

/* Cosine of the angle between rows, the smallest of all. */
static double likeness(const float *a, const float *b, size_t rows, size_t width) {
    double least = 1;
    for (size_t i = 0; i < rows; i++, a += width, b += width) {
        double ab = 0, aa = 0, bb = 0;
        for (size_t k = 0; k < width; k++) {
            ab += (double)a[k] * (double)b[k];
            aa += (double)a[k] * (double)a[k];
            bb += (double)b[k] * (double)b[k];
        }
        double cosine = ab / sqrt(aa * bb);
        if (!(cosine >= least))
            least = cosine;
    }
    return least;
}

#if HAVE_ORACLE
static void agrees_with_the_runtime(const char *model) {
    ear x = listen(model);
    char rest[128];
    snprintf(rest, sizeof rest, "models/%s/encoder_model.onnx", model);
    static char library[1024];
    snprintf(library, sizeof library, "%s", fetched("runtime/libonnxruntime.so"));
    *strrchr(library, '/') = 0;
    static const char *const in_name[] = {"input_values"};
    static const char *const out_name[] = {"last_hidden_state"};
    ort *o = NULL;
    ort_session *session = NULL;
    diag d = DIAG_INIT;
    if (ort_open(library, &o, &d) != OK ||
        ort_session_load(o, fetched(rest), in_name, 1, out_name, 1, &session, &d) != OK)
        fail_msg("%s", d.text);
    static const size_t lengths[] = {MOONSHINE_SAMPLES_MIN, 1663, 16000, SAMPLES};
    size_t width = moonshine_encoder_width(x.e);
    for (size_t i = 0; i < 4; i++) {
        size_t n = lengths[i], frames = moonshine_frames(n);
        float *want = malloc(frames * width * sizeof *want);
        const ort_tensor in = {ORT_FLOAT, 2, {1, (int64_t)n}, pcm};
        const ort_tensor out = {ORT_FLOAT, 3, {1, (int64_t)frames, (int64_t)width}, want};
        assert_int_equal(ort_run(session, &in, &out, &d), OK);
        hearing_restart(x.h);
        float *got = hear(&x, n, SIZE_MAX, NULL);
        /* The runtime quantises activations to 8 bits a tensor, we to 14 a row. */
        double like = likeness(got, want, frames, width);
        if (!(like > 0.97))
            fail_msg("%s, %zu samples: likeness %.4f", model, n, like);
        free(got);
        free(want);
    }
    ort_session_destroy(session);
    ort_close(o);
    leave(&x);
}
#else
static void agrees_with_the_runtime(const char *model) {
    print_message("no header of ONNX Runtime to check %s with\n", model);
    skip();
}
#endif

static void gives_what_the_runtime_gives_tiny(void **state) {
    (void)state;
    agrees_with_the_runtime("moonshine-tiny");
}

static void gives_what_the_runtime_gives_base(void **state) {
    (void)state;
    agrees_with_the_runtime("moonshine-base");
}

/* Plain C, AVX2 and VNNI as far as the processor has them: near each other, and the last
 * two, which make exact sums and the same floats of them, not a bit apart. */
static void compare_sets(const char *model) {
    static const char *const names[] = {"avx2", "avx512vnni"};
    ear plain = listen_with(model, kernels_named("scalar"));
    size_t width = moonshine_encoder_width(plain.e), frames = moonshine_frames(12000);
    float *want = hear(&plain, 12000, SIZE_MAX, NULL), *avx2 = NULL;
    for (size_t i = 0; i < 2; i++) {
        const kernels *set = kernels_named(names[i]);
        if (!set) {
            print_message("not on this processor: %s\n", names[i]);
            continue;
        }
        ear x = listen_with(model, set);
        float *got = hear(&x, 12000, SIZE_MAX, NULL);
        double like = likeness(got, want, frames, width);
        if (!(like > 0.999)) /* last bits of floats turn roundings to 8 bits */
            fail_msg("%s, %s: likeness %.6f", model, names[i], like);
        if (avx2)
            assert_memory_equal(got, avx2, frames * width * sizeof *got);
        free(avx2);
        avx2 = got;
        leave(&x);
    }
    free(avx2);
    free(want);
    leave(&plain);
}

static void computes_the_same_with_every_set_of_instructions(void **state) {
    (void)state;
    compare_sets("moonshine-tiny");
    compare_sets("moonshine-base");
}

static void hears_a_growing_piece_exactly_when_nothing_settles(void **state) {
    (void)state;
    ear x = listen("moonshine-tiny"), fresh = listen("moonshine-tiny");
    size_t first = 1;
    for (size_t n = 8000; n <= SAMPLES; n += 7999) {
        float *grown = hear(&x, n, SIZE_MAX, &first), *once;
        hearing_restart(fresh.h);
        once = hear(&fresh, n, SIZE_MAX, NULL);
        assert_int_equal(first, 0);
        assert_memory_equal(grown, once, moonshine_frames(n) * 288 * sizeof *once);
        free(grown);
        free(once);
    }
    leave(&x);
    leave(&fresh);
}

static void keeps_settled_frames_and_stays_near_the_exact_ones(void **state) {
    (void)state;
    ear x = listen("moonshine-tiny"), exact = listen("moonshine-tiny");
    float *before = NULL;
    size_t kept = 0;
    for (size_t n = 9000; n <= SAMPLES; n += 7000) {
        size_t first = 0, frames = moonshine_frames(n);
        float *now = hear(&x, n, 20, &first);
        assert_int_equal(first, kept);
        if (before)
            assert_memory_equal(now, before, kept * 288 * sizeof *now);
        hearing_restart(exact.h);
        float *want = hear(&exact, n, SIZE_MAX, NULL);
        assert_true(likeness(now, want, frames, 288) > 0.5);
        assert_true(likeness(now + kept * 288, want + kept * 288, frames - kept, 288) >
                    0.8);
        free(want);
        free(before);
        before = now;
        kept = frames > 20 ? frames - 20 : 0;
    }
    free(before);
    leave(&x);
    leave(&exact);
}

static bool at_once(void *context) {
    (void)context;
    return true;
}

static void gives_up_when_asked_and_starts_anew(void **state) {
    (void)state;
    ear x = listen("moonshine-tiny");
    rostrum_stop stop = {at_once, NULL};
    const float *states = NULL;
    size_t first = 99;
    free(hear(&x, 16000, 10, NULL));
    assert_int_equal(moonshine_encode(x.e, x.s, x.h, pcm, 32000, (encoder_settle){5, 10},
                                      stop, &states, &first),
                     ERR_CANCELLED);
    assert_null(states);
    free(hear(&x, 32000, 10, &first));
    assert_int_equal(first, 0);
    leave(&x);
}

static void counts_frames_as_the_convolutions_do(void **state) {
    (void)state;
    for (size_t n = MOONSHINE_SAMPLES_MIN; n < 20000; n += 37) {
        size_t one = (n - 127) / 64 + 1, two = (one - 7) / 3 + 1,
               three = (two - 3) / 2 + 1;
        assert_int_equal(moonshine_frames(n), three);
    }
}

static void refuses_a_file_that_is_not_the_model(void **state) {
    (void)state;
    moonshine_encoder *e = NULL;
    diag d = DIAG_INIT;
    assert_int_equal(moonshine_encoder_load("/nonexistent", kernels_pick(), &e, &d),
                     ERR_NOT_FOUND);
    assert_int_equal(
        moonshine_encoder_load(ROSTRUM_SOURCE "/CMakeLists.txt", kernels_pick(), &e, &d),
        ERR_INTEGRITY);
    const char *decoder = fetched("models/moonshine-tiny/decoder_model_merged.onnx");
    assert_int_equal(moonshine_encoder_load(decoder, kernels_pick(), &e, &d),
                     ERR_INTEGRITY);
    assert_null(e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_the_runtime_gives_tiny),
        cmocka_unit_test(gives_what_the_runtime_gives_base),
        cmocka_unit_test(computes_the_same_with_every_set_of_instructions),
        cmocka_unit_test(hears_a_growing_piece_exactly_when_nothing_settles),
        cmocka_unit_test(keeps_settled_frames_and_stays_near_the_exact_ones),
        cmocka_unit_test(gives_up_when_asked_and_starts_anew),
        cmocka_unit_test(counts_frames_as_the_convolutions_do),
        cmocka_unit_test(refuses_a_file_that_is_not_the_model),
    };
    return cmocka_run_group_tests(tests, make_sound, NULL);
}
