/* One slot with a scripted engine, a fake clock and a second-pass thread that runs when
 * the test says so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/sched.h"
#include "engine/slot_internal.h"

/* Counts allocations, where no sanitizer has its own allocator. */
static unsigned long n_allocations;
#ifndef ROSTRUM_SANITIZED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *malloc(size_t n) {
    n_allocations++;
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t size) {
    n_allocations++;
    return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n) {
    n_allocations++;
    return __libc_realloc(p, n);
}
#endif

/* The engine: a word for each 500 ms fed, "w0 w1 ...", all but the newest committed.
 * `changes` makes the second pass answer with another first word. Utterances come from a
 * fixed pool, so that the host's allocations are the only ones. */
#define HOP 7680
#define WORD 8000
#define POOL 8
#define LOUD 10000 /* the detector takes sample / LOUD for its probability */

struct rostrum_utterance {
    bool used, closed_while_used;
    rostrum_stop stop;
    size_t fed, stepped;
    rostrum_word words[64];
};

static struct {
    struct rostrum_utterance pool[POOL];
    unsigned open, opened, steps, vads;
    size_t fed; /* by all utterances */
    size_t longest;
    bool changes, lies, fails_step, fails_open, fails_second;
    bool closes; /* the gateway closes the slot while a step runs */
    bool in_second;
    bool no_vad;
} fake;

static const char *const names[64] = {
    "w0",  "w1",  "w2",  "w3",  "w4",  "w5",  "w6",  "w7",  "w8",  "w9",  "w10",
    "w11", "w12", "w13", "w14", "w15", "w16", "w17", "w18", "w19", "w20", "w21",
    "w22", "w23", "w24", "w25", "w26", "w27", "w28", "w29", "w30", "w31", "w32",
    "w33", "w34", "w35", "w36", "w37", "w38", "w39", "w40", "w41", "w42", "w43",
    "w44", "w45", "w46", "w47", "w48", "w49", "w50", "w51", "w52", "w53", "w54",
    "w55", "w56", "w57", "w58", "w59", "w60", "w61", "w62", "w63"};

static int fake_open(rostrum_model *m, const rostrum_utterance_config *c,
                     rostrum_utterance **out, rostrum_error *e) {
    (void)m;
    if (fake.fails_open) {
        snprintf(e->text, sizeof e->text, "cannot open");
        return ROSTRUM_E_FAILED;
    }
    for (size_t i = 0; i < POOL; i++) {
        if (fake.pool[i].used)
            continue;
        fake.pool[i] = (struct rostrum_utterance){.used = true, .stop = c->stop};
        fake.open++;
        fake.opened++;
        *out = &fake.pool[i];
        return ROSTRUM_OK;
    }
    return ROSTRUM_E_MEMORY;
}

static int fake_feed(rostrum_utterance *u, const float *pcm, size_t n, rostrum_error *e) {
    (void)pcm, (void)e;
    assert_true(u->used);
    u->fed += n;
    fake.fed += n;
    if (u->fed > fake.longest)
        fake.longest = u->fed;
    return ROSTRUM_OK;
}

static bool fake_due(const rostrum_utterance *u, rostrum_pressure p) {
    (void)p;
    return u->fed - u->stepped >= HOP;
}

static void hypothesis(rostrum_utterance *u, bool all, rostrum_hypothesis *out) {
    size_t n = u->fed / WORD;
    if (n > 64)
        n = 64;
    for (size_t i = 0; i < n; i++)
        u->words[i] =
            (rostrum_word){names[i], (int32_t)i * 500, (int32_t)i * 500 + 400, -1};
    if (fake.lies && n > 2)
        u->words[0].text = "lie";
    *out = (rostrum_hypothesis){n ? u->words : NULL, n, all ? n : n > 0 ? n - 1 : 0};
}

static void close_slot(void);

