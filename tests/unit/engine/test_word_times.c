/* Word times on real recordings, from a real worker: in order, none too short, none after
 * the speech. Needs the fetched weights and the prompts that `make run` unpacks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../moonshine/fetched.h"
#include "audio/file.h"
#include "engine/words.h"
#include "worker_rig.h"

#define SAMPLES_MAX (LIMIT_SLOT_AUDIO_S * LIMIT_SAMPLE_RATE_HZ)

static size_t recording(const char *name, int16_t *out) {
    char path[512];
    audio_file *f = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, ROSTRUM_SOURCE "/build/run/prompts/%s.wav", name);
    if (audio_file_open_path(path, &f, NULL, NULL) != OK) {
        print_message("skip: no network: the prompts are not unpacked\n");
        skip();
    }
    assert_int_equal(audio_file_read(f, out, SAMPLES_MAX, &n, NULL), OK);
    audio_file_destroy(f);
    return n;
}

static void check_words(const engine_text *t) {
    uint32_t at = t->start_ms;
    assert_true(t->n_words > 3);
    for (uint32_t i = 0; i < t->n_words; i++) {
        const engine_word *w = &t->words[i];
        assert_true(w->start_ms >= at);
        assert_true(w->end_ms >= w->start_ms + WORDS_LEAST_MS);
        at = w->end_ms;
    }
    assert_true(at <= t->end_ms);
    assert_true(at <= t->speech_end_ms + 100);
}

static void words_of_real_speech_follow_each_other_and_end_with_it(void **state) {
    (void)state;
    static const char *const names[] = {"at-tone-time-exactly", "check-number-dial-again",
                                        "agent-alreadyon", "tt-allbusy"};
    static int16_t pcm[SAMPLES_MAX];
    (void)recording(names[0], pcm); /* skips before anything is started */
    engine_hello hello = rig_hello(1, 1);
    snprintf(hello.model_dir, sizeof hello.model_dir, "%s", fetched("models"));
    hello.settings[0] = (hello_setting){"live", "moonshine-tiny"};
    hello.n_settings = 1;
    rig r = rig_start(ROSTRUM_BUILD "/rostrum-engine-moonshine", NULL, &hello);
    rig_ready(&r);
    engine_listen manual = engine_listen_default;
    manual.endpoint = ENDPOINT_MANUAL;
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = recording(names[i], pcm);
        rig_open(&r, 0, i + 1, &manual);
        buf b;
        buf_init(&b, 2 * LIMIT_FRAME_BYTES);
        proto_put_bytes(&b, FRAME_AUDIO, 0, 0, i + 1, 0, pcm, n * sizeof *pcm);
        rig_send(&r, &b);
        rig_empty(&r, FRAME_COMMIT, 0, i + 1);
        do {
            rig_expect(&r, FRAME_FINAL);
            check_words(rig_text(&r));
        } while (r.header.flags & TEXT_FIRST_PASS);
        rig_empty(&r, FRAME_CLOSE, 0, i + 1);
        rig_expect(&r, FRAME_CLOSED);
    }
    assert_int_equal(rig_stop(&r), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_real_speech_follow_each_other_and_end_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
