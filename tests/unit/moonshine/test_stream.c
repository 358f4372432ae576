/* A whole utterance through the real model, fed as it would arrive: needs the fetched
 * weights, skips without. The sound is not speech; what is tested is the contract. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "engine/moonshine/model.h"
#include "fetched.h"

#define RATE 16000

static model *load(const rostrum_setting *settings, size_t n, unsigned threads) {
    static char models[1024];
    snprintf(models, sizeof models, "%s", fetched("models"));
    rostrum_load_config config = {
        .model_dir = models, .settings = settings, .n_settings = n, .threads = threads};
    model *m = NULL;
    diag d = DIAG_INIT;
    if (model_load(&config, &m, &d) != OK)
        fail_msg("%s: %s", d.field, d.text);
    return m;
}

static stream *begin(model *m, rostrum_stop stop) {
    stream *s = NULL;
    assert_int_equal(stream_create(&model_settings(m)->stream, model_tokens(m),
                                   model_encoder(m), model_decoder(m), stop, &s),
                     OK);
    return s;
}

/* ms of a voiced sound that wanders with `seed`; amplitude 0 is silence. */
static void feed(stream *s, size_t ms, float amplitude, uint32_t seed) {
    float pcm[320], low = 0, band = 0;
    uint32_t r = seed;
    for (size_t at = 0; at < ms * 16; at += 320) {
        for (size_t i = 0; i < 320; i++) {
            r = r * 1664525u + 1013904223u;
            float buzz =
                (at + i) % (90 + seed % 40) == 0 ? 5.0f : (float)(int32_t)r / 4e10f;
            float f =
                0.1f + 0.08f * sinf((float)(at + i) * 0.0007f * (float)(seed % 5 + 1));
            low += f * band;
            band += f * (buzz - low - 0.3f * band);
            pcm[i] = amplitude * band;
        }
        assert_int_equal(stream_feed(s, pcm, 320), OK);
    }
}

static void join(rostrum_hypothesis h, size_t n, char *out, size_t size) {
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < n; i++)
        used += (size_t)snprintf(out + used, size - used, "%s ", h.words[i].text);
}

static void never_changes_a_committed_word_while_live(void **state) {
    (void)state;
    model *m = load(NULL, 0, 1);
    stream_compute *c = model_take(m, LANE_LIVE);
    for (uint32_t seed = 1; seed <= 4; seed++) {
        stream *s = begin(m, (rostrum_stop){0});
        char shown[8192] = "", now[8192];
        size_t committed = 0;
        int32_t last_ms = 0;
        for (size_t chunk = 0; chunk < 140; chunk++) { /* 14 s: beyond one trim */
            feed(s, 100, chunk % 9 == 8 ? 0.0f : 0.3f, seed * 31 + (uint32_t)chunk / 3);
            if (!stream_due(s, 0))
                continue;
            assert_int_equal(stream_step(s, c, NULL), OK);
            rostrum_hypothesis h = stream_words(s);
            assert_true(h.committed >= committed);
            join(h, committed, now, sizeof now);
            assert_string_equal(now, shown);
            committed = h.committed;
            join(h, committed, shown, sizeof shown);
            for (size_t i = 0; i < h.n_words; i++)
                assert_true(h.words[i].start_ms <= h.words[i].end_ms);
        }
        assert_int_equal(stream_finish(s, c, NULL), OK);
        rostrum_hypothesis h = stream_words(s);
        assert_int_equal(h.committed, h.n_words);
        join(h, committed, now, sizeof now);
        assert_string_equal(now, shown);
        for (size_t i = 0; i < h.n_words; i++) {
            assert_true(h.words[i].start_ms >= last_ms);
            last_ms = h.words[i].start_ms;
            assert_true(last_ms <= 14000);
        }
        stream_destroy(s);
    }
    model_give(m, LANE_LIVE, c);
    model_destroy(m);
}

static void says_nothing_about_silence_and_spends_nothing_on_it(void **state) {
    (void)state;
    model *m = load(NULL, 0, 1);
    stream_compute *c = model_take(m, LANE_LIVE);
    stream_meter meter = {0};
    c->meter = &meter;
    stream *s = begin(m, (rostrum_stop){0});
    for (int i = 0; i < 30; i++) {
        feed(s, 100, 0, 1);
        assert_false(stream_due(s, 0));
    }
    assert_int_equal(stream_finish(s, c, NULL), OK);
    assert_int_equal(stream_words(s).n_words, 0);
    assert_int_equal(meter.passes, 0);
    stream_destroy(s);
    model_give(m, LANE_LIVE, c);
    model_destroy(m);
}

static void finishes_at_once_when_a_pause_was_decoded_already(void **state) {
    (void)state;
    model *m = load(NULL, 0, 1);
    stream_compute *c = model_take(m, LANE_LIVE);
    stream_meter meter = {0};
    c->meter = &meter;
    stream *s = begin(m, (rostrum_stop){0});
    feed(s, 1500, 0.3f, 3);
    assert_true(stream_due(s, 0));
    assert_int_equal(stream_step(s, c, NULL), OK);
    feed(s, 100, 0.3f, 4);
    assert_false(stream_due(s, 0)); /* no hop yet */
    feed(s, 300, 0, 4);
    assert_true(stream_due(s, 2)); /* but a pause, whatever the load */
    assert_int_equal(stream_step(s, c, NULL), OK);
    feed(s, 2000, 0, 4);
    assert_false(stream_due(s, 0));
    assert_int_equal(meter.passes, 2);
    assert_int_equal(stream_finish(s, c, NULL), OK);
    assert_int_equal(meter.passes, 2);
    stream_destroy(s);
    model_give(m, LANE_LIVE, c);
    model_destroy(m);
}