static int fake_step(rostrum_utterance *u, rostrum_hypothesis *out, rostrum_error *e) {
    if (fake.fails_step) {
        snprintf(e->text, sizeof e->text, "cannot step");
        return ROSTRUM_E_FAILED;
    }
    fake.steps++;
    if (fake.closes)
        close_slot();
    u->stepped = u->fed;
    hypothesis(u, false, out);
    return ROSTRUM_OK;
}

static int fake_finish(rostrum_utterance *u, rostrum_hypothesis *out, rostrum_error *e) {
    (void)e;
    hypothesis(u, true, out);
    return ROSTRUM_OK;
}

static int fake_second(rostrum_utterance *u, rostrum_hypothesis *out, rostrum_error *e) {
    (void)e;
    assert_true(u->used);
    if (u->stop.asked(u->stop.context))
        return ROSTRUM_E_CANCELLED;
    if (fake.fails_second)
        return ROSTRUM_E_FAILED;
    hypothesis(u, true, out);
    if (fake.changes && out->n_words > 0)
        u->words[0].text = "second";
    return ROSTRUM_OK;
}

static void fake_close(rostrum_utterance *u) {
    if (!u)
        return;
    assert_true(u->used);
    u->used = false;
    fake.open--;
}

static float fake_vad(rostrum_model *m, void *state, const float *pcm) {
    (void)m;
    ++*(unsigned *)state;
    fake.vads++;
    return fake.no_vad ? -1 : fabsf(pcm[0]) * 32768 / LOUD;
}

static const rostrum_engine engine = {.abi = ROSTRUM_ENGINE_ABI,
                                      .name = "fake",
                                      .version = "1",
                                      .sample_rate_hz = 16000,
                                      .open = fake_open,
                                      .feed = fake_feed,
                                      .due = fake_due,
                                      .step = fake_step,
                                      .finish = fake_finish,
                                      .second_pass = fake_second,
                                      .close = fake_close,
                                      .vad_state_bytes = sizeof(unsigned),
                                      .vad = fake_vad};

/* The worker around it. */
static struct {
    uint64_t now_us;
    bool seconds_full;
    bool queued[SLOT_UTTERANCES];
    slot *slot;
    slot_next next;
    slot_scratch scratch;
    buf out;
    engine_listen listen;
} rig;

static void close_slot(void) {
    assert_true(slot_close(rig.slot, 1));
}

static uint64_t rig_now(void *c) {
    (void)c;
    return rig.now_us;
}

static uint64_t rig_cpu(void *c) {
    (void)c;
    return rig.now_us;
}

static float rig_pressure(void *c) {
    (void)c;
    return 0;
}

static bool rig_want_second(void *c, uint16_t index, unsigned number, uint64_t due_us) {
    (void)c, (void)index;
    assert_true(due_us > rig.now_us);
    if (rig.seconds_full)
        return false;
    rig.queued[number] = true;
    return true;
}

static slot_host host = {.engine = &engine,
                         .second_pass = true,
                         .now_us = rig_now,
                         .cpu_us = rig_cpu,
                         .pressure = rig_pressure,
                         .want_second = rig_want_second};

static int set_up(void **state) {
    (void)state;
    memset(&fake, 0, sizeof fake);
    memset(rig.queued, 0, sizeof rig.queued);
    rig.seconds_full = false;
    rig.now_us = 1000000000;
    rig.listen = engine_listen_default;
    buf_init(&rig.out, 1u << 20);
    return slot_create(&host, 5, &rig.slot) == OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    slot_destroy(rig.slot);
    buf_deinit(&rig.out);
    return fake.open == 0 ? 0 : -1; /* every utterance was closed */
}

/* Runs the slot until it has nothing to do now. */
static void run(void) {
    for (int i = 0; i < 2000; i++) {
        rig.next = slot_run(rig.slot, 0, &rig.scratch, &rig.out);
        assert_false(rig.out.failed);
        if (rig.next.due_us == SCHED_NEVER)
            return;
    }
    fail_msg("the slot never rests");
}

