/* The worker as the gateway meets it: a real process, the example engine, a socket. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker_rig.h"

#define EXAMPLE ROSTRUM_BUILD "/rostrum-engine-example"

static rig start_example(unsigned threads, unsigned slots) {
    engine_hello hello = rig_hello(threads, slots);
    return rig_start(EXAMPLE, NULL, &hello);
}

static void speech_becomes_words_with_true_times(void **state) {
    (void)state;
    rig r = start_example(2, 4);
    engine_facts facts = rig_ready(&r);
    assert_string_equal(facts.engine, "example");
    assert_int_equal(facts.slots, 4);
    assert_false(facts.vad);
    rig_open(&r, 1, 7, &engine_listen_default);
    rig_sound(&r, 1, 7, 0, 1000);
    rig_sound(&r, 1, 7, 0.3f, 1000); /* 1000..2000 ms */
    rig_sound(&r, 1, 7, 0, 1000);

    engine_mark mark;
    rig_expect(&r, FRAME_SPEECH_STARTED);
    assert_int_equal(r.header.slot, 1);
    assert_int_equal(r.header.generation, 7);
    assert_int_equal(proto_get_mark(r.payload, r.header.bytes, &mark), OK);
    assert_int_equal(mark.utterance, 0);
    assert_in_range(mark.at_ms, 992, 1008); /* the truth to one 8 ms piece */
    assert_in_range(mark.decided_ms, 1050, 1100);

    rig_expect(&r, FRAME_PARTIAL);
    engine_text *text = rig_text(&r);
    assert_true(text->n_words > 0);
    assert_string_equal(text->words[0].text, "loud");

    rig_expect(&r, FRAME_SPEECH_STOPPED);
    assert_int_equal(proto_get_mark(r.payload, r.header.bytes, &mark), OK);
    assert_in_range(mark.at_ms, 1992, 2008);
    assert_in_range(mark.decided_ms, 2490, 2560);

    rig_expect(&r, FRAME_FINAL);
    text = rig_text(&r);
    assert_int_equal(r.header.flags, 0);
    assert_in_range(rig_count(text, "loud"), 9, 11);
    assert_int_equal(text->committed, text->n_words);
    assert_in_range(text->start_ms, 690, 710); /* 300 ms of padding */
    assert_in_range(text->speech_end_ms, 1992, 2008);
    assert_in_range(text->words[0].start_ms, 900, 1000);

    rig_empty(&r, FRAME_CLOSE, 1, 7);
    rig_expect(&r, FRAME_CLOSED);
    assert_int_equal(r.header.generation, 7);
    assert_int_equal(rig_stop(&r), 0);
}

static void frames_of_another_generation_are_dropped(void **state) {
    (void)state;
    rig r = start_example(1, 1);
    rig_ready(&r);
    rig_open(&r, 0, 2, &engine_listen_default);
    rig_sound(&r, 0, 1, 0.3f, 2000); /* the session before */
    rig_empty(&r, FRAME_COMMIT, 0, 1);
    rig_empty(&r, FRAME_CLOSE, 0, 1);
    rig_empty(&r, FRAME_COMMIT, 0, 2);
    rig_expect(&r, FRAME_FINAL); /* the first event, and it knows of no sound */
    assert_int_equal(r.header.generation, 2);
    assert_int_equal(r.header.flags, TEXT_BY_COMMIT);
    assert_int_equal(rig_text(&r)->n_words, 0);
    assert_int_equal(rig_text(&r)->end_ms, 0);
    rig_empty(&r, FRAME_CLOSE, 0, 2);
    rig_expect(&r, FRAME_CLOSED);
    assert_int_equal(rig_stop(&r), 0);
}

static void two_slots_at_once_do_not_mix(void **state) {
    (void)state;
    rig r = start_example(2, 2);
    rig_ready(&r);
    engine_listen manual = engine_listen_default;
    manual.endpoint = ENDPOINT_MANUAL;
    rig_open(&r, 0, 10, &manual);
    rig_open(&r, 1, 11, &manual);
    for (int i = 0; i < 50; i++) { /* 5 s each, in 100 ms pieces, side by side */
        rig_sound(&r, 0, 10, 0.5f, 100);
        rig_sound(&r, 1, 11, 0.05f, 100);
    }
    rig_empty(&r, FRAME_COMMIT, 0, 10);
    rig_empty(&r, FRAME_COMMIT, 1, 11);
    for (int finals = 0; finals < 2; finals++) {
        rig_expect(&r, FRAME_FINAL);
        bool first = r.header.slot == 0;
        engine_text *text = rig_text(&r);
        assert_int_equal(r.header.generation, first ? 10 : 11);
        assert_int_equal(text->n_words, 50);
        assert_int_equal(rig_count(text, first ? "loud" : "quiet"), 50);
    }
    assert_int_equal(rig_stop(&r), 0);
}

static void audio_is_credited_in_full(void **state) {
    (void)state;
    rig r = start_example(1, 1);
    rig_ready(&r);
    rig_open(&r, 0, 1, &engine_listen_default);
    rig_sound(&r, 0, 1, 0.3f,
              LIMIT_SLOT_AUDIO_S * 1000); /* all a slot may hold, at once */
    rig_empty(&r, FRAME_COMMIT, 0, 1);
    uint64_t credited = 0;
    bool final = false;
    while (credited < LIMIT_SLOT_AUDIO_S * 16000 || !final) {
        assert_true(rig_next(&r));
        uint32_t samples;
        if (r.header.type == FRAME_CREDIT) {
            assert_int_equal(proto_get_credit(r.payload, r.header.bytes, &samples), OK);
            credited += samples;
        }
        final |= r.header.type == FRAME_FINAL;
        assert_int_not_equal(r.header.type, FRAME_ERROR);
    }
    assert_int_equal(credited, LIMIT_SLOT_AUDIO_S * 16000);
    assert_int_equal(rig_stop(&r), 0);
}