static void steps_less_often_under_pressure(void **state) {
    (void)state;
    static const struct {
        float load;
        size_t ms;
    } rows[] = {{0.0f, 480}, {0.8f, 640}, {1.5f, 960}};
    model *m = load(NULL, 0, 1);
    stream_compute *c = model_take(m, LANE_LIVE);
    for (size_t i = 0; i < 3; i++) {
        stream *s = begin(m, (rostrum_stop){0});
        feed(s, 1000, 0.3f, 5);
        assert_int_equal(stream_step(s, c, NULL), OK);
        size_t waited = 0;
        while (!stream_due(s, rows[i].load)) {
            feed(s, 20, 0.3f, 5);
            waited += 20;
        }
        assert_int_equal(waited, rows[i].ms);
        stream_destroy(s);
    }
    model_give(m, LANE_LIVE, c);
    model_destroy(m);
}

static void bounds_an_utterance(void **state) {
    (void)state;
    model *m = load(NULL, 0, 1);
    stream *s = begin(m, (rostrum_stop){0});
    feed(s, LIMIT_UTTERANCE_S * 1000, 0.1f, 1);
    float more[1] = {0};
    assert_int_equal(stream_feed(s, more, 1), ERR_LIMIT);
    stream_destroy(s);
    model_destroy(m);
}

static bool asked(void *context) {
    return --*(int *)context < 0;
}

static void gives_up_between_units_of_work(void **state) {
    (void)state;
    const rostrum_setting two_pass[] = {{"final", "moonshine-base"}};
    model *m = load(two_pass, 1, 1);
    stream_compute *c = model_take(m, LANE_LIVE), *f = model_take(m, LANE_FINAL);
    for (int after = 0; after < 60; after += 7) {
        int left = after;
        stream *s = begin(m, (rostrum_stop){asked, &left});
        feed(s, 3000, 0.3f, 9);
        status result = stream_step(s, c, NULL);
        if (result == OK)
            result = stream_finish(s, c, NULL);
        if (result == OK)
            result = stream_second_pass(s, f, NULL);
        assert_true(result == OK || (result == ERR_CANCELLED && left < 0));
        if (after == 0)
            assert_int_equal(result, ERR_CANCELLED);
        stream_destroy(s);
    }
    model_give(m, LANE_FINAL, f);
    model_give(m, LANE_LIVE, c);
    model_destroy(m);
}

static void gives_each_stream_the_same_words_whoever_runs_beside_it(void **state) {
    (void)state;
    model *m = load(NULL, 0, 2);
    stream_compute *a = model_take(m, LANE_LIVE), *b = model_take(m, LANE_LIVE);
    char alone[8192], beside[8192];
    for (int round = 0; round < 2; round++) {
        stream *s = begin(m, (rostrum_stop){0}), *other = begin(m, (rostrum_stop){0});
        for (uint32_t i = 0; i < 8; i++) {
            feed(s, 500, 0.3f, 20 + i);
            if (round == 1) { /* another's audio through the same memory in between */
                feed(other, 700, 0.5f, 90 + i);
                assert_int_equal(stream_step(other, i % 2 ? a : b, NULL), OK);
            }
            assert_int_equal(stream_step(s, i % 2 ? b : a, NULL), OK);
        }
        assert_int_equal(stream_finish(s, a, NULL), OK);
        rostrum_hypothesis h = stream_words(s);
        join(h, h.n_words, round ? beside : alone, sizeof alone);
        stream_destroy(s);
        stream_destroy(other);
    }
    assert_string_equal(alone, beside);
    model_give(m, LANE_LIVE, a);
    model_give(m, LANE_LIVE, b);
    model_destroy(m);
}

static void hears_silence_and_noise_apart(void **state) {
    (void)state;
    const rostrum_setting with_vad[] = {{"vad", "silero-vad/silero_vad.onnx"}};
    model *m = load(with_vad, 1, 1);
    assert_non_null(model_vad(m));
    silero_state vad = {0};
    float silence[SILERO_FRAME_SAMPLES] = {0}, p = 1;
    for (int i = 0; i < 20; i++)
        p = silero_step(model_vad(m), &vad, silence);
    assert_true(p >= 0 && p < 0.2f);
    model_destroy(m);
}

static void refuses_what_is_missing(void **state) {
    (void)state;
    static char models[1024];
    snprintf(models, sizeof models, "%s", fetched("models"));
    const rostrum_setting other[] = {{"live", "moonshine-huge"}};
    const rostrum_setting vad[] = {{"vad", "silero-vad/other.onnx"}};
    rostrum_load_config config = {
        .model_dir = models, .settings = other, .n_settings = 1, .threads = 1};
    model *m = NULL;
    diag d = DIAG_INIT;
    assert_int_equal(model_load(&config, &m, &d), ERR_NOT_FOUND);
    config.settings = vad;
    assert_int_equal(model_load(&config, &m, &d), ERR_NOT_FOUND);
    config.settings = NULL;
    config.n_settings = 0;
    config.threads = 0;
    assert_int_equal(model_load(&config, &m, &d), ERR_INVALID);
    assert_null(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_changes_a_committed_word_while_live),
        cmocka_unit_test(says_nothing_about_silence_and_spends_nothing_on_it),
        cmocka_unit_test(finishes_at_once_when_a_pause_was_decoded_already),
        cmocka_unit_test(steps_less_often_under_pressure),
        cmocka_unit_test(bounds_an_utterance),
        cmocka_unit_test(gives_up_between_units_of_work),
        cmocka_unit_test(gives_each_stream_the_same_words_whoever_runs_beside_it),
        cmocka_unit_test(hears_silence_and_noise_apart),
        cmocka_unit_test(refuses_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
