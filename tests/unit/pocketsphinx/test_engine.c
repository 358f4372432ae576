/* The floor engine on Debian's own recordings (package pocketsphinx-testdata). */
#include "engine/pocketsphinx/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MODEL "/usr/share/pocketsphinx/model/en-us/"
#define CLIPS "/usr/share/pocketsphinx/test/data/"
#define CLIP_MAX (16000 * 20)

static rostrum_model *model;
static rostrum_error error;
static float clip[CLIP_MAX];

static int load_with(const char *key, const char *value, rostrum_model **out) {
    rostrum_setting settings[] = {{"hmm", MODEL "en-us"},
                                  {"lm", MODEL "en-us.lm.bin"},
                                  {"dict", MODEL "cmudict-en-us.dict"},
                                  {"decoders", "1"},
                                  {key, value}};
    rostrum_load_config config = {.model_dir = "/nonexistent",
                                  .settings = settings,
                                  .n_settings = key ? 5 : 4,
                                  .threads = 1};
    return pocketsphinx_engine.load(&config, out, &error);
}

static int set_up(void **state) {
    (void)state;
    FILE *f = fopen(MODEL "en-us.lm.bin", "r");
    if (!f)
        return 0; /* the tests skip */
    fclose(f);
    return load_with(NULL, NULL, &model);
}

static int tear_down(void **state) {
    (void)state;
    pocketsphinx_engine.unload(model);
    return 0;
}

static size_t read_clip(const char *name, long skip_bytes) {
    static int16_t samples[CLIP_MAX];
    FILE *f = fopen(name, "r");
    if (!f || !model) {
        if (f)
            fclose(f);
        print_message("skip: no network: the recordings are not installed\n");
        skip();
    }
    fseek(f, skip_bytes, SEEK_SET);
    size_t n = fread(samples, 2, CLIP_MAX, f);
    fclose(f);
    for (size_t i = 0; i < n; i++)
        clip[i] = (float)samples[i] / 32768.0f;
    return n;
}

static bool stop_now;
static bool asked(void *context) {
    (void)context;
    return stop_now;
}

static rostrum_utterance *begin(void) {
    rostrum_utterance_config config = {
        .language = "en", .prompt = "", .stop = {asked, NULL}, .live = true};
    rostrum_utterance *u = NULL;
    assert_int_equal(pocketsphinx_engine.open(model, &config, &u, &error), ROSTRUM_OK);
    return u;
}

/* Decodes clip[n]; checks the promises of the vtable on the way. */
static void transcribe(size_t n, char *out, size_t size) {
    rostrum_utterance *u = begin();
    static char committed[256][64];
    size_t n_committed = 0, steps = 0;
    rostrum_hypothesis h;
    for (size_t i = 0; i < n; i += 320) {
        size_t piece = n - i < 320 ? n - i : 320;
        assert_int_equal(pocketsphinx_engine.feed(u, clip + i, piece, &error),
                         ROSTRUM_OK);
        if (!pocketsphinx_engine.due(u, (rostrum_pressure){0}))
            continue;
        assert_int_equal(pocketsphinx_engine.step(u, &h, &error), ROSTRUM_OK);
        steps++;
        assert_true(h.committed >= n_committed && h.committed <= h.n_words);
        for (size_t k = 0; k < n_committed; k++)
            assert_string_equal(h.words[k].text, committed[k]);
        for (size_t k = n_committed; k < h.committed; k++)
            snprintf(committed[k], sizeof committed[k], "%s", h.words[k].text);
        n_committed = h.committed;
    }
    assert_true(steps > 2);
    assert_int_equal(pocketsphinx_engine.finish(u, &h, &error), ROSTRUM_OK);
    assert_int_equal(h.committed, h.n_words);
    size_t length = 0;
    int32_t before_ms = 0;
    out[0] = '\0';
    for (size_t k = 0; k < h.n_words; k++) {
        assert_true(h.words[k].start_ms >= before_ms - 300); /* in order of time */
        assert_true(h.words[k].end_ms > h.words[k].start_ms);
        assert_true(h.words[k].end_ms <= (int32_t)(n / 16) + 20);
        assert_true(h.words[k].confidence <= 1);
        before_ms = h.words[k].end_ms;
        if (k < n_committed)
            assert_string_equal(h.words[k].text, committed[k]);
        length += (size_t)snprintf(out + length, size - length, "%s%s", k ? " " : "",
                                   h.words[k].text);
    }
    pocketsphinx_engine.close(u);
}

