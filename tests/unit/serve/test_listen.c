/* One listen session: audio in, room, clocks, what it counts and what it gives back. */
#include "fake_world.h"

#include <malloc.h>

#include "serve/session/arrivals.h"

static unsigned rooms, losses;
static listen_timing last_timing;
static listen_session *session;

static void on_final(void *owner, uint8_t flags, const engine_text *text,
                     const listen_timing *timing) {
    (void)owner, (void)flags, (void)text;
    last_timing = *timing;
}

static void on_room(void *owner) {
    (void)owner;
    rooms++;
}

static void on_lost(void *owner, status why) {
    (void)owner, (void)why;
    losses++;
    listen_close(session); /* allowed from inside */
    session = NULL;
}

static const listen_events events = {.final = on_final, .room = on_room, .lost = on_lost};

static void open_pcm(uint32_t rate_hz) {
    listen_config how = {
        .model = "", .protocol = "realtime", .format = {AUDIO_S16LE, rate_hz, 1}};
    unsigned retry_after_s;
    diag d = DIAG_INIT;
    listen_defaults(&the_app, &how.listen);
    rooms = losses = 0;
    assert_int_equal(
        listen_open(&the_app, &how, &events, NULL, &session, &retry_after_s, &d), OK);
}

/* Sends ms of audio at 16 kHz in 20 ms frames, each at its time. */
static void talk(unsigned ms) {
    uint8_t frame[640] = {0};
    size_t taken;
    for (unsigned at = 0; at < ms; at += 20) {
        pass_ms(20);
        assert_int_equal(listen_audio(session, frame, sizeof frame, &taken, NULL), OK);
        assert_int_equal(taken, sizeof frame);
        fake_slot.room = 128000;
    }
}

static void latencies_run_from_when_the_sample_arrived(void **state) {
    (void)state;
    open_pcm(16000);
    talk(3000);
    started(0, 1010); /* in the frame that ended, and arrived, at 1,020 */
    pass_ms(100);
    say_partial("", 0, 700, 0); /* no words: not what one waits for */
    pass_ms(100);
    say_partial("yes", 0, 1010, 0);
    talk(1000);
    stopped(0, 2500);
    static engine_text text;
    make_text(&text, "yes indeed", 0, 700, 2);
    text.speech_end_ms = 2500;
    fake_slot.events->text(fake_slot.session, FRAME_FINAL, TEXT_FIRST_PASS, &text);
    pass_ms(30);
    fake_slot.events->text(fake_slot.session, FRAME_FINAL, TEXT_SECOND_PASS, &text);
    /* the audio clock is at 4,000, the wall clock 200 later, then 230 */
    assert_in_range(last_timing.first_partial_ms, 2180, 2200);
    assert_in_range(last_timing.first_pass_ms, 1680, 1700);
    assert_in_range(last_timing.finalise_ms, 1710, 1730);
    assert_true(the_metrics.value[M_UTTERANCES] == 1);
    assert_true(the_metrics.value[M_FIRST_PARTIAL] == 1);
    listen_close(session);
}

static void a_commit_later_than_the_speech_starts_the_clock_of_the_final(void **state) {
    (void)state;
    open_pcm(16000);
    talk(2000);
    pass_ms(5000); /* the finger stays on the button */
    listen_commit(session);
    pass_ms(80);
    static engine_text text;
    make_text(&text, "done", 0, 0, 1);
    text.speech_end_ms = 1000;
    fake_slot.events->text(fake_slot.session, FRAME_FINAL, TEXT_BY_COMMIT, &text);
    assert_true(last_timing.finalise_ms == 80);
    listen_close(session);
}

static void what_a_full_slot_does_not_take_is_kept_or_left(void **state) {
    (void)state;
    uint8_t audio[32000] = {0};
    size_t taken;
    open_pcm(16000);
    fake_slot.room = 3000;
    assert_int_equal(listen_audio(session, audio, sizeof audio, &taken, NULL), OK);
    assert_in_range(taken, 6000, 6000 + 4096);
    listen_commit(session); /* after all that was taken */
    assert_int_equal(fake_slot.commits, 0);
    assert_int_equal(rooms, 0);
    give_room(128000);
    assert_int_equal(rooms, 1);
    assert_int_equal(fake_slot.samples, taken / 2);
    assert_int_equal(fake_slot.samples_at_commit, taken / 2);
    size_t more;
    assert_int_equal(
        listen_audio(session, audio + taken, sizeof audio - taken, &more, NULL), OK);
    assert_int_equal(taken + more, sizeof audio);
    assert_int_equal(fake_slot.samples, 16000);
    give_room(1);
    assert_int_equal(rooms, 1); /* nobody waits */
    listen_close(session);
}