static void run_seconds(void) {
    for (unsigned i = 0; i < SLOT_UTTERANCES; i++)
        if (rig.queued[i]) {
            rig.queued[i] = false;
            slot_second(rig.slot, i, 10);
        }
}

/* ms of audio for the detector to call speech or not, in 20 ms frames, in real time.
 * Negative: silence, and from now on the model has no detector. */
static void hear(float probability, unsigned ms) {
    static uint8_t pcm[640];
    fake.no_vad |= probability < 0;
    int16_t loud = (int16_t)(probability < 0 ? 0 : probability * LOUD);
    for (unsigned i = 0; i < sizeof pcm; i += 2) {
        int16_t sample = i / 32 % 2 ? loud : (int16_t)-loud;
        memcpy(pcm + i, &sample, 2);
    }
    for (; ms >= 20 && slot_in_use(rig.slot); ms -= 20) {
        rig.now_us += 20000;
        assert_int_equal(slot_audio(rig.slot, 1, pcm, sizeof pcm), OK);
        run();
    }
}

static void command(uint8_t type) {
    const engine_listen *update = type == FRAME_UPDATE ? &rig.listen : NULL;
    assert_int_equal(slot_command(rig.slot, 1, type, update), OK);
    run();
}

/* The next frame but credits; 0: none. Its payload is read into text or mark. */
static engine_header frame;
static engine_text text;
static engine_mark mark;

static uint8_t next_frame(void) {
    static uint8_t payload[LIMIT_FRAME_BYTES];
    for (;;) {
        status s;
        if (rig.out.size == 0)
            return 0;
        assert_int_equal(proto_frame_need(rig.out.data, rig.out.size, &frame, &s), 0);
        assert_int_equal(s, OK);
        memcpy(payload, rig.out.data + ENGINE_HEADER_BYTES, frame.bytes);
        buf_drop(&rig.out, ENGINE_HEADER_BYTES + frame.bytes);
        if (frame.type == FRAME_CREDIT)
            continue;
        assert_int_equal(frame.slot, 5);
        assert_int_equal(frame.generation, 1);
        if (frame.type == FRAME_PARTIAL || frame.type == FRAME_FINAL)
            assert_int_equal(proto_get_text(payload, frame.bytes, &text), OK);
        if (frame.type == FRAME_SPEECH_STARTED || frame.type == FRAME_SPEECH_STOPPED)
            assert_int_equal(proto_get_mark(payload, frame.bytes, &mark), OK);
        return frame.type;
    }
}

/* The next frame that is no partial. */
static uint8_t next_event(void) {
    uint8_t type;
    do
        type = next_frame();
    while (type == FRAME_PARTIAL);
    return type;
}

static void expect_final(uint32_t number, uint8_t flags) {
    assert_int_equal(next_event(), FRAME_FINAL);
    assert_int_equal(text.utterance, number);
    assert_int_equal(frame.flags, flags);
}

static void expect_speech(uint32_t number) {
    assert_int_equal(next_event(), FRAME_SPEECH_STARTED);
    assert_int_equal(mark.utterance, number);
    assert_int_equal(next_event(), FRAME_SPEECH_STOPPED);
    assert_int_equal(mark.utterance, number);
}

static void open_slot(void) {
    assert_int_equal(slot_open(rig.slot, 1, &rig.listen), OK);
}

static void say(unsigned ms) {
    hear(0.9f, ms);
    hear(0.0f, 800);
}

static void partials_are_sent_only_when_they_are_news(void **state) {
    (void)state;
    rig.listen.second_pass = false;
    open_slot();
    hear(0.0f, 1000);
    say(3000);
    assert_int_equal(next_frame(), FRAME_SPEECH_STARTED);
    uint32_t words = 0, committed = 0;
    unsigned partials = 0;
    while (next_frame() == FRAME_PARTIAL) {
        assert_true(text.n_words > words || text.committed > committed);
        assert_int_equal(text.speech_end_ms, 0);
        words = text.n_words;
        committed = text.committed;
        partials++;
    }
    assert_in_range(partials, 4, 8);
    assert_int_equal(frame.type, FRAME_SPEECH_STOPPED);
    expect_final(0, 0);
    assert_int_equal(text.n_words, text.committed);
    assert_in_range(text.speech_end_ms, 3990, 4020);
    assert_int_equal(next_frame(), 0);
}

