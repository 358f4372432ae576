/* What the host does for an engine that leaves calls out, and for one that can do little.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>

#include "engine/defaults.h"
#include "worker_rig.h"

struct rostrum_utterance {
    size_t fed;
    rostrum_word words[3];
};

static atomic_bool taken;
static rostrum_utterance the_one;

/* One decoder: a second utterance beside the first is refused. */
static int open_one(rostrum_model *m, const rostrum_utterance_config *c,
                    rostrum_utterance **out, rostrum_error *e) {
    (void)c;
    if (m || atomic_exchange(&taken, true)) {
        snprintf(e->text, sizeof e->text, "the only decoder is in an utterance");
        return ROSTRUM_E_FAILED;
    }
    the_one = (rostrum_utterance){0};
    *out = &the_one;
    /* long enough for another thread to come by */
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    return ROSTRUM_OK;
}

static int feed(rostrum_utterance *u, const float *pcm, size_t n, rostrum_error *e) {
    (void)pcm, (void)e;
    u->fed += n;
    return ROSTRUM_OK;
}

static int step(rostrum_utterance *u, rostrum_hypothesis *out, rostrum_error *e) {
    (void)e;
    if (u->fed == 0)
        return ROSTRUM_E_FAILED;
    u->words[0] = (rostrum_word){"one", -1, -1, -1};
    u->words[1] = (rostrum_word){"two", -1, -1, -1};
    *out = (rostrum_hypothesis){u->words, 2, 1};
    return ROSTRUM_OK;
}

static void close_one(rostrum_utterance *u) {
    if (u)
        atomic_store(&taken, false);
}

#ifdef ROSTRUM_SANITIZED
static void unload(rostrum_model *m) {
    (void)m;
}
#else
static void unload(rostrum_model *m) {
    (void)m;
    _exit(77); /* a worker does not wait for it */
}
#endif

static const rostrum_engine small = {.abi = ROSTRUM_ENGINE_ABI,
                                     .name = "small",
                                     .version = "1",
                                     .sample_rate_hz = 16000,
                                     .open = open_one,
                                     .feed = feed,
                                     .step = step,
                                     .close = close_one,
                                     .unload = unload};

static void one_slot_never_opens_two_utterances_whatever_the_threads(void **state) {
    (void)state;
    engine_hello hello = rig_hello(4, 1);
    rig r = rig_start(NULL, &small, &hello);
    rig_ready(&r); /* FAILED: the warm-up of a second thread met the first */
    assert_int_equal(rig_stop(&r), 0);
}

static void without_finish_the_last_step_is_the_answer_and_committed(void **state) {
    (void)state;
    engine_hello hello = rig_hello(1, 1);
    rig r = rig_start(NULL, &small, &hello);
    rig_ready(&r);
    engine_listen manual = engine_listen_default;
    manual.endpoint = ENDPOINT_MANUAL;
    rig_open(&r, 0, 1, &manual);
    rig_sound(&r, 0, 1, 0.3f, 500);
    rig_empty(&r, FRAME_COMMIT, 0, 1);
    rig_expect(&r, FRAME_PARTIAL); /* without due: a hop was full */
    assert_int_equal(rig_text(&r)->committed, 1);
    rig_expect(&r, FRAME_FINAL);
    assert_int_equal(rig_text(&r)->n_words, 2);
    assert_int_equal(rig_text(&r)->committed, 2);
    rig_empty(&r, FRAME_CLOSE, 0, 1);
    rig_expect(&r, FRAME_CLOSED);
    rig_empty(&r, FRAME_DRAIN, 0, 0);
    assert_false(rig_event(&r));
    assert_int_equal(rig_stop(&r), 0); /* and it did not stay to unload */
}

static void without_due_a_hop_is_320_ms_or_twice_that_under_pressure(void **state) {
    (void)state;
    static const struct {
        size_t fed;
        float load;
        bool due;
    } rows[] = {
        {0, 0, false},      {5119, 0, false},     {5120, 0, true},
        {5120, 0.8f, true}, {5120, 0.81f, false}, /* pressed */
        {10239, 2, false},  {10240, 2, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(defaults_due(&small, NULL, rows[i].fed, rows[i].load),
                         rows[i].due);
}

static void a_failing_step_fails_the_finish_that_stands_on_it(void **state) {
    (void)state;
    rostrum_utterance nothing = {0};
    rostrum_hypothesis out = {.n_words = 9};
    rostrum_error e;
    assert_int_equal(defaults_finish(&small, &nothing, &out, &e), ROSTRUM_E_FAILED);
    assert_int_equal(out.n_words, 9); /* untouched */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slot_never_opens_two_utterances_whatever_the_threads),
        cmocka_unit_test(without_finish_the_last_step_is_the_answer_and_committed),
        cmocka_unit_test(without_due_a_hop_is_320_ms_or_twice_that_under_pressure),
        cmocka_unit_test(a_failing_step_fails_the_finish_that_stands_on_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