/* 100 ms at 24 kHz. The resampler holds back 5 ms: they belong to what was before. */
static void a_commit_or_a_clear_leaves_nothing_to_the_next_utterance(void **state) {
    (void)state;
    static const uint8_t audio[2400 * 2];
    size_t taken;
    open_pcm(24000);
    fake_slot.room = 128000;
    size_t before = fake_slot.samples;
    assert_int_equal(listen_audio(session, audio, sizeof audio, &taken, NULL), OK);
    assert_in_range(fake_slot.samples - before, 1500, 1599);
    listen_commit(session);
    assert_int_equal(fake_slot.samples_at_commit - before, 1600);
    before = fake_slot.samples;
    assert_int_equal(listen_audio(session, audio, sizeof audio, &taken, NULL), OK);
    size_t passed_on = fake_slot.samples - before;
    assert_in_range(passed_on, 1500, 1599);
    assert_int_equal(listen_clear(session, NULL), OK);
    listen_commit(session); /* an empty one: what was held back is gone */
    assert_int_equal(fake_slot.samples_at_commit - before, passed_on);
    assert_int_equal(listen_audio(session, audio, sizeof audio, &taken, NULL), OK);
    listen_commit(session);
    assert_int_equal(fake_slot.samples_at_commit - before, passed_on + 1600);
    listen_close(session);
}

static void clear_drops_what_is_kept(void **state) {
    (void)state;
    uint8_t audio[8000] = {0};
    size_t taken;
    open_pcm(16000);
    fake_slot.room = 100;
    assert_int_equal(listen_audio(session, audio, sizeof audio, &taken, NULL), OK);
    assert_int_equal(listen_clear(session, NULL), OK);
    give_room(128000);
    assert_int_equal(fake_slot.samples, 100);
    assert_int_equal(fake_slot.clears, 1);
    listen_close(session);
}

/* After a clear the next sample has the same place in the stream for both sides. */
static void what_is_cleared_unsent_leaves_no_gap_in_the_stream(void **state) {
    (void)state;
    uint8_t audio[8000] = {0};
    size_t taken;
    open_pcm(16000);
    fake_slot.room = 1600;
    assert_int_equal(listen_audio(session, audio, sizeof audio, &taken, NULL), OK);
    assert_int_equal(listen_audio_ms(session), taken / 32);
    assert_int_equal(listen_clear(session, NULL), OK);
    assert_int_equal(listen_audio_ms(session), 100);
    give_room(128000);
    assert_int_equal(listen_audio(session, audio, sizeof audio, &taken, NULL), OK);
    assert_int_equal(listen_audio_ms(session), 350);
    assert_int_equal(fake_slot.samples, 5600);
    listen_close(session);
}

static void only_the_newest_settings_go_out_and_only_before_audio(void **state) {
    (void)state;
    engine_listen how;
    uint8_t audio[640] = {0};
    size_t taken;
    open_pcm(16000);
    listen_defaults(&the_app, &how);
    listen_update(session, &how); /* as they are already */
    talk(20);
    assert_int_equal(fake_slot.updates, 0);
    for (unsigned i = 0; i < 3000; i++) {
        how.silence_ms = 300 + i;
        listen_update(session, &how);
    }
    assert_int_equal(fake_slot.updates, 0);
    talk(20);
    assert_int_equal(fake_slot.updates, 1);
    assert_int_equal(fake_slot.settings.silence_ms, 3299);
    how.max_utterance_ms = 9000;
    listen_update(session, &how);
    listen_commit(session); /* before a commit as well: its final is made with them */
    assert_int_equal(fake_slot.settings.max_utterance_ms, 9000);
    say_final("", 0, 0, TEXT_BY_COMMIT, 0);
    /* a worker that takes nothing is owed few; later audio brings the newest */
    for (unsigned i = 0; i < 30; i++) {
        how.silence_ms = 400 + i;
        listen_update(session, &how);
        assert_int_equal(listen_audio(session, audio, sizeof audio, &taken, NULL), OK);
    }
    assert_int_equal(fake_slot.updates, 5); /* with the one of the commit, four */
    fake_slot.room = 128000;
    talk(20);
    assert_int_equal(fake_slot.updates, 6);
    assert_int_equal(fake_slot.settings.silence_ms, 429);
    listen_close(session);
}

