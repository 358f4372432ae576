/* Frames survive the way there and back, and a broken frame is refused, never read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/proto.h"

static uint64_t random_state;

static uint32_t random_below(uint32_t n) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % n;
}

/* A copy that ends where the payload ends, so that ASan sees one byte too many. */
static uint8_t *exact_copy(const uint8_t *bytes, size_t n) {
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    return copy;
}

static engine_header whole_frame(const buf *b) {
    engine_header h = {0};
    status s;
    assert_false(b->failed);
    assert_int_equal(proto_frame_need(b->data, b->size, &h, &s), 0);
    assert_int_equal(s, OK);
    assert_int_equal(h.bytes + ENGINE_HEADER_BYTES, b->size);
    return h;
}

static void random_listen(engine_listen *out) {
    memset(out, 0, sizeof *out);
    out->endpoint = random_below(2) ? ENDPOINT_MANUAL : ENDPOINT_SERVER_VAD;
    out->vad_threshold = (float)random_below(1001) / 1000;
    out->prefix_padding_ms = random_below(2001);
    out->silence_ms = 50 + random_below(9951);
    out->max_utterance_ms = 1000 + random_below(LIMIT_UTTERANCE_S * 1000 - 999);
    out->partials = random_below(2);
    out->second_pass = random_below(2);
    memset(out->language, 'e', random_below(sizeof out->language));
    memset(out->prompt, 'p', random_below(sizeof out->prompt));
}

static void listen_settings_survive_the_round_trip(void **state) {
    (void)state;
    buf b;
    buf_init(&b, LIMIT_FRAME_BYTES);
    for (int i = 0; i < 500; i++) {
        engine_listen sent, got;
        random_listen(&sent);
        buf_clear(&b);
        proto_put_listen(&b, FRAME_OPEN, 7, 99, &sent);
        engine_header h = whole_frame(&b);
        assert_int_equal(h.type, FRAME_OPEN);
        assert_int_equal(h.slot, 7);
        assert_int_equal(h.generation, 99);
        uint8_t *payload = exact_copy(b.data + ENGINE_HEADER_BYTES, h.bytes);
        assert_int_equal(proto_get_listen(payload, h.bytes, &got), OK);
        assert_memory_equal(&sent, &got, sizeof sent);
        for (uint32_t n = 0; n < h.bytes; n += 1 + n / 8) /* cut anywhere: refused */
            assert_int_equal(proto_get_listen(payload, n, &got), ERR_SYNTAX);
        free(payload);
    }
    buf_deinit(&b);
}

static void listen_settings_out_of_range_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *what;
        engine_listen listen;
    } rows[] = {
        {"threshold above one",
         {.vad_threshold = 1.01f, .silence_ms = 50, .max_utterance_ms = 1000}},
        {"threshold below zero",
         {.vad_threshold = -0.01f, .silence_ms = 50, .max_utterance_ms = 1000}},
        {"threshold not a number",
         {.vad_threshold = NAN, .silence_ms = 50, .max_utterance_ms = 1000}},
        {"silence too short", {.silence_ms = 49, .max_utterance_ms = 1000}},
        {"silence too long", {.silence_ms = 10001, .max_utterance_ms = 1000}},
        {"padding too long",
         {.prefix_padding_ms = 2001, .silence_ms = 50, .max_utterance_ms = 1000}},
        {"utterance too short", {.silence_ms = 50, .max_utterance_ms = 999}},
        {"utterance too long",
         {.silence_ms = 50, .max_utterance_ms = LIMIT_UTTERANCE_S * 1000 + 1}},
        {"no such endpoint mode",
         {.endpoint = (endpoint_mode)2, .silence_ms = 50, .max_utterance_ms = 1000}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf b;
        buf_init(&b, LIMIT_FRAME_BYTES);
        proto_put_listen(&b, FRAME_OPEN, 0, 1, &rows[i].listen);
        engine_header h = whole_frame(&b);
        engine_listen got;
        if (proto_get_listen(b.data + ENGINE_HEADER_BYTES, h.bytes, &got) != ERR_SYNTAX)
            fail_msg("accepted: %s", rows[i].what);
        buf_deinit(&b);
    }
}

static engine_text text_of(uint32_t n_words, char words[][LIMIT_WORD_BYTES]) {
    engine_text t = {.utterance = random_below(1000),
                     .start_ms = 100,
                     .end_ms = 100 + random_below(30000),
                     .speech_end_ms = random_below(30000),
                     .compute_us = random_below(100000),
                     .queue_us = random_below(100000),
                     .committed = n_words ? random_below(n_words + 1) : 0,
                     .corrected = random_below(5),
                     .n_words = n_words};
    for (uint32_t i = 0; i < n_words; i++) {
        size_t bytes = 1 + random_below(LIMIT_WORD_BYTES - 1);
        memset(words[i], 'a' + (int)(i % 26), bytes);
        words[i][bytes] = '\0';
        t.words[i] = (engine_word){words[i], i * 10, i * 10 + random_below(50),
                                   random_below(2) ? -1 : (float)random_below(101) / 100};
    }
    return t;
}