static void silence_costs_the_detector_and_nothing_else(void **state) {
    (void)state;
    open_slot();
    hear(0.0f, 5000);
    assert_int_equal(fake.vads, 5000 / 32);
    assert_int_equal(fake.opened, 0);
    assert_int_equal(next_frame(), 0);
}

static void silence_after_speech_is_held_back(void **state) {
    (void)state;
    rig.listen.silence_ms = 3000; /* longer than the tape: some must be fed */
    open_slot();
    hear(0.0f, 1000);
    hear(0.9f, 1000);
    hear(0.0f, 400);
    /* 300 ms padding, 1 s speech, 256 ms tail, a frame or two of rounding */
    assert_in_range(fake.fed, 1500 * 16, 1620 * 16);
    hear(0.9f, 1000); /* speech goes on: not a sample may be missing */
    assert_in_range(fake.fed, 2650 * 16, 2710 * 16);
    hear(0.0f, 2500);
    assert_true(fake.fed < 4800 * 16);
    assert_int_equal(fake.opened, 1);
    hear(0.0f, 800);
    assert_int_equal(next_event(), FRAME_SPEECH_STARTED);
    assert_int_equal(next_event(), FRAME_SPEECH_STOPPED);
    assert_int_equal(next_event(), FRAME_FINAL);
}

static void a_second_pass_corrects_and_counts(void **state) {
    (void)state;
    fake.changes = true;
    open_slot();
    say(2000);
    expect_speech(0);
    expect_final(0, TEXT_FIRST_PASS);
    assert_string_equal(text.words[0].text, "w0");
    assert_int_equal(next_event(), 0);
    run_seconds();
    run();
    expect_final(0, TEXT_SECOND_PASS);
    assert_string_equal(text.words[0].text, "second");
    assert_int_equal(text.corrected, 1);
    assert_int_equal(text.queue_us, 10);
    assert_int_equal(fake.open, 0);
}

static void second_passes_answer_in_order_whatever_they_finish_in(void **state) {
    (void)state;
    open_slot();
    say(1000);
    say(700); /* overlaps the second pass of the first */
    expect_speech(0);
    expect_final(0, TEXT_FIRST_PASS);
    expect_speech(1);
    expect_final(1, TEXT_FIRST_PASS);
    assert_true(rig.queued[0] && rig.queued[1]);
    rig.queued[1] = false;
    slot_second(rig.slot, 1, 0);
    run();
    assert_int_equal(next_event(), 0); /* the first is still out */
    run_seconds();
    run();
    expect_final(0, TEXT_SECOND_PASS);
    expect_final(1, TEXT_SECOND_PASS);
    assert_int_equal(next_event(), 0);
}

static void a_late_second_pass_is_replaced_by_the_first(void **state) {
    (void)state;
    open_slot();
    say(1000);
    expect_speech(0);
    expect_final(0, TEXT_FIRST_PASS);
    assert_true(rig.next.wake_us < rig.now_us + 3000000);
    rig.now_us = rig.next.wake_us;
    run();
    expect_final(0, TEXT_DEGRADED);
    assert_string_equal(text.words[0].text, "w0");
    run_seconds(); /* the thread comes to it too late */
    run();
    assert_int_equal(next_event(), 0);
    assert_int_equal(fake.open, 0);
}

static void a_second_pass_that_fails_leaves_the_first(void **state) {
    (void)state;
    fake.fails_second = true;
    open_slot();
    say(1000);
    run_seconds();
    run();
    expect_speech(0);
    expect_final(0, TEXT_FIRST_PASS);
    expect_final(0, TEXT_DEGRADED);
    assert_string_equal(text.words[0].text, "w0");
}