static void commits_wait_until_those_before_are_answered(void **state) {
    (void)state;
    uint8_t audio[640] = {0};
    size_t taken;
    open_pcm(16000);
    for (unsigned i = 0; i < 20; i++)
        listen_commit(session);
    assert_int_equal(fake_slot.commits, 8);
    assert_false(listen_keeps_up(session));
    assert_int_equal(listen_audio(session, audio, sizeof audio, &taken, NULL), OK);
    assert_int_equal(taken, 0); /* its place is behind them */
    for (unsigned i = 0; i < 12; i++) {
        say_final("", i, 0, TEXT_FIRST_PASS | TEXT_BY_COMMIT, 0); /* no answer yet */
        assert_int_equal(fake_slot.commits, 8 + i);
        assert_int_equal(rooms, 0);
        say_final("", i, 0, TEXT_BY_COMMIT, 0);
        assert_int_equal(fake_slot.commits, 9 + i);
    }
    assert_int_equal(rooms, 1);
    assert_true(listen_keeps_up(session));
    listen_close(session);
}

static void clears_past_what_a_worker_holds_are_refused(void **state) {
    (void)state;
    uint8_t audio[640] = {0};
    size_t taken;
    diag d = DIAG_INIT;
    open_pcm(16000);
    for (unsigned i = 0; i < 3000; i++) /* nothing to clear */
        assert_int_equal(listen_clear(session, &d), OK);
    assert_int_equal(fake_slot.clears, 0);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(listen_audio(session, audio, sizeof audio, &taken, NULL), OK);
        assert_int_equal(listen_clear(session, &d), i < 4 ? OK : ERR_QUOTA);
    }
    assert_int_equal(fake_slot.clears, 4);
    talk(20); /* the worker took it all */
    assert_int_equal(listen_clear(session, &d), OK);
    listen_close(session);
}

static void a_commit_of_silence_is_no_empty_utterance(void **state) {
    (void)state;
    static const struct {
        const char *words;
        uint32_t start_ms, speech_end_ms;
        double utterances, empty; /* counted after it */
    } rows[] = {
        {"", 500, 500, 0, 0},    /* a commit of nothing, or of silence */
        {"", 500, 900, 1, 1},    /* speech, and no words found in it */
        {"yes", 500, 900, 2, 1}, /* speech and words */
        {"yes", 500, 500, 3, 1}, /* words say that there was speech */
    };
    engine_text *text = calloc(1, sizeof *text);
    open_pcm(16000);
    talk(1000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make_text(text, rows[i].words, (uint32_t)i, rows[i].start_ms, 0);
        text->speech_end_ms = rows[i].speech_end_ms;
        fake_slot.events->text(fake_slot.session, FRAME_FINAL, TEXT_BY_COMMIT, text);
        assert_true(the_metrics.value[M_UTTERANCES] == rows[i].utterances);
        assert_true(the_metrics.value[M_UTTERANCES_EMPTY] == rows[i].empty);
    }
    free(text);
    listen_close(session);
}

static void on_final_close(void *owner, uint8_t flags, const engine_text *text,
                           const listen_timing *timing) {
    on_final(owner, flags, text, timing);
    listen_close(session);
    session = NULL;
}

static void a_session_may_be_closed_from_inside_its_final(void **state) {
    (void)state;
    static const listen_events closing = {.final = on_final_close};
    listen_config how = {
        .model = "", .protocol = "realtime", .format = {AUDIO_S16LE, 16000, 1}};
    unsigned retry_after_s;
    assert_int_equal(
        listen_open(&the_app, &how, &closing, NULL, &session, &retry_after_s, NULL), OK);
    listen_commit(session);
    say_final("", 0, 0, TEXT_BY_COMMIT, 0);
    assert_null(session);
}

static void a_lost_session_may_be_closed_from_inside(void **state) {
    (void)state;
    open_pcm(16000);
    lose(ERR_LOST);
    assert_int_equal(losses, 1);
    assert_null(session);
}

