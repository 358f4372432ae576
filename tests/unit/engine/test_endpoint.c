/* Where utterances begin and end, to the 8 ms piece, and the detector of last resort. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/endpoint.h"

#define MS SAMPLES_PER_MS

/* Feeds a stream whose loudness is given by the time: loud in [from_ms, to_ms) of any of
 * the spans, else quiet; the detector's verdict lags by lag_frames. */
typedef struct {
    unsigned from_ms, to_ms;
} span;

static bool loud_at(const span *spans, size_t n, uint64_t sample) {
    for (size_t i = 0; i < n; i++)
        if (sample >= spans[i].from_ms * MS && sample < spans[i].to_ms * MS)
            return true;
    return false;
}

typedef struct {
    endpoint ends;
    const span *spans;
    size_t n_spans;
    float speech, rest; /* the detector's probabilities */
    unsigned lag_frames;
} stream;

static endpoint_event advance(stream *s) {
    frame_levels levels;
    uint64_t at = s->ends.position;
    unsigned loud = 0;
    for (unsigned p = 0; p < FRAME_PIECES; p++) {
        bool is =
            loud_at(s->spans, s->n_spans, at + p * PIECE_SAMPLES + PIECE_SAMPLES / 2);
        levels.piece_db[p] = is ? -20 : -55;
    }
    uint64_t lag = (uint64_t)s->lag_frames * FRAME_SAMPLES;
    for (unsigned p = 0; p < FRAME_PIECES; p++)
        loud += at >= lag && loud_at(s->spans, s->n_spans,
                                     at - lag + p * PIECE_SAMPLES + PIECE_SAMPLES / 2);
    levels.frame_db = loud ? -20 : -55;
    return endpoint_frame(&s->ends, loud >= 2 ? s->speech : s->rest, &levels, -55);
}

/* The next event before end_ms, or ENDPOINT_NOTHING. */
static endpoint_event next(stream *s, unsigned end_ms) {
    while (s->ends.position < (uint64_t)end_ms * MS) {
        endpoint_event event = advance(s);
        if (event.kind != ENDPOINT_NOTHING)
            return event;
    }
    return (endpoint_event){.kind = ENDPOINT_NOTHING};
}

static stream begin(const span *spans, size_t n, const engine_listen *listen) {
    stream s = {.spans = spans, .n_spans = n, .speech = 0.9f, .rest = 0.05f};
    endpoint_init(&s.ends, listen);
    return s;
}

static void true_times_are_told_whatever_the_detectors_lag(void **state) {
    (void)state;
    static const span spans[] = {{1000, 2000}};
    for (unsigned lag = 0; lag <= 2; lag++) {
        stream s = begin(spans, 1, &engine_listen_default);
        s.lag_frames = lag;
        endpoint_event e = next(&s, 5000);
        assert_int_equal(e.kind, ENDPOINT_STARTED);
        assert_in_range(e.at, 992 * MS, 1008 * MS);
        assert_in_range(e.decided, e.at + 48 * MS, e.at + (80 + lag * 32) * MS);
        assert_int_equal(e.from, e.at - 300 * MS);
        e = next(&s, 5000);
        assert_int_equal(e.kind, ENDPOINT_STOPPED);
        assert_in_range(e.at, 1992 * MS, 2008 * MS);
        assert_in_range(e.decided, 2480 * MS, (2540 + lag * 32) * MS);
        assert_false(e.by_limit);
        assert_int_equal(next(&s, 9000).kind, ENDPOINT_NOTHING);
    }
}

static void a_verdict_without_any_loudness_stands(void **state) {
    (void)state;
    engine_listen listen = engine_listen_default;
    endpoint e;
    endpoint_init(&e, &listen);
    frame_levels quiet = {{-58, -58, -58, -58}, -58}; /* a whisper the detector knows */
    endpoint_event event = {.kind = ENDPOINT_NOTHING};
    for (int i = 0; i < 40; i++)
        event = endpoint_frame(&e, 0, &quiet, -60);
    for (int i = 0; i < 2; i++)
        event = endpoint_frame(&e, 0.9f, &quiet, -60);
    assert_int_equal(event.kind, ENDPOINT_STARTED);
    assert_int_equal(event.at, 40 * FRAME_SAMPLES);
    for (int i = 0; i < 20 && event.kind != ENDPOINT_STOPPED; i++)
        event = endpoint_frame(&e, 0, &quiet, -60);
    assert_int_equal(event.kind, ENDPOINT_STOPPED);
    assert_int_equal(event.at, 42 * FRAME_SAMPLES);
}