static void assert_same_text(const engine_text *a, const engine_text *b) {
    assert_memory_equal(a, b, offsetof(engine_text, words));
    for (uint32_t i = 0; i < a->n_words; i++) {
        assert_string_equal(a->words[i].text, b->words[i].text);
        assert_int_equal(a->words[i].start_ms, b->words[i].start_ms);
        assert_int_equal(a->words[i].end_ms, b->words[i].end_ms);
        assert_true(a->words[i].confidence == b->words[i].confidence);
    }
}

static void texts_survive_the_round_trip(void **state) {
    (void)state;
    static char words[LIMIT_HYPOTHESIS_WORDS][LIMIT_WORD_BYTES];
    static engine_text sent, got;
    static const uint32_t sizes[] = {0, 1, 2, 17, LIMIT_HYPOTHESIS_WORDS};
    buf b;
    buf_init(&b, LIMIT_FRAME_BYTES);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        sent = text_of(sizes[i], words);
        buf_clear(&b);
        proto_put_text(&b, FRAME_FINAL, TEXT_SECOND_PASS, 3, 8, &sent);
        engine_header h = whole_frame(&b);
        assert_int_equal(h.flags, TEXT_SECOND_PASS);
        uint8_t *payload = exact_copy(b.data + ENGINE_HEADER_BYTES, h.bytes);
        assert_int_equal(proto_get_text(payload, h.bytes, &got), OK);
        assert_same_text(&sent, &got);
        for (uint32_t n = 0; n < h.bytes; n += 1 + n / 4)
            assert_int_equal(proto_get_text(payload, n, &got), ERR_SYNTAX);
        free(payload);
    }
    buf_deinit(&b);
}

/* The payload of "hi" and "you" with byte `at` set to `value`. */
static status text_with_byte(size_t at, uint8_t value) {
    engine_text t = {.end_ms = 5, .committed = 1, .n_words = 2};
    t.words[0] = (engine_word){"hi", 0, 1, 0.5f};
    t.words[1] = (engine_word){"you", 1, 2, -1};
    buf b;
    buf_init(&b, LIMIT_FRAME_BYTES);
    proto_put_text(&b, FRAME_PARTIAL, 0, 0, 1, &t);
    size_t n = b.size - ENGINE_HEADER_BYTES;
    assert_true(at < n);
    uint8_t *payload = exact_copy(b.data + ENGINE_HEADER_BYTES, n);
    payload[at] = value;
    static engine_text got;
    status s = proto_get_text(payload, n, &got);
    free(payload);
    buf_deinit(&b);
    return s;
}