static void a_full_queue_of_second_passes_degrades_at_once(void **state) {
    (void)state;
    rig.seconds_full = true;
    open_slot();
    say(1000);
    expect_speech(0);
    expect_final(0, TEXT_DEGRADED);
    assert_int_equal(next_event(), 0);
}

static void a_slot_with_all_utterances_in_flight_stops_reading(void **state) {
    (void)state;
    rig.listen.partials = false; /* second passes may take a minute */
    open_slot();
    for (unsigned i = 0; i < SLOT_UTTERANCES; i++) {
        say(600);
        expect_speech(i);
        expect_final(i, TEXT_FIRST_PASS);
    }
    unsigned vads = fake.vads;
    say(600);
    assert_int_equal(fake.vads, vads);
    run_seconds();
    run(); /* what waited is read now */
    for (unsigned i = 0; i < SLOT_UTTERANCES; i++)
        expect_final(i, TEXT_SECOND_PASS);
    expect_speech(SLOT_UTTERANCES);
    expect_final(SLOT_UTTERANCES, TEXT_FIRST_PASS);
}

static void files_get_no_partials_and_no_steps(void **state) {
    (void)state;
    rig.listen.partials = false;
    rig.listen.second_pass = false;
    open_slot();
    say(5000);
    assert_int_equal(fake.steps, 0);
    expect_speech(0);
    expect_final(0, 0);
}

static void a_commit_ends_a_manual_utterance_to_the_sample(void **state) {
    (void)state;
    rig.listen.endpoint = ENDPOINT_MANUAL;
    rig.listen.second_pass = false;
    open_slot();
    static const uint8_t pcm[2 * 100];
    assert_int_equal(slot_audio(rig.slot, 1, pcm, sizeof pcm), OK);
    command(FRAME_COMMIT);
    expect_final(0, TEXT_BY_COMMIT);
    assert_int_equal(fake.fed, 100 + 6400); /* less than a frame is audio; padding */
    assert_int_equal(text.end_ms, 6);
    hear(0.9f, 1000);
    command(FRAME_COMMIT);
    expect_final(1, TEXT_BY_COMMIT);
    assert_in_range(fake.fed, 6500 + 16000 + 6200, 6500 + 16000 + 6400 + 512);
    assert_int_equal(text.start_ms, 6);
    assert_int_equal(text.end_ms, 1006);
    command(FRAME_COMMIT); /* nothing to commit: answered all the same */
    expect_final(2, TEXT_BY_COMMIT);
    assert_int_equal(text.n_words, 0);
    assert_int_equal(next_frame(), 0); /* no marks in manual mode */
}

static void a_commit_in_the_middle_of_speech_stops_it(void **state) {
    (void)state;
    rig.listen.second_pass = false;
    open_slot();
    hear(0.0f, 500);
    hear(0.9f, 1000);
    command(FRAME_COMMIT);
    expect_speech(0);
    assert_in_range(mark.at_ms, 1470, 1500); /* the last whole frame */
    expect_final(0, TEXT_BY_COMMIT);
}

static void a_cleared_utterance_has_no_final_and_holds_up_none(void **state) {
    (void)state;
    open_slot();
    say(700);
    hear(0.9f, 300);
    command(FRAME_CLEAR);
    hear(0.0f, 100);
    say(600);
    run_seconds();
    run();
    expect_speech(0);
    expect_final(0, TEXT_FIRST_PASS);
    assert_int_equal(next_event(), FRAME_SPEECH_STARTED);
    assert_int_equal(mark.utterance, 1);
    expect_speech(2);
    expect_final(2, TEXT_FIRST_PASS);
    expect_final(0, TEXT_SECOND_PASS);
    expect_final(2, TEXT_SECOND_PASS);
    assert_int_equal(next_event(), 0);
}