static void the_format_can_change_between_bytes(void **state) {
    (void)state;
    uint8_t audio[800] = {0};
    size_t taken;
    diag d = DIAG_INIT;
    audio_format mulaw = {AUDIO_MULAW, 8000, 1};
    audio_format absurd = {AUDIO_S16LE, 1, 1};
    open_pcm(24000);
    assert_int_not_equal(listen_reformat(session, &absurd, &d), OK);
    assert_int_equal(listen_audio(session, audio, 480, &taken, &d), OK);
    assert_int_equal(listen_reformat(session, &mulaw, &d), OK);
    assert_in_range(fake_slot.samples, 159, 161); /* 10 ms, flushed */
    assert_int_equal(listen_audio(session, audio, 800, &taken, &d), OK);
    assert_int_equal(listen_end(session, &d), OK);
    assert_in_range(listen_audio_ms(session), 109, 110);
    assert_int_equal(listen_audio(session, audio, 2, &taken, &d), ERR_STATE);
    listen_close(session);
}

static void a_frame_of_audio_allocates_nothing(void **state) {
    (void)state;
    uint8_t frame[960] = {0};
    size_t taken;
    open_pcm(24000);
    for (int i = 0; i < 10; i++)
        assert_int_equal(listen_audio(session, frame, sizeof frame, &taken, NULL), OK);
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < 100; i++)
        assert_int_equal(listen_audio(session, frame, sizeof frame, &taken, NULL), OK);
    struct mallinfo2 after = mallinfo2();
    assert_int_equal(before.uordblks, after.uordblks);
    listen_close(session);
}

static void refusals_say_why(void **state) {
    (void)state;
    listen_config how = {
        .model = "none", .protocol = "realtime", .format = {AUDIO_S16LE, 16000, 1}};
    unsigned retry_after_s = 0;
    diag d = DIAG_INIT;
    how.listen = engine_listen_default;
    assert_int_equal(
        listen_open(&the_app, &how, &events, NULL, &session, &retry_after_s, &d),
        ERR_NOT_FOUND);
    assert_non_null(strstr(d.text, "fake-base, fake-tiny"));
    how.model = "";
    strcpy(how.listen.language, "fr");
    assert_int_equal(
        listen_open(&the_app, &how, &events, NULL, &session, &retry_after_s, &d),
        ERR_UNSUPPORTED);
    assert_non_null(strstr(d.text, "en"));
    strcpy(how.listen.language, "EN_us");
    fake_slot.acquire = ERR_CAPACITY;
    assert_int_equal(
        listen_open(&the_app, &how, &events, NULL, &session, &retry_after_s, &d),
        ERR_CAPACITY);
    assert_int_equal(retry_after_s, 7);
}

static void arrivals_never_flatter(void **state) {
    (void)state;
    static arrivals a;
    uint32_t at = 0;
    a.n = 0;
    assert_false(arrivals_find(&a, 0, &at));
    for (uint32_t i = 1; i <= 3000; i++) /* a minute of 20 ms frames, 50 ms behind */
        arrivals_add(&a, i * 20, i * 20 + 50);
    for (uint32_t ms = 0; ms < 60000; ms += 7) {
        uint32_t truth = ms / 20 * 20 + 20 + 50;
        assert_true(arrivals_find(&a, ms, &at));
        assert_true(at <= truth); /* a latency from it is never too short */
        if (ms >= 60000 - 64 * 20)
            assert_int_equal(at, truth); /* the newest are exact */
    }
    assert_true(arrivals_find(&a, 99999, &at)); /* past the end: the last arrival */
    assert_int_equal(at, 60050);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        world_test(latencies_run_from_when_the_sample_arrived),
        world_test(a_commit_later_than_the_speech_starts_the_clock_of_the_final),
        world_test(what_a_full_slot_does_not_take_is_kept_or_left),
        world_test(a_commit_or_a_clear_leaves_nothing_to_the_next_utterance),
        world_test(clear_drops_what_is_kept),
        world_test(what_is_cleared_unsent_leaves_no_gap_in_the_stream),
        world_test(only_the_newest_settings_go_out_and_only_before_audio),
        world_test(commits_wait_until_those_before_are_answered),
        world_test(clears_past_what_a_worker_holds_are_refused),
        world_test(a_commit_of_silence_is_no_empty_utterance),
        world_test(a_session_may_be_closed_from_inside_its_final),
        world_test(a_lost_session_may_be_closed_from_inside),
        world_test(the_format_can_change_between_bytes),
        world_test(a_frame_of_audio_allocates_nothing),
        world_test(refusals_say_why),
        world_test(arrivals_never_flatter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