static void a_broken_audio_frame_costs_its_slot_only(void **state) {
    (void)state;
    rig r = start_example(1, 2);
    rig_ready(&r);
    rig_open(&r, 0, 1, &engine_listen_default);
    buf b;
    buf_init(&b, 64);
    static const uint8_t half_sample[3] = {0};
    proto_put_bytes(&b, FRAME_AUDIO, 0, 0, 1, 0, half_sample, sizeof half_sample);
    rig_send(&r, &b);
    rig_expect(&r, FRAME_ERROR);
    rig_expect(&r, FRAME_CLOSED);
    rig_open(&r, 0, 2, &engine_listen_default); /* and it can be had again */
    rig_empty(&r, FRAME_COMMIT, 0, 2);
    rig_expect(&r, FRAME_FINAL);
    assert_int_equal(rig_stop(&r), 0);
}

static void a_slot_in_use_is_not_opened_again(void **state) {
    (void)state;
    rig r = start_example(1, 1);
    rig_ready(&r);
    rig_open(&r, 0, 1, &engine_listen_default);
    rig_open(&r, 0, 2, &engine_listen_default);
    rig_expect(&r, FRAME_ERROR);
    assert_int_equal(r.header.generation, 2);
    rig_expect(&r, FRAME_CLOSED);
    assert_int_equal(r.header.generation, 2);
    rig_empty(&r, FRAME_COMMIT, 0, 1); /* the first goes on */
    rig_expect(&r, FRAME_FINAL);
    assert_int_equal(r.header.generation, 1);
    assert_int_equal(rig_stop(&r), 0);
}

static void a_worker_drains(void **state) {
    (void)state;
    rig r = start_example(1, 1);
    rig_ready(&r);
    rig_open(&r, 0, 1, &engine_listen_default);
    rig_empty(&r, FRAME_DRAIN, 0, 0);
    rig_sound(&r, 0, 1, 0.3f, 500); /* what runs goes on */
    rig_empty(&r, FRAME_COMMIT, 0, 1);
    rig_expect(&r, FRAME_SPEECH_STARTED);
    rig_expect(&r, FRAME_SPEECH_STOPPED);
    rig_expect(&r, FRAME_FINAL);
    rig_empty(&r, FRAME_CLOSE, 0, 1);
    rig_expect(&r, FRAME_CLOSED);
    assert_false(rig_event(&r)); /* it left by itself */
    assert_int_equal(rig_stop(&r), 0);
}

static void a_worker_leaves_with_its_gateway_and_not_before(void **state) {
    (void)state;
    rig r = start_example(1, 1);
    rig_ready(&r);
    kill(r.pid, SIGTERM); /* meant for the gateway */
    kill(r.pid, SIGINT);
    rig_open(&r, 0, 1, &engine_listen_default);
    rig_empty(&r, FRAME_COMMIT, 0, 1);
    rig_expect(&r, FRAME_FINAL);
    assert_int_equal(rig_stop(&r), 0); /* end of file is enough */
}

static void a_killed_worker_is_noticed_by_end_of_file(void **state) {
    (void)state;
    rig r = start_example(1, 1);
    rig_ready(&r);
    kill(r.pid, SIGKILL);
    assert_false(rig_event(&r));
    assert_int_equal(rig_stop(&r), 1000 + SIGKILL);
}

static void a_broken_frame_ends_the_worker(void **state) {
    (void)state;
    static const uint8_t broken[][ENGINE_HEADER_BYTES] = {
        {255, 255, 255, 255, FRAME_AUDIO},  /* too long */
        {0, 0, 0, 0, FRAME_FINAL},          /* not the gateway's to send */
        {0, 0, 0, 0, FRAME_AUDIO, 0, 1, 0}, /* a slot that was not offered */
        {0, 0, 0, 0, FRAME_OPEN},           /* without settings */
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        rig r = start_example(1, 1);
        rig_ready(&r);
        buf b;
        buf_init(&b, 64);
        buf_add(&b, broken[i], sizeof broken[i]);
        rig_send(&r, &b);
        assert_false(rig_event(&r));
        assert_int_equal(rig_stop(&r), 3);
    }
}

static void heartbeats_come_with_real_figures(void **state) {
    (void)state;
    rig r = start_example(1, 3);
    rig_ready(&r);
    rig_open(&r, 2, 1, &engine_listen_default);
    for (int beats = 0; beats < 3;) {
        assert_true(rig_next(&r));
        if (r.header.type != FRAME_LOAD)
            continue;
        engine_load load;
        assert_int_equal(proto_get_load(r.payload, r.header.bytes, &load), OK);
        assert_int_equal(load.slots, 3);
        assert_in_range(load.rss_kib, 500, 4000000);
        assert_int_equal(load.open, beats == 0 ? load.open : 1);
        beats++;
    }
    assert_int_equal(rig_stop(&r), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speech_becomes_words_with_true_times),
        cmocka_unit_test(frames_of_another_generation_are_dropped),
        cmocka_unit_test(two_slots_at_once_do_not_mix),
        cmocka_unit_test(audio_is_credited_in_full),
        cmocka_unit_test(a_broken_audio_frame_costs_its_slot_only),
        cmocka_unit_test(a_slot_in_use_is_not_opened_again),
        cmocka_unit_test(a_worker_drains),
        cmocka_unit_test(a_worker_leaves_with_its_gateway_and_not_before),
        cmocka_unit_test(a_killed_worker_is_noticed_by_end_of_file),
        cmocka_unit_test(a_broken_frame_ends_the_worker),
        cmocka_unit_test(heartbeats_come_with_real_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