static void one_frame_of_noise_starts_nothing(void **state) {
    (void)state;
    static const span click[] = {{1000, 1030}};
    stream s = begin(click, 1, &engine_listen_default);
    assert_int_equal(next(&s, 4000).kind, ENDPOINT_NOTHING);
}

static void between_release_and_threshold_nothing_changes(void **state) {
    (void)state;
    static const span spans[] = {{1000, 2000}};
    stream s = begin(spans, 1, &engine_listen_default); /* 0.5, release 0.35 */
    s.rest = 0.4f;
    assert_int_equal(next(&s, 5000).kind, ENDPOINT_STARTED);
    assert_int_equal(next(&s, 5000).kind, ENDPOINT_NOTHING); /* still speech */
    s.rest = 0.34f;
    assert_int_equal(next(&s, 6000).kind, ENDPOINT_STOPPED);
    s = begin(spans, 1, &engine_listen_default);
    s.speech = 0.49f; /* never reached the threshold */
    assert_int_equal(next(&s, 5000).kind, ENDPOINT_NOTHING);
}

static void a_pause_shorter_than_silence_ms_ends_nothing(void **state) {
    (void)state;
    static const span spans[] = {{1000, 2000}, {2400, 3000}};
    stream s = begin(spans, 2, &engine_listen_default);
    assert_int_equal(next(&s, 9000).kind, ENDPOINT_STARTED);
    endpoint_event e = next(&s, 9000);
    assert_int_equal(e.kind, ENDPOINT_STOPPED);
    assert_in_range(e.at, 2992 * MS, 3008 * MS);
}

static void padding_never_reaches_into_the_utterance_before(void **state) {
    (void)state;
    static const span spans[] = {{1000, 2000}, {2600, 3000}};
    engine_listen listen = engine_listen_default;
    listen.prefix_padding_ms = 2000;
    stream s = begin(spans, 2, &listen);
    assert_int_equal(next(&s, 9000).from, 0); /* nor before the stream */
    endpoint_event stop = next(&s, 9000);
    endpoint_event start = next(&s, 9000);
    assert_int_equal(start.kind, ENDPOINT_STARTED);
    assert_int_equal(start.from, stop.at);
}

static void near_the_limit_a_short_pause_is_enough(void **state) {
    (void)state;
    /* pauses of 150 ms, too short to end anything but an utterance near its maximum */
    static const span spans[] = {{500, 3000}, {3150, 9000}};
    engine_listen listen = engine_listen_default;
    listen.max_utterance_ms = 3000;
    stream s = begin(spans, 2, &listen);
    endpoint_event start = next(&s, 20000);
    endpoint_event stop = next(&s, 20000);
    assert_int_equal(stop.kind, ENDPOINT_STOPPED);
    assert_true(stop.by_limit);
    assert_false(stop.continues);
    assert_in_range(stop.at, 2992 * MS, 3008 * MS);
    assert_true(stop.decided - start.from <= 3000 * MS);
}

static void without_a_pause_the_cut_is_hard_and_speech_goes_on(void **state) {
    (void)state;
    static const span spans[] = {{500, 9000}};
    engine_listen listen = engine_listen_default;
    listen.max_utterance_ms = 2000;
    stream s = begin(spans, 1, &listen);
    endpoint_event start = next(&s, 20000);
    uint64_t from = start.from;
    for (int i = 0; i < 4; i++) {
        endpoint_event stop = next(&s, 20000);
        assert_true(stop.by_limit && stop.continues);
        assert_true(stop.decided - from <= 2000 * MS);
        assert_true(stop.decided - from > 1960 * MS);
        from = stop.decided;
    }
}

static void a_manual_utterance_ends_only_by_commit_or_limit(void **state) {
    (void)state;
    static const span spans[] = {{500, 1000}};
    engine_listen listen = engine_listen_default;
    listen.endpoint = ENDPOINT_MANUAL;
    stream s = begin(spans, 1, &listen);
    endpoint_event e = next(&s, 4000);
    assert_int_equal(e.kind, ENDPOINT_STARTED);
    assert_int_equal(e.from, 0);
    assert_int_equal(next(&s, 4000).kind, ENDPOINT_NOTHING);
    e = endpoint_commit(&s.ends);
    assert_int_equal(e.kind, ENDPOINT_STOPPED);
    assert_in_range(e.at, 992 * MS, 1008 * MS); /* true times all the same */
    assert_int_equal(endpoint_commit(&s.ends).kind, ENDPOINT_NOTHING);
    uint64_t here = s.ends.position;
    assert_int_equal(next(&s, 4200).from, here);
    e = next(&s, 60000); /* the maximum, in silence */
    assert_true(e.by_limit);
    assert_int_equal(next(&s, 60000).from, e.decided); /* and no sample is lost */
}