static void speech_without_a_pause_is_cut_at_the_limit_and_loses_nothing(void **state) {
    (void)state;
    rig.listen.max_utterance_ms = 2000;
    rig.listen.second_pass = false;
    open_slot();
    hear(0.9f, 6400);
    hear(0.0f, 800);
    for (uint32_t i = 0; i < 3; i++) {
        expect_speech(i);
        expect_final(i, TEXT_BY_LIMIT);
    }
    expect_speech(3);
    expect_final(3, 0);
    assert_true(fake.longest <= 2000 * 16);
    assert_in_range(fake.fed, 6400 * 16, 6400 * 16 + 300 * 16);
}

static void an_engine_error_ends_the_stream_and_frees_the_slot(void **state) {
    (void)state;
    fake.fails_step = true;
    open_slot();
    say(1000);
    assert_int_equal(next_frame(), FRAME_SPEECH_STARTED);
    assert_int_equal(next_frame(), FRAME_ERROR);
    assert_int_equal(next_frame(), FRAME_CLOSED);
    assert_false(slot_in_use(rig.slot));
    assert_int_equal(slot_audio(rig.slot, 1, NULL, 0), ERR_NOT_FOUND);
    fake.fails_open = true;
    open_slot();
    hear(0.9f, 60);
    hear(0.9f, 60);
    assert_int_equal(next_frame(), FRAME_ERROR);
    assert_int_equal(next_frame(), FRAME_CLOSED);
}

static void a_close_lets_a_second_pass_end_and_says_nothing_more(void **state) {
    (void)state;
    open_slot();
    say(1000);
    hear(0.9f, 500);
    while (next_frame())
        ;
    assert_true(slot_close(rig.slot, 1));
    assert_false(slot_close(rig.slot, 2));
    run();
    assert_int_equal(next_frame(), FRAME_CLOSED);
    assert_false(slot_in_use(rig.slot));
    run_seconds(); /* finds nothing to do */
    run();
    assert_int_equal(next_frame(), 0);
    assert_int_equal(fake.open, 0);
}

static void what_a_step_found_while_it_was_closed_is_not_sent(void **state) {
    (void)state;
    open_slot();
    hear(0.9f, 800);
    fake.closes = true; /* in the second step, which has a word to tell */
    hear(0.9f, 2000);
    assert_int_equal(next_frame(), FRAME_SPEECH_STARTED);
    assert_int_equal(next_frame(), FRAME_CLOSED); /* and no partial */
    assert_int_equal(fake.steps, 2);
}

static void a_broken_promise_about_committed_words_is_not_passed_on(void **state) {
    (void)state;
    rig.listen.second_pass = false;
    fake.lies = true;
    open_slot();
    say(3000);
    while (next_frame() != FRAME_FINAL)
        if (frame.type == FRAME_PARTIAL && text.n_words > 0)
            assert_string_equal(text.words[0].text, "w0");
}

static void too_much_audio_is_the_gateways_fault(void **state) {
    (void)state;
    static const uint8_t second[32000];
    open_slot();
    for (int i = 0; i < LIMIT_SLOT_AUDIO_S; i++)
        assert_int_equal(slot_audio(rig.slot, 1, second, sizeof second), OK);
    assert_int_equal(slot_audio(rig.slot, 1, second, 2), ERR_LIMIT);
    run();
    assert_int_equal(next_frame(), FRAME_ERROR);
    assert_int_equal(next_frame(), FRAME_CLOSED);
}

static void nothing_is_allocated_while_audio_flows(void **state) {
    (void)state;
#ifdef ROSTRUM_SANITIZED
    skip();
#endif
    open_slot();
    say(2000);
    run_seconds();
    run();
    unsigned long before = n_allocations;
    buf_clear(&rig.out);
    say(2000);
    run_seconds();
    run();
    assert_true(rig.out.size > 0);
    assert_int_equal(n_allocations, before);
}

