/* The pool against workers that are good, that break the protocol, and that die. */
#include "pool_harness.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FAKES ROSTRUM_BUILD "/fake"

static harness h;
static heard a, b;

static bool a_has_final(void *c) {
    (void)c;
    return a.finals > 0;
}
static bool a_has_partial(void *c) {
    (void)c;
    return a.partials > 0;
}
static bool a_is_lost(void *c) {
    (void)c;
    return a.losts > 0;
}
static bool nothing_closing(void *c) {
    (void)c;
    pool_worker_view view;
    pool_get_worker(h.pool, 0, &view);
    return view.ready && view.closing == 0;
}
static bool never(void *c) {
    (void)c;
    return false;
}

static pool_worker_view view_of(size_t i) {
    pool_worker_view view;
    assert_true(pool_get_worker(h.pool, i, &view));
    return view;
}

static void audio_goes_out_and_words_come_back(void **state) {
    (void)state;
    harness_add(&h, "good", "fake", "", 1, 2);
    harness_start(&h, FAKES);
    harness_wait_ready(&h, 1);
    assert_string_equal(pool_model(h.pool, 0)->name, "good");
    assert_null(pool_model(h.pool, 1));
    harness_acquire(&h, "good", &a);
    harness_acquire(&h, "good", &b);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(harness_mark(&a, 7, 320), OK);
        assert_int_equal(harness_mark(&b, 9, 320), OK);
    }
    pool_commit(a.slot);
    assert_true(harness_until(&h, a_has_final, NULL, 5));
    assert_string_equal(a.words, "m7 m7 m7");
    assert_string_equal(b.words, "m9 m9 m9");
    assert_int_equal(b.finals, 0);
    assert_int_equal(harness_stats(&h).open, 2);
    harness_release(&a);
    harness_release(&b);
    pool_release(NULL);
    assert_int_equal(harness_stats(&h).open, 0);
    assert_int_equal(a.faults + b.faults, 0);
    harness_end(&h);
}

static void more_sessions_than_slots_are_refused_with_a_reason(void **state) {
    (void)state;
    harness_add(&h, "good", "fake", "", 1, 1);
    harness_start(&h, FAKES);
    pool_slot *slot = NULL;
    unsigned retry = 0;
    diag d = DIAG_INIT;
    /* still loading */
    assert_int_equal(pool_acquire(h.pool, "good", &engine_listen_default, &heard_events,
                                  &a, &slot, &retry, &d),
                     ERR_CAPACITY);
    assert_in_range(retry, 1, 60);
    harness_wait_ready(&h, 1);
    assert_int_equal(pool_acquire(h.pool, "bad", &engine_listen_default, &heard_events,
                                  &a, &slot, &retry, &d),
                     ERR_NOT_FOUND);
    harness_acquire(&h, "good", &a);
    assert_int_equal(pool_acquire(h.pool, "good", &engine_listen_default, &heard_events,
                                  &b, &slot, &retry, &d),
                     ERR_CAPACITY);
    assert_non_null(strstr(d.text, "1 of 1 slots"));
    assert_null(slot);
    assert_int_equal(harness_stats(&h).refused_capacity, 2);
    harness_release(&a);
    /* free only once the worker said so */
    assert_int_equal(pool_acquire(h.pool, "good", &engine_listen_default, &heard_events,
                                  &b, &slot, &retry, &d),
                     ERR_CAPACITY);
    assert_true(harness_until(&h, nothing_closing, NULL, 5));
    harness_acquire(&h, "good", &b);
    harness_release(&b);
    harness_end(&h);
}

static bool b_was_credited(void *c) {
    (void)c;
    return b.credits > 0;
}

static void audio_beyond_the_window_waits_for_credit(void **state) {
    (void)state;
    const size_t window = (size_t)LIMIT_SLOT_AUDIO_S * 16000;
    harness_add(&h, "hold", "fake", "hold", 1, 2);
    harness_start(&h, FAKES);
    harness_wait_ready(&h, 1);
    harness_acquire(&h, "hold", &b);
    assert_int_equal(harness_mark(&b, 1, window + 1), ERR_INVALID);
    assert_int_equal(pool_room(b.slot), window);
    assert_int_equal(harness_mark(&b, 1, window - 100), OK);
    assert_int_equal(pool_room(b.slot), 100);
    assert_int_equal(harness_mark(&b, 2, 101), ERR_LIMIT);
    assert_int_equal(pool_room(b.slot), 100); /* nothing was taken */
    assert_false(harness_until(&h, b_was_credited, NULL, 0.2));
    pool_commit(b.slot); /* makes this worker pay its credit */
    assert_true(harness_until(&h, b_was_credited, NULL, 5));
    assert_int_equal(b.credits, 1);
    assert_int_equal(pool_room(b.slot), window);
    assert_int_equal(harness_mark(&b, 2, 101), OK);
    harness_release(&b);
    harness_end(&h);
}