static void a_cleared_utterance_is_over_without_an_event(void **state) {
    (void)state;
    static const span spans[] = {{500, 3000}};
    stream s = begin(spans, 1, &engine_listen_default);
    assert_int_equal(next(&s, 1500).kind, ENDPOINT_STARTED);
    endpoint_clear(&s.ends);
    uint64_t here = s.ends.position;
    endpoint_event e = next(&s, 2000);
    assert_int_equal(e.kind, ENDPOINT_STARTED); /* speech is still going on */
    assert_true(e.from >= here);
}

/* A frame of white noise of that level. */
static frame_levels noise(float level_db) {
    float pcm[FRAME_SAMPLES];
    float amplitude = powf(10, level_db / 20) * sqrtf(3);
    for (size_t i = 0; i < FRAME_SAMPLES; i++)
        pcm[i] = amplitude * (2 * (float)rand() / (float)RAND_MAX - 1);
    return levels_measure(pcm);
}

static void levels_are_decibels_below_full_scale(void **state) {
    (void)state;
    float pcm[FRAME_SAMPLES] = {0};
    assert_true(levels_measure(pcm).frame_db == LEVEL_SILENCE_DB);
    for (size_t i = 0; i < FRAME_SAMPLES; i++)
        pcm[i] = i < PIECE_SAMPLES ? 1 : 0.1f;
    frame_levels l = levels_measure(pcm);
    assert_true(fabsf(l.piece_db[0]) < 0.01f);
    assert_true(fabsf(l.piece_db[3] + 20) < 0.01f);
    pcm[5] = NAN;
    assert_true(levels_measure(pcm).frame_db == LEVEL_SILENCE_DB);
}

static void the_energy_detector_hears_speech_over_its_noise(void **state) {
    (void)state;
    static const struct {
        const char *what;
        float noise_db, speech_db;
        bool heard;
    } rows[] = {
        {"a quiet room", -70, -25, true},
        {"a quiet voice in a quiet room", -75, -50, true},
        {"a fan", -35, -20, true},
        {"a voice no louder than the fan", -35, -33, false},
        {"a voice below what a microphone is meant for", -80, -65, false},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        vad_energy v;
        vad_energy_init(&v);
        frame_levels l = {0};
        float p = 0;
        for (int i = 0; i < 300; i++) { /* 10 s to get used to the noise */
            l = noise(rows[r].noise_db);
            p = vad_energy_frame(&v, &l);
        }
        if (p >= 0.35f)
            fail_msg("noise is speech: %s", rows[r].what);
        l = noise(rows[r].speech_db);
        p = vad_energy_frame(&v, &l);
        if ((p >= 0.5f) != rows[r].heard)
            fail_msg("wrong: %s", rows[r].what);
    }
}

static void long_speech_does_not_become_the_noise(void **state) {
    (void)state;
    vad_energy v;
    vad_energy_init(&v);
    for (int second = 0; second < 30; second++) {
        frame_levels quiet = noise(-60), loud = noise(-22);
        float p = 1;
        for (int i = 0; i < 25; i++) /* 0.8 s of speech */
            p = vad_energy_frame(&v, &loud);
        assert_true(p > 0.5f);
        for (int i = 0; i < 6; i++) /* 0.2 s between words */
            vad_energy_frame(&v, &quiet);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(true_times_are_told_whatever_the_detectors_lag),
        cmocka_unit_test(a_verdict_without_any_loudness_stands),
        cmocka_unit_test(one_frame_of_noise_starts_nothing),
        cmocka_unit_test(between_release_and_threshold_nothing_changes),
        cmocka_unit_test(a_pause_shorter_than_silence_ms_ends_nothing),
        cmocka_unit_test(padding_never_reaches_into_the_utterance_before),
        cmocka_unit_test(near_the_limit_a_short_pause_is_enough),
        cmocka_unit_test(without_a_pause_the_cut_is_hard_and_speech_goes_on),
        cmocka_unit_test(a_manual_utterance_ends_only_by_commit_or_limit),
        cmocka_unit_test(a_cleared_utterance_is_over_without_an_event),
        cmocka_unit_test(levels_are_decibels_below_full_scale),
        cmocka_unit_test(the_energy_detector_hears_speech_over_its_noise),
        cmocka_unit_test(long_speech_does_not_become_the_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