static uint64_t seed;

static unsigned below(unsigned n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

/* What a gateway relies on, whatever happens (proto.h). */
static struct {
    uint32_t started, stopped, last_final;
    bool in_speech, first_pass[64];
    unsigned commits, commit_finals;
} seen;

static void check_frames(void) {
    uint8_t type;
    while ((type = next_frame())) {
        assert_int_not_equal(type, FRAME_ERROR);
        if (type == FRAME_SPEECH_STARTED) {
            assert_true(mark.utterance >= seen.started);
            seen.started = mark.utterance + 1;
            seen.in_speech = true;
        } else if (type == FRAME_SPEECH_STOPPED) {
            assert_true(seen.in_speech);
            assert_int_equal(mark.utterance + 1, seen.started);
            seen.in_speech = false;
        } else if (type == FRAME_FINAL && frame.flags & TEXT_FIRST_PASS) {
            assert_true(text.utterance >= seen.last_final);
            assert_false(seen.first_pass[text.utterance % 64]);
            seen.first_pass[text.utterance % 64] = true;
        } else if (type == FRAME_FINAL) {
            assert_true(text.utterance >= seen.last_final);
            seen.last_final = text.utterance + 1;
            seen.first_pass[text.utterance % 64] = false;
            seen.commit_finals += (frame.flags & TEXT_BY_COMMIT) != 0;
        }
    }
}

static void random_event(void) {
    static const float speech[] = {0.9f, 0.9f, 0.4f, 0.0f, 0.0f, -1.0f};
    switch (below(12)) {
    case 0:
        command(FRAME_COMMIT);
        seen.commits++;
        break;
    case 1:
        command(FRAME_CLEAR);
        break;
    case 2:
        rig.listen.endpoint = below(4) ? ENDPOINT_SERVER_VAD : ENDPOINT_MANUAL;
        rig.listen.prefix_padding_ms = below(2001);
        rig.listen.silence_ms = 50 + below(3000);
        rig.listen.max_utterance_ms = 1000 + below(9000);
        rig.listen.second_pass = below(2);
        rig.listen.partials = below(4);
        command(FRAME_UPDATE);
        break;
    case 3:
        run_seconds();
        run();
        break;
    case 4:
        rig.now_us += below(70) * 1000000;
        run();
        break;
    case 5: { /* a piece that is no whole frame, and no run after it */
        static const uint8_t odd[2 * 700];
        assert_int_equal(slot_audio(rig.slot, 1, odd, 2 * (1 + below(700))), OK);
        break;
    }
    default:
        hear(speech[below(6)], 20 * (1 + below(100)));
    }
}

static void any_order_of_events_keeps_the_protocols_promises(void **state) {
    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        seed = round;
        memset(&seen, 0, sizeof seen);
        rig.listen = engine_listen_default;
        open_slot();
        for (int i = 0; i < 60; i++) {
            random_event();
            check_frames();
            if (!slot_in_use(rig.slot))
                fail_msg("round %u lost its slot", round);
            if (rig.out.size == 0 && below(8) == 0) {
                run_seconds(); /* or the inbox fills up behind second passes */
                run();
            }
        }
        for (int i = 0; i < 10; i++) { /* all answers come in the end */
            run_seconds();
            run();
        }
        check_frames();
        assert_int_equal(seen.commit_finals, seen.commits);
        slot_close(rig.slot, 1);
        run();
        assert_int_equal(next_frame(), FRAME_CLOSED);
        memset(rig.queued, 0, sizeof rig.queued);
    }
}

/* The engine hears at least 400 ms after the last sound; times stay those of the audio.
 */