static void late_words_of_an_earlier_session_reach_nobody(void **state) {
    (void)state;
    harness_add(&h, "stale", "fake", "stale", 1, 1);
    harness_start(&h, FAKES);
    harness_wait_ready(&h, 1);
    for (int i = 0; i < 20; i++) {
        char own[16];
        snprintf(own, sizeof own, "m%d", 100 + i);
        harness_acquire(&h, "stale", &a);
        assert_int_equal(harness_mark(&a, (int16_t)(100 + i), 160), OK);
        assert_true(harness_until(&h, a_has_partial, NULL, 5));
        assert_string_equal(a.words, own); /* not what the session before said */
        assert_int_equal(a.partials, 1);
        harness_release(&a); /* its final is still to come */
        assert_true(harness_until(&h, nothing_closing, NULL, 5));
        assert_int_equal(a.partials + a.finals, 1);
    }
    assert_true(harness_stats(&h).stale_frames >= 40);
    harness_end(&h);
}

/* Each row: the worker's misbehaviour once audio comes, and what its session is told. */
static void
a_worker_that_breaks_the_protocol_loses_its_sessions_and_returns(void **state) {
    (void)state;
    static const struct {
        const char *act;
        status why;
    } rows[] = {
        {"garbage", ERR_LOST},    /* a frame longer than any may be */
        {"overcredit", ERR_LOST}, /* credit for audio it never got */
        {"error", ERR_ENGINE},    /* the engine failed on this session alone */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        harness_add(&h, "bad", "fake", rows[i].act, 1, 1);
        harness_start(&h, FAKES);
        harness_wait_ready(&h, 1);
        harness_acquire(&h, "bad", &a);
        assert_int_equal(harness_mark(&a, 1, 160), OK);
        assert_true(harness_until(&h, a_is_lost, NULL, 5));
        assert_int_equal(a.why, rows[i].why);
        assert_int_equal(a.faults, 0);
        harness_wait_ready(&h, 1);
        assert_true(harness_until(&h, nothing_closing, NULL, 5));
        harness_acquire(&h, "bad", &a); /* the slot is back */
        harness_release(&a);
        assert_int_equal(harness_stats(&h).lost, 1);
        assert_int_equal(harness_stats(&h).worker_restarts, rows[i].why == ERR_LOST);
        harness_end(&h);
    }
}

static void a_killed_worker_takes_only_its_sessions_and_is_back_in_time(void **state) {
    (void)state;
    harness_add(&h, "one", "fake", "", 1, 2);
    harness_add(&h, "two", "fake", "", 1, 2);
    harness_start(&h, FAKES);
    harness_wait_ready(&h, 2);
    for (int round = 0; round < 4; round++) { /* not only the first time */
        harness_acquire(&h, "one", &a);
        harness_acquire(&h, "two", &b);
        assert_int_equal(harness_mark(&a, 1, 320), OK);
        assert_true(harness_until(&h, a_has_partial, NULL, 5));
        double killed_s = harness_now_s();
        assert_int_equal(kill(view_of(0).pid, SIGKILL), 0);
        assert_int_equal(harness_mark(&a, 1, 320),
                         OK); /* into the dead socket: no event */
        assert_true(harness_until(&h, a_is_lost, NULL, 5));
        assert_int_equal(a.why, ERR_LOST);
        harness_wait_ready(&h, 2);
        assert_true(harness_now_s() - killed_s < LIMIT_WORKER_RESTART_S);
        assert_int_equal(harness_mark(&b, 5, 320), OK); /* the other did not notice */
        pool_commit(b.slot);
        unsigned finals = b.finals;
        while (b.finals == finals)
            uv_run(&h.loop, UV_RUN_ONCE);
        assert_string_equal(b.words, "m5");
        assert_int_equal(a.losts, 1);
        assert_int_equal(a.faults + b.faults + b.losts, 0);
        harness_release(&b);
        assert_true(harness_until(&h, nothing_closing, NULL, 5));
    }
    assert_int_equal(harness_stats(&h).worker_restarts, 4);
    harness_end(&h);
}

static bool three_starts(void *c) {
    (void)c;
    return harness_stats(&h).worker_starts >= 3;
}

static bool all_failed(void *c) {
    (void)c;
    for (size_t i = 0; i < h.n; i++)
        if (view_of(i).failure[0] == '\0')
            return false;
    return true;
}

