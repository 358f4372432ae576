/* What clients say, as text: base64, Realtime events, the listen query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "serve/api/base64.h"
#include "serve/api/listen_query.h"
#include "serve/api/realtime_events.h"

static void base64_is_read_as_the_rfc_writes_it(void **state) {
    (void)state;
    static const struct {
        const char *text, *bytes; /* bytes NULL: refused */
    } rows[] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
        {"Zg", "f"},
        {"Zm8", "fo"}, /* padding left out */
        {"Z", NULL},
        {"Zm9vY", NULL},
        {"=", NULL},
        {"Zg=g", NULL},
        {"Zm 9", NULL},
        {"Zm-v", NULL},
        {"Zm9v\n", NULL},
        {"\xff\xff\xff\xff", NULL},
        {"A===", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t out[BASE64_BYTES(16)];
        size_t n = 99;
        bool good = base64_decode(rows[i].text, strlen(rows[i].text), out, &n);
        assert_int_equal(good, rows[i].bytes != NULL);
        if (!good)
            continue;
        assert_int_equal(n, strlen(rows[i].bytes));
        assert_memory_equal(out, rows[i].bytes, n);
    }
}

static void every_byte_comes_back_through_base64(void **state) {
    (void)state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (unsigned v = 0; v < 1u << 18; v += 7) {
        char text[4] = {alphabet[v >> 12 & 63], alphabet[v >> 6 & 63], alphabet[v & 63],
                        'A'};
        uint8_t out[3];
        size_t n;
        assert_true(base64_decode(text, 4, out, &n));
        assert_int_equal((unsigned)out[0] << 10 | out[1] << 2 | out[2] >> 6, v);
    }
}