static void speech_that_a_commit_cuts_off_is_padded(void **state) {
    (void)state;
    static const struct {
        unsigned speech_ms, silence_ms;
        size_t fed_ms;
    } rows[] = {
        {1000, 0, 1400},   /* cut in the last sound */
        {1000, 120, 1400}, /* a part is there */
        {1000, 500, 1500}, /* more than enough is */
        {29900, 0, 30000}, /* never more than 30 s */
    };
    rig.listen.endpoint = ENDPOINT_MANUAL;
    rig.listen.second_pass = false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        open_slot();
        unsigned left_ms = rows[i].speech_ms;
        for (; left_ms > 500; left_ms -= 500) { /* a steady sound would be noise */
            hear(1, 460);
            hear(0, 40);
        }
        hear(1, left_ms);
        hear(0, rows[i].silence_ms);
        fake.longest = 0;
        command(FRAME_COMMIT);
        expect_final(0, TEXT_BY_COMMIT);
        assert_in_range(fake.longest, rows[i].fed_ms * 16 - 256,
                        rows[i].fed_ms * 16 + 256);
        assert_int_equal(text.end_ms, rows[i].speech_ms + rows[i].silence_ms);
        assert_in_range(text.speech_end_ms, rows[i].speech_ms - 16,
                        rows[i].speech_ms + 16);
        assert_true(text.words[text.n_words - 1].end_ms <= text.end_ms);
        close_slot();
        run();
        buf_clear(&rig.out);
    }
}

static unsigned resident_pages(void *from, size_t bytes) {
    unsigned char pages[256];
    unsigned n = 0;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), count = (bytes + page - 1) / page;
    assert_true(count <= sizeof pages);
    assert_int_equal(mincore(from, bytes, pages), 0);
    for (size_t i = 0; i < count; i++)
        n += pages[i] & 1;
    return n;
}

static void a_stream_without_audio_on_its_way_keeps_no_inbox(void **state) {
    (void)state;
    open_slot();
    hear(0, 400); /* half a frame waits for the rest */
    slot *s = rig.slot;
    assert_true(resident_pages((uint8_t *)s->memory + s->rest_from, s->rest_bytes) > 0);
    rig.now_us += 1900000;
    slot_rest(s);
    assert_true(resident_pages((uint8_t *)s->memory + s->rest_from, s->rest_bytes) >
                0); /* it may go on */
    rig.now_us += 200000;
    slot_rest(s);
    assert_int_equal(resident_pages((uint8_t *)s->memory + s->rest_from, s->rest_bytes),
                     0);
    hear(1, 1000); /* and it goes on as if nothing had been */
    hear(0, 1000);
    expect_speech(0);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(partials_are_sent_only_when_they_are_news),
        TEST(silence_costs_the_detector_and_nothing_else),
        TEST(silence_after_speech_is_held_back),
        TEST(a_second_pass_corrects_and_counts),
        TEST(second_passes_answer_in_order_whatever_they_finish_in),
        TEST(a_late_second_pass_is_replaced_by_the_first),
        TEST(a_second_pass_that_fails_leaves_the_first),
        TEST(a_full_queue_of_second_passes_degrades_at_once),
        TEST(a_slot_with_all_utterances_in_flight_stops_reading),
        TEST(files_get_no_partials_and_no_steps),
        TEST(a_commit_ends_a_manual_utterance_to_the_sample),
        TEST(a_commit_in_the_middle_of_speech_stops_it),
        TEST(speech_that_a_commit_cuts_off_is_padded),
        TEST(a_stream_without_audio_on_its_way_keeps_no_inbox),
        TEST(a_cleared_utterance_has_no_final_and_holds_up_none),
        TEST(speech_without_a_pause_is_cut_at_the_limit_and_loses_nothing),
        TEST(an_engine_error_ends_the_stream_and_frees_the_slot),
        TEST(a_close_lets_a_second_pass_end_and_says_nothing_more),
        TEST(what_a_step_found_while_it_was_closed_is_not_sent),
        TEST(a_broken_promise_about_committed_words_is_not_passed_on),
        TEST(too_much_audio_is_the_gateways_fault),
        TEST(nothing_is_allocated_while_audio_flows),
        TEST(any_order_of_events_keeps_the_protocols_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