static void a_worker_that_cannot_load_is_tried_ever_more_rarely(void **state) {
    (void)state;
    harness_add(&h, "none", "fake", "fail", 1, 1);
    harness_start(&h, FAKES);
    double begun_s = harness_now_s();
    assert_true(harness_until(&h, three_starts, NULL, 20));
    assert_true(harness_now_s() - begun_s >= 0.7); /* pauses of 250 and 500 ms */
    assert_int_equal(harness_stats(&h).workers_ready, 0);
    assert_true(harness_until(&h, all_failed, NULL, 5));
    assert_string_equal(view_of(0).failure, "the model is not here");
    harness_end(&h);
}

static void facts_that_contradict_the_manifest_are_refused(void **state) {
    (void)state;
    harness_add(&h, "rate", "fake", "rate", 1, 1);
    harness_add(&h, "pass", "fake", "", 1, 1)->two_pass = true;
    harness_start(&h, FAKES);
    assert_true(harness_until(&h, all_failed, NULL, 10));
    assert_int_equal(harness_stats(&h).workers_ready, 0);
    assert_non_null(strstr(view_of(0).failure, "sample rate"));
    assert_non_null(strstr(view_of(1).failure, "second pass"));
    harness_end(&h);
}

static bool restarted(void *c) {
    (void)c;
    return harness_stats(&h).worker_restarts > 0 && harness_stats(&h).workers_ready > 0;
}

static void a_silent_worker_is_killed_and_replaced(void **state) {
    (void)state;
    harness_add(&h, "hang", "fake", "hang", 1, 1);
    harness_start(&h, FAKES);
    harness_wait_ready(&h, 1);
    harness_acquire(&h, "hang", &a);
    assert_int_equal(harness_mark(&a, 1, 160), OK);
    assert_true(harness_until(&h, a_is_lost, NULL, LIMIT_HEARTBEAT_LOST_MS / 1000.0 + 2));
    assert_int_equal(a.why, ERR_LOST);
    assert_true(harness_until(&h, restarted, NULL, LIMIT_WORKER_RESTART_S));
    harness_end(&h); /* it hangs again: killed after LIMIT_WORKER_STOP_S */
}

static void a_slot_never_confirmed_free_is_not_given_out_again(void **state) {
    (void)state;
    harness_add(&h, "noclose", "fake", "noclose", 1, 2);
    harness_start(&h, FAKES);
    harness_wait_ready(&h, 1);
    harness_acquire(&h, "noclose", &a);
    harness_acquire(&h, "noclose", &b);
    harness_release(&a);
    pool_slot *slot = NULL;
    unsigned retry = 0;
    diag d = DIAG_INIT;
    assert_false(harness_until(&h, never, NULL, LIMIT_SLOT_CLOSE_S + 0.5));
    assert_int_equal(pool_acquire(h.pool, "noclose", &engine_listen_default,
                                  &heard_events, &a, &slot, &retry, &d),
                     ERR_CAPACITY);
    assert_int_equal(b.losts, 0); /* the worker stays while a session needs it */
    harness_release(&b);
    assert_true(harness_until(&h, restarted, NULL, LIMIT_SLOT_CLOSE_S));
    harness_acquire(&h, "noclose", &a);
    harness_release(&a);
    harness_end(&h);
}

static void a_session_cannot_flood_a_worker_that_does_not_read(void **state) {
    (void)state;
    harness_add(&h, "deaf", "fake", "deaf", 1, 2);
    harness_start(&h, FAKES);
    harness_wait_ready(&h, 1);
    harness_acquire(&h, "deaf", &a);
    harness_acquire(&h, "deaf", &b);
    while (harness_mark(&a, 1, 16000) == OK) /* fills socket and window */
        ;
    for (int i = 0; i < 100000; i++)
        pool_update(a.slot, &engine_listen_default);
    assert_int_equal(a.losts, 0); /* not from inside the call */
    assert_true(harness_until(&h, a_is_lost, NULL, 2));
    assert_int_equal(a.why, ERR_LIMIT);
    assert_int_equal(b.losts, 0);
    harness_end(&h);
}

static void stopping_tells_open_sessions_and_leaves_no_process(void **state) {
    (void)state;
    harness_add(&h, "good", "fake", "", 2, 2);
    harness_start(&h, FAKES);
    harness_wait_ready(&h, 2);
    harness_acquire(&h, "good", &a);
    int pid = view_of(0).pid;
    harness_end(&h);
    assert_int_equal(a.losts, 1);
    assert_int_equal(a.why, ERR_CANCELLED);
    assert_int_equal(kill(pid, 0), -1);
}