static void a_text_that_lies_about_itself_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
        status expected;
    } rows[] = {
        {"nothing changed", 0, 0, OK},
        {"ends before it starts", 4, 6, ERR_SYNTAX},
        {"more committed than words", 24, 3, ERR_SYNTAX},
        {"one word more than sent", 32, 3, ERR_SYNTAX},
        {"one word fewer than sent", 32, 1, ERR_SYNTAX},
        {"513 words", 33, 2, ERR_SYNTAX},
        {"a word of length 0", 36, 0, ERR_SYNTAX},
        {"a word longer than the payload", 36, 200, ERR_SYNTAX},
        {"a word that ends before it starts", 37, 9, ERR_SYNTAX},
        {"a confidence above one", 48, 0x40, ERR_SYNTAX},
        {"a NUL inside a word", 49, 0, ERR_SYNTAX},
        {"a lone UTF-8 byte", 49, 0xC3, ERR_SYNTAX},
        {"a word without its NUL", 51, 'x', ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (text_with_byte(rows[i].at, rows[i].value) != rows[i].expected)
            fail_msg("wrong answer: %s", rows[i].what);
}

static void marks_credits_and_loads_survive_the_round_trip(void **state) {
    (void)state;
    buf b;
    buf_init(&b, 1024);
    engine_mark mark = {3, 1200, 1264}, got_mark;
    proto_put_mark(&b, FRAME_SPEECH_STARTED, 1, 2, &mark);
    engine_header h = whole_frame(&b);
    assert_int_equal(proto_get_mark(b.data + ENGINE_HEADER_BYTES, h.bytes, &got_mark),
                     OK);
    assert_memory_equal(&mark, &got_mark, sizeof mark);
    assert_int_equal(proto_get_mark(b.data + ENGINE_HEADER_BYTES, h.bytes - 1, &got_mark),
                     ERR_SYNTAX);

    buf_clear(&b);
    engine_load load = {16, 3, 90000, 1500, 2000, 12, 0.75f}, got_load;
    proto_put_load(&b, &load);
    h = whole_frame(&b);
    assert_int_equal(proto_get_load(b.data + ENGINE_HEADER_BYTES, h.bytes, &got_load),
                     OK);
    assert_memory_equal(&load, &got_load, sizeof load);
    load.open = 17; /* more than it offers */
    buf_clear(&b);
    proto_put_load(&b, &load);
    assert_int_equal(proto_get_load(b.data + ENGINE_HEADER_BYTES, h.bytes, &got_load),
                     ERR_SYNTAX);
    load.open = 3;
    load.pressure = NAN;
    buf_clear(&b);
    proto_put_load(&b, &load);
    assert_int_equal(proto_get_load(b.data + ENGINE_HEADER_BYTES, h.bytes, &got_load),
                     ERR_SYNTAX);

    buf_clear(&b);
    uint32_t samples = 0;
    proto_put_credit(&b, 4, 5, 512);
    h = whole_frame(&b);
    assert_int_equal(proto_get_credit(b.data + ENGINE_HEADER_BYTES, h.bytes, &samples),
                     OK);
    assert_int_equal(samples, 512);
    assert_int_equal(proto_get_credit(b.data + ENGINE_HEADER_BYTES, 3, &samples),
                     ERR_SYNTAX);
    buf_deinit(&b);
}

static void a_stream_is_cut_into_frames_at_any_byte(void **state) {
    (void)state;
    buf b;
    buf_init(&b, 4096);
    proto_put_bytes(&b, FRAME_AUDIO, 0, 9, 77, 5, "abcd", 4);
    proto_put_empty(&b, FRAME_COMMIT, 0, 9, 77);
    for (size_t n = 0; n < ENGINE_HEADER_BYTES + 4; n++) {
        engine_header h;
        status s;
        size_t wanted = n < ENGINE_HEADER_BYTES ? ENGINE_HEADER_BYTES - n
                                                : ENGINE_HEADER_BYTES + 4 - n;
        assert_int_equal(proto_frame_need(b.data, n, &h, &s), wanted);
        assert_int_equal(s, OK);
    }
    engine_header h;
    status s;
    assert_int_equal(proto_frame_need(b.data, b.size, &h, &s), 0);
    assert_int_equal(h.type, FRAME_AUDIO);
    assert_int_equal(h.sequence, 5);
    buf_drop(&b, ENGINE_HEADER_BYTES + 4);
    h = whole_frame(&b);
    assert_int_equal(h.type, FRAME_COMMIT);
    buf_deinit(&b);
}

static void a_header_past_a_limit_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *what;
        uint8_t header[ENGINE_HEADER_BYTES];
    } rows[] = {
        {"one byte more than a frame may have", {1, 0, 4, 0, FRAME_AUDIO}},
        {"2^32-1 bytes", {255, 255, 255, 255, FRAME_AUDIO}},
        {"a slot past the last", {0, 0, 0, 0, FRAME_AUDIO, 0, 0, 1}},
        {"type 0", {0, 0, 0, 0, 0}},
        {"a type between the two lists", {0, 0, 0, 0, FRAME_DRAIN + 1}},
        {"a type past the last", {0, 0, 0, 0, FRAME_CLOSED + 1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        engine_header h;
        status s;
        assert_int_equal(proto_frame_need(rows[i].header, sizeof rows[i].header, &h, &s),
                         0);
        if (s != ERR_SYNTAX)
            fail_msg("accepted: %s", rows[i].what);
    }
}

static void invalid_utf8_is_found_at_its_place(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t n, valid;
    } rows[] = {
        {"", 0, 0},
        {"ab\xC3\xA9", 4, 4},
        {"ab\xC3", 3, 2},            /* cut inside */
        {"a\0b", 3, 1},              /* NUL */
        {"\xC0\x80", 2, 0},          /* overlong */
        {"x\xED\xA0\x80", 4, 1},     /* surrogate */
        {"\xF4\x90\x80\x80", 4, 0},  /* past U+10FFFF */
        {"\xF0\x9F\x98\x80!", 5, 5}, /* four bytes */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(proto_utf8_valid(rows[i].text, rows[i].n), rows[i].valid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listen_settings_survive_the_round_trip),
        cmocka_unit_test(listen_settings_out_of_range_are_refused),
        cmocka_unit_test(texts_survive_the_round_trip),
        cmocka_unit_test(a_text_that_lies_about_itself_is_refused),
        cmocka_unit_test(marks_credits_and_loads_survive_the_round_trip),
        cmocka_unit_test(a_stream_is_cut_into_frames_at_any_byte),
        cmocka_unit_test(a_header_past_a_limit_is_refused),
        cmocka_unit_test(invalid_utf8_is_found_at_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