/* An append must mean the same to the scan and to the parser. */
static void appends_are_found_however_they_are_written(void **state) {
    (void)state;
    static const struct {
        const char *text, *audio, *id; /* audio NULL: refused */
        bool scanned;
    } rows[] = {
        {"{\"type\":\"input_audio_buffer.append\",\"audio\":\"QUJD\"}", "QUJD", "", true},
        {" {\n\"audio\" : \"QUJD\" ,\t\"event_id\":\"e1\",\"type\":"
         "\"input_audio_buffer.append\"} ",
         "QUJD", "e1", true},
        /* escapes, other fields: slower, the same */
        {"{\"type\":\"input_audio_buffer.append\",\"audio\":\"QU\\/D\"}", "QU/D", "",
         false},
        {"{\"type\":\"input_audio_buffer.append\",\"audio\":\"QUJD\",\"x\":{\"audio\":1}"
         "}",
         "QUJD", "", false},
        {"{\"type\":\"input_audio_buffer.append\",\"audio\":7}", NULL, "", false},
        {"{\"type\":\"input_audio_buffer.append\",\"audio\":\"QUJD\"", NULL, "", false},
        {"{\"type\":\"input_audio_buffer.append\",\"audio\":\"QUJD\",}", NULL, "", false},
        {"{\"audio\":\"QUJD\"}", NULL, "", false},
        {"", NULL, "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        realtime_event e;
        diag d = DIAG_INIT;
        status st = realtime_event_parse(rows[i].text, strlen(rows[i].text), &e, &d);
        assert_int_equal(st == OK, rows[i].audio != NULL);
        if (st != OK)
            continue;
        assert_int_equal(e.kind, EVENT_APPEND);
        assert_int_equal(e.audio_bytes, strlen(rows[i].audio));
        assert_memory_equal(e.audio, rows[i].audio, e.audio_bytes);
        assert_string_equal(e.event_id, rows[i].id);
        assert_int_equal(e.tree == NULL, rows[i].scanned);
        realtime_event_free(&e);
    }
}

static void an_event_id_too_long_is_refused(void **state) {
    (void)state;
    char text[400];
    realtime_event e;
    diag d = DIAG_INIT;
    for (int n = REALTIME_EVENT_ID - 2; n <= REALTIME_EVENT_ID + 1; n++) {
        snprintf(text, sizeof text,
                 "{\"type\":\"input_audio_buffer.append\",\"audio\":\"\",\"event_id\":\"%"
                 "0*d\"}",
                 n, 1);
        status st = realtime_event_parse(text, strlen(text), &e, &d);
        assert_int_equal(st, n < REALTIME_EVENT_ID ? OK : ERR_INVALID);
        realtime_event_free(&e);
    }
}

static void listen_queries_mean_what_deepgram_means(void **state) {
    (void)state;
    listen_query q;
    diag d = DIAG_INIT;
    assert_int_equal(
        listen_query_parse(
            "model=nova-3&encoding=mulaw&sample_rate=8000&channels=2&"
            "interim_results=true&endpointing=10&utterance_end_ms=1500&"
            "vad_events=true&punctuate=false&language=en-US&keyterm=Ann%20Lee&"
            "keyterm=caf%C3%A9&keywords=Bo:2&smart_format=true&tag=x&"
            "diarize=false&&mip_opt_out=true",
            &q, &d),
        OK);
    assert_string_equal(q.model, "nova-3");
    assert_string_equal(q.language, "en-US");
    assert_string_equal(q.keyterms, "Ann Lee, caf\xC3\xA9, Bo");
    assert_int_equal(q.format.encoding, AUDIO_MULAW);
    assert_int_equal(q.format.rate_hz, 8000);
    assert_int_equal(q.format.channels, 2);
    assert_true(q.interim_results && q.vad_events && q.strip && q.endpointing);
    assert_int_equal(q.silence_ms, 50); /* no engine hears an end in 10 ms */
    assert_int_equal(q.utterance_end_ms, 1500);
    assert_int_equal(listen_query_parse("", &q, &d), OK);
    assert_int_equal(q.format.encoding, AUDIO_CONTAINER);
    assert_int_equal(listen_query_parse("encoding=opus", &q, &d), OK);
    assert_int_equal(q.format.rate_hz, 48000);
    engine_listen settings;
    assert_int_equal(listen_query_parse("endpointing=false", &q, &d), OK);
    listen_query_settings(&q, &engine_listen_default, &settings);
    assert_int_equal(settings.silence_ms, 1000);
    /* what is not said stays as the server has it */
    assert_int_equal(settings.max_utterance_ms, engine_listen_default.max_utterance_ms);
    assert_int_equal(settings.prefix_padding_ms, engine_listen_default.prefix_padding_ms);
    assert_true(settings.vad_threshold == engine_listen_default.vad_threshold);
    assert_int_equal(
        listen_query_parse("max_utterance_ms=1000&prefix_padding_ms=0&vad_threshold=0.25",
                           &q, &d),
        OK);
    listen_query_settings(&q, &engine_listen_default, &settings);
    assert_int_equal(settings.max_utterance_ms, 1000);
    assert_int_equal(settings.prefix_padding_ms, 0);
    assert_true(settings.vad_threshold == 0.25f);
}

static void listen_queries_are_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *query, *field;
        status want;
    } rows[] = {
        {"encoding=linear16", "sample_rate", ERR_INVALID},
        {"encoding=linear16&sample_rate=7999", "sample_rate", ERR_INVALID},
        {"encoding=linear16&sample_rate=48001", "sample_rate", ERR_INVALID},
        {"encoding=linear16&sample_rate=16k", "sample_rate", ERR_INVALID},
        {"encoding=g729", "encoding", ERR_UNSUPPORTED},
        {"channels=3", "channels", ERR_INVALID},
        {"channels=2&multichannel=true", "multichannel", ERR_UNSUPPORTED},
        {"redact=pci", "redact", ERR_UNSUPPORTED}, /* would be left undone */
        {"diarize=true", "diarize", ERR_UNSUPPORTED},
        {"callback=http%3A%2F%2Fx", "callback", ERR_UNSUPPORTED},
        {"interim_results=maybe", "interim_results", ERR_INVALID},
        {"endpointing=-1", "endpointing", ERR_INVALID},
        {"utterance_end_ms=999", "utterance_end_ms", ERR_INVALID},
        {"interm_results=true", "interm_results", ERR_INVALID},
        {"model=%zz", "query", ERR_INVALID},
        {"model=%00", "query", ERR_INVALID},
        {"model=%4", "query", ERR_INVALID},
        {"language=0123456789abcdef", "language", ERR_INVALID},
        {"max_utterance_ms=999", "max_utterance_ms", ERR_INVALID},
        {"max_utterance_ms=30001", "max_utterance_ms", ERR_INVALID},
        {"prefix_padding_ms=-1", "prefix_padding_ms", ERR_INVALID},
        {"prefix_padding_ms=2001", "prefix_padding_ms", ERR_INVALID},
        {"vad_threshold=1.01", "vad_threshold", ERR_INVALID},
        {"vad_threshold=nan", "vad_threshold", ERR_INVALID},
        {"vad_threshold=0x1p-2", "vad_threshold", ERR_INVALID},
        {"vad_threshold=", "vad_threshold", ERR_INVALID},
        /* which of two would count? */
        {"channels=1&channels=2", "channels", ERR_INVALID},
        {"model=a&language=en&model=a", "model", ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        listen_query q;
        diag d = DIAG_INIT;
        assert_int_equal(listen_query_parse(rows[i].query, &q, &d), rows[i].want);
        assert_string_equal(d.field, rows[i].field);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_is_read_as_the_rfc_writes_it),
        cmocka_unit_test(every_byte_comes_back_through_base64),
        cmocka_unit_test(appends_are_found_however_they_are_written),
        cmocka_unit_test(an_event_id_too_long_is_refused),
        cmocka_unit_test(listen_queries_mean_what_deepgram_means),
        cmocka_unit_test(listen_queries_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