static void a_worker_still_loading_does_not_delay_the_stop(void **state) {
    (void)state;
    harness_add(&h, "load", "fake", "load", 2, 1);
    harness_start(&h, FAKES);
    assert_false(harness_until(&h, never, NULL, 0.3));
    int pid = view_of(1).pid;
    double begun_s = harness_now_s();
    harness_end(&h);
    assert_true(harness_now_s() - begun_s < LIMIT_WORKER_STOP_S);
    assert_int_equal(kill(pid, 0), -1);
}

static void two_workers_of_a_model_are_filled_evenly(void **state) {
    (void)state;
    static heard s[4];
    harness_add(&h, "good", "fake", "", 2, 4);
    harness_start(&h, FAKES);
    harness_wait_ready(&h, 2);
    for (int i = 0; i < 4; i++)
        harness_acquire(&h, "good", &s[i]);
    assert_int_equal(view_of(0).open, 2);
    assert_int_equal(view_of(1).open, 2);
    for (int i = 0; i < 4; i++)
        harness_release(&s[i]);
    harness_end(&h);
}

static void a_missing_program_or_file_fails_at_creation(void **state) {
    (void)state;
    harness_add(&h, "ghost", "ghost", "", 1, 1);
    assert_int_equal(uv_loop_init(&h.loop), 0);
    diag d = DIAG_INIT;
    assert_int_equal(pool_create(&h.loop, FAKES, h.configs, 1, &h.pool, &d),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(d.file, "rostrum-engine-ghost"));
    model_manifest *m = &h.models[0];
    snprintf(m->engine, sizeof m->engine, "fake");
    snprintf(m->files[0].path, sizeof m->files[0].path, "models/ghost.onnx");
    snprintf(m->get, sizeof m->get, "the get command");
    m->n_files = 1;
    d = DIAG_INIT;
    assert_int_equal(pool_create(&h.loop, FAKES, h.configs, 1, &h.pool, &d),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(d.file, "models/ghost.onnx"));
    assert_non_null(strstr(d.text, "the get command"));
    assert_int_equal(uv_loop_close(&h.loop), 0);
    memset(&h, 0, sizeof h);
}

static bool gate_is_closed(void *c) {
    (void)c;
    return harness_stats(&h).workers_pressed == 1;
}
static bool gate_is_open(void *c) {
    (void)c;
    return harness_stats(&h).workers_pressed == 0;
}

static void a_worker_that_is_behind_takes_nobody_until_it_caught_up(void **state) {
    (void)state;
    char file[] = "/tmp/rostrum-pressed-XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    close(fd);
    model_manifest *m = harness_add(&h, "busy", "fake", "busy_file", 1, 4);
    snprintf(m->settings[1].key, sizeof m->settings[1].key, "file");
    snprintf(m->settings[1].value, sizeof m->settings[1].value, "%s", file);
    m->n_settings = 2;
    harness_start(&h, FAKES);
    harness_wait_ready(&h, 1);
    assert_true(harness_until(&h, gate_is_closed, NULL, 5));
    pool_slot *slot = NULL;
    unsigned retry = 0;
    diag d = DIAG_INIT;
    assert_int_equal(pool_acquire(h.pool, "busy", &engine_listen_default, &heard_events,
                                  &a, &slot, &retry, &d),
                     ERR_CAPACITY);
    assert_non_null(strstr(d.text, "behind"));
    assert_int_equal(unlink(file), 0);
    assert_true(harness_until(&h, gate_is_open, NULL, 5));
    harness_acquire(&h, "busy", &a);
    harness_release(&a);
    harness_end(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(audio_goes_out_and_words_come_back),
        cmocka_unit_test(more_sessions_than_slots_are_refused_with_a_reason),
        cmocka_unit_test(audio_beyond_the_window_waits_for_credit),
        cmocka_unit_test(late_words_of_an_earlier_session_reach_nobody),
        cmocka_unit_test(
            a_worker_that_breaks_the_protocol_loses_its_sessions_and_returns),
        cmocka_unit_test(a_killed_worker_takes_only_its_sessions_and_is_back_in_time),
        cmocka_unit_test(a_worker_that_cannot_load_is_tried_ever_more_rarely),
        cmocka_unit_test(facts_that_contradict_the_manifest_are_refused),
        cmocka_unit_test(a_silent_worker_is_killed_and_replaced),
        cmocka_unit_test(a_slot_never_confirmed_free_is_not_given_out_again),
        cmocka_unit_test(a_session_cannot_flood_a_worker_that_does_not_read),
        cmocka_unit_test(stopping_tells_open_sessions_and_leaves_no_process),
        cmocka_unit_test(a_worker_still_loading_does_not_delay_the_stop),
        cmocka_unit_test(two_workers_of_a_model_are_filled_evenly),
        cmocka_unit_test(a_missing_program_or_file_fails_at_creation),
        cmocka_unit_test(a_worker_that_is_behind_takes_nobody_until_it_caught_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