static void a_clear_recording_becomes_its_words(void **state) {
    (void)state;
    char words[512];
    transcribe(read_clip(CLIPS "goforward.raw", 0), words, sizeof words);
    assert_string_equal(words, "go forward ten meters");
}

static void a_session_before_changes_nothing(void **state) {
    (void)state;
    char alone[512], after[512], other[2048];
    size_t n = read_clip(CLIPS "something.raw", 0);
    transcribe(n, alone, sizeof alone);
    size_t m =
        read_clip(CLIPS "librivox/sense_and_sensibility_01_austen_64kb-0880.wav", 44);
    for (size_t i = 0; i < m; i++)
        clip[i] *= 4; /* loud: it would move a mean that is carried over */
    transcribe(m, other, sizeof other);
    n = read_clip(CLIPS "something.raw", 0);
    transcribe(n, after, sizeof after);
    assert_string_equal(alone, after);
    assert_true(strlen(alone) > 0);
}

static void stopping_ends_the_work_within_a_chunk(void **state) {
    (void)state;
    size_t n = read_clip(CLIPS "goforward.raw", 0);
    rostrum_utterance *u = begin();
    rostrum_hypothesis h;
    assert_int_equal(pocketsphinx_engine.feed(u, clip, n, &error), ROSTRUM_OK);
    stop_now = true;
    assert_int_equal(pocketsphinx_engine.step(u, &h, &error), ROSTRUM_E_CANCELLED);
    assert_int_equal(pocketsphinx_engine.finish(u, &h, &error), ROSTRUM_E_CANCELLED);
    stop_now = false;
    pocketsphinx_engine.close(u);
}

static void need_model(void) {
    if (model)
        return;
    print_message("skip: no network: the floor engine's model is not installed\n");
    skip();
}

static void an_utterance_of_nothing_has_no_words(void **state) {
    (void)state;
    need_model();
    rostrum_hypothesis h;
    rostrum_utterance *u = begin();
    assert_int_equal(pocketsphinx_engine.finish(u, &h, &error), ROSTRUM_OK);
    assert_int_equal(h.n_words, 0);
    pocketsphinx_engine.close(u);
    pocketsphinx_engine.close(NULL);
}

static void more_utterances_than_decoders_or_audio_than_30_s_are_refused(void **state) {
    (void)state;
    need_model();
    rostrum_utterance *u = begin(), *second = NULL;
    rostrum_utterance_config config = {.language = "", .prompt = ""};
    assert_int_equal(pocketsphinx_engine.open(model, &config, &second, &error),
                     ROSTRUM_E_FAILED);
    assert_non_null(strstr(error.text, "decoders"));
    memset(clip, 0, sizeof clip);
    assert_int_equal(pocketsphinx_engine.feed(u, clip, CLIP_MAX, &error), ROSTRUM_OK);
    assert_int_equal(pocketsphinx_engine.feed(u, clip, 16000 * 10, &error), ROSTRUM_OK);
    assert_int_equal(pocketsphinx_engine.feed(u, clip, 1, &error), ROSTRUM_E_INVALID);
    pocketsphinx_engine.close(u);
}

static void settings_that_are_wrong_are_named(void **state) {
    (void)state;
    rostrum_model *none = NULL;
    assert_int_equal(load_with("hop_ms", "fast", &none), ROSTRUM_E_INVALID);
    assert_non_null(strstr(error.text, "hop_ms"));
    assert_int_equal(load_with("speed", "1", &none), ROSTRUM_E_INVALID);
    assert_non_null(strstr(error.text, "speed"));
    assert_null(none);
    pocketsphinx_engine.unload(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clear_recording_becomes_its_words),
        cmocka_unit_test(a_session_before_changes_nothing),
        cmocka_unit_test(stopping_ends_the_work_within_a_chunk),
        cmocka_unit_test(an_utterance_of_nothing_has_no_words),
        cmocka_unit_test(more_utterances_than_decoders_or_audio_than_30_s_are_refused),
        cmocka_unit_test(settings_that_are_wrong_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
