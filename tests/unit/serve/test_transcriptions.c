/* A file to words: multipart in, the five answers out, against a pool made of memory. */
#include "fake_world.h"

#include <cjson/cJSON.h>

static const net_handler *const h = &transcriptions_handler;
#define B "XbX"

/* A WAV of n samples of silence at 16 kHz. */
static size_t make_wav(uint8_t *out, uint32_t n) {
    static const uint8_t head[44] =
        "RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d"
        "\0\0\x02\0\x10\0data";
    uint32_t bytes = n * 2;
    uint32_t all = bytes + 36;
    memcpy(out, head, 44);
    memcpy(out + 4, &all, 4);
    memcpy(out + 40, &bytes, 4);
    memset(out + 44, 0, bytes);
    return 44 + bytes;
}

static buf body;

static void add_field(const char *name, const char *value) {
    buf_addf(&body,
             "--" B "\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", name,
             value);
}

static void add_file(const uint8_t *data, size_t n) {
    buf_add_text(&body, "--" B "\r\nContent-Disposition: form-data; name=\"file\"; "
                        "filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n");
    buf_add(&body, data, n);
    buf_add_text(&body, "\r\n");
}

static void add_silence(uint32_t samples) {
    uint8_t *wav = malloc(44 + samples * 2);
    add_file(wav, make_wav(wav, samples));
    free(wav);
}

/* Sends the body in pieces of `piece` bytes; NULL: refused at once. */
static void *send_request(size_t piece, bool end) {
    buf_add_text(&body, "--" B "--\r\n");
    assert_false(body.failed);
    strcpy(the_conn.header_name, "content-type");
    strcpy(the_conn.header_value, "multipart/form-data; boundary=\"" B "\"");
    net_request request = {.method = NET_POST,
                           .path = "/v1/audio/transcriptions",
                           .query = "",
                           .content_length = (int64_t)body.size,
                           .peer = "127.0.0.1"};
    void *t = h->open(&the_conn, &request, &the_app);
    for (size_t at = 0; t && at < body.size; at += piece)
        h->body(t, body.data + at, body.size - at < piece ? body.size - at : piece);
    if (t && end)
        h->body_end(t);
    return t;
}

static void run_turns(void) {
    for (int i = 0; i < 20; i++)
        uv_run(&the_loop, UV_RUN_NOWAIT);
}

static int begin(void **state) {
    buf_init(&body, 64u << 20);
    return begin_world(state);
}

static int end(void **state) {
    buf_deinit(&body);
    return end_world(state);
}

static const char *error_field(const char *name) {
    static char value[512];
    cJSON *tree = cJSON_Parse(the_conn.reply);
    const char *text = cJSON_GetStringValue(
        cJSON_GetObjectItem(cJSON_GetObjectItem(tree, "error"), name));
    snprintf(value, sizeof value, "%s", text ? text : "");
    cJSON_Delete(tree);
    return value;
}

static void a_file_becomes_words(void **state) {
    (void)state;
    static const size_t pieces[] = {1, 7, 4096, 1u << 20};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        buf_clear(&body);
        free(the_conn.reply);
        the_conn.reply = NULL;
        fake_slot.samples = 0;
        fake_slot.room = 128000;
        add_field("model", "whisper-1");
        add_silence(16000);
        add_field("prompt", "names");
        void *t = send_request(pieces[i], true);
        run_turns();
        assert_int_equal(fake_slot.samples, 16000);
        assert_string_equal(fake_slot.settings.prompt, "names");
        assert_false(fake_slot.settings.partials);
        say_final("One two.", 0, 100, 0, 0);
        assert_null(the_conn.reply);
        say_final("Three.", 1, 2000, TEXT_BY_COMMIT, 0);
        assert_int_equal(the_conn.http_status, 200);
        assert_string_equal(the_conn.reply,
                            "{\"text\":\"One two. Three.\",\"usage\":{\"type\":"
                            "\"duration\",\"seconds\":1.000}}");
        assert_false(fake_slot.open);
        h->closed(t);
    }
}

static void each_format_is_as_openai_writes_it(void **state) {
    (void)state;
    static const struct {
        const char *format, *type, *answer;
    } rows[] = {
        {"text", "text/plain; charset=utf-8", "One two. Three.\n"},
        {"srt", "text/plain; charset=utf-8",
         "1\n00:00:00,100 --> 00:00:00,650\nOne two.\n\n"
         "2\n01:01:01,000 --> 01:01:01,250\nThree.\n\n"},
        {"vtt", "text/vtt; charset=utf-8",
         "WEBVTT\n\n00:00:00.100 --> 00:00:00.650\nOne two.\n\n"
         "01:01:01.000 --> 01:01:01.250\nThree.\n\n"},
        {"verbose_json", "application/json",
         "{\"task\":\"transcribe\",\"language\":\"en\",\"duration\":0.500,\"text\":"
         "\"One two. Three.\",\"segments\":[{\"id\":0,\"seek\":0,\"start\":0.100,"
         "\"end\":0.650,\"text\":\"One two.\",\"tokens\":[],\"temperature\":0,"
         "\"avg_logprob\":-0.1054,\"compression_ratio\":0,\"no_speech_prob\":0},{\"id\":"
         "1,"
         "\"seek\":0,\"start\":3661.000,\"end\":3661.250,\"text\":\"Three.\",\"tokens\":["
         "],"
         "\"temperature\":0,\"avg_logprob\":-0.1054,\"compression_ratio\":0,"
         "\"no_speech_prob\":0}],\"usage\":{\"type\":\"duration\",\"seconds\":0.500}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_clear(&body);
        free(the_conn.reply);
        the_conn.reply = NULL;
        add_silence(8000);
        add_field("response_format", rows[i].format);
        void *t = send_request(4096, true);
        say_final("One two.", 0, 100, TEXT_FIRST_PASS, 0); /* not the last word */
        say_final("One two.", 0, 100, TEXT_SECOND_PASS, 0);
        say_final("Three.", 1, 3661000, TEXT_BY_COMMIT, 0);
        assert_string_equal(the_conn.reply_type, rows[i].type);
        assert_string_equal(the_conn.reply, rows[i].answer);
        h->closed(t);
    }
}

static void word_times_come_when_asked_for(void **state) {
    (void)state;
    add_silence(8000);
    add_field("response_format", "verbose_json");
    add_field("timestamp_granularities[]", "word");
    void *t = send_request(4096, true);
    say_final("One two.", 0, 100, TEXT_BY_COMMIT, 0);
    assert_non_null(strstr(the_conn.reply,
                           "\"words\":[{\"word\":\"One\",\"start\":0.100,\"end\":0.350},"
                           "{\"word\":\"two.\",\"start\":0.400,\"end\":0.650}]"));
    assert_null(strstr(the_conn.reply, "segments"));
    h->closed(t);
}

static void a_stream_says_each_utterance_and_ends(void **state) {
    (void)state;
    add_silence(8000);
    add_field("stream", "true");
    void *t = send_request(4096, true);
    assert_string_equal(the_conn.stream_type, "text/event-stream");
    say_final("One two.", 0, 100, 0, 0);
    assert_string_equal(
        the_conn.said[0],
        "data: {\"type\":\"transcript.text.delta\",\"delta\":\"One two.\"}\n\n");
    say_final("Three.", 1, 2000, TEXT_BY_COMMIT, 0);
    assert_non_null(strstr(the_conn.said[1], "\"delta\":\" Three.\""));
    assert_string_equal(
        the_conn.said[2],
        "data: {\"type\":\"transcript.text.done\",\"text\":\"One two. Three.\","
        "\"usage\":{\"type\":\"duration\",\"seconds\":0.500}}\n\n"
        "data: [DONE]\n\n");
    assert_true(the_conn.stream_ended);
    h->closed(t);
}

static void a_long_file_waits_for_room_and_arrives_whole(void **state) {
    (void)state;
    add_silence(40 * 16000);
    fake_slot.room = 16000;
    void *t = send_request(65536, true);
    for (int i = 0; i < 60 && !fake_slot.commits; i++) {
        run_turns();
        give_room(16000);
    }
    assert_int_equal(fake_slot.samples, 40 * 16000);
    assert_int_equal(fake_slot.commits, 1);
    assert_int_equal(fake_slot.samples_at_commit, 40 * 16000);
    say_final("", 0, 0, TEXT_BY_COMMIT, 0);
    assert_non_null(strstr(the_conn.reply, "\"text\":\"\""));
    h->closed(t);
}

static void a_client_that_leaves_frees_the_slot(void **state) {
    (void)state;
    add_silence(8000);
    void *t = send_request(4096, true);
    assert_true(fake_slot.open);
    h->closed(t);
    assert_false(fake_slot.open);
    buf_clear(&body);
    add_silence(8000);
    t = send_request(4096, false); /* in the middle of the upload */
    h->closed(t);
}

static void a_lost_worker_is_an_error_before_and_in_a_stream(void **state) {
    (void)state;
    add_silence(8000);
    void *t = send_request(4096, true);
    lose(ERR_LOST);
    assert_int_equal(the_conn.http_status, 500);
    assert_string_equal(error_field("code"), "worker_lost");
    h->closed(t);
    buf_clear(&body);
    add_silence(8000);
    add_field("stream", "true");
    t = send_request(4096, true);
    lose(ERR_LOST);
    assert_non_null(strstr(the_conn.said[0], "data: {\"error\":{"));
    assert_true(the_conn.stream_ended);
    h->closed(t);
}

static void wrong_forms_are_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *name, *value; /* a field beside the file */
        int http;
        const char *param, *code;
    } rows[] = {
        {"model", "none-such", 404, "model", "model_not_found"},
        {"language", "xx", 400, "language", "unsupported_value"},
        {"response_format", "diarized_json", 400, "response_format", "invalid_value"},
        {"temperature", "2", 400, "temperature", "invalid_value"},
        {"temperature", "nan", 400, "temperature", "invalid_value"},
        {"stream", "yes", 400, "stream", "invalid_value"},
        {"timestamp_granularities[]", "word", 400, "timestamp_granularities",
         "invalid_value"}, /* needs verbose_json */
        {"langauge", "en", 400, "langauge", "invalid_value"},
        {"known_speaker_names[]", "Ann", 400, "known_speaker_names", "unsupported_value"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_clear(&body);
        free(the_conn.reply);
        the_conn.reply = NULL;
        add_silence(100);
        add_field(rows[i].name, rows[i].value);
        void *t = send_request(4096, true);
        assert_non_null(the_conn.reply);
        assert_int_equal(the_conn.http_status, rows[i].http);
        assert_string_equal(error_field("param"), rows[i].param);
        assert_string_equal(error_field("code"), rows[i].code);
        h->closed(t);
    }
}

static void a_file_that_is_none_is_refused(void **state) {
    (void)state;
    add_file((const uint8_t *)"Quetzalcoatl", 12);
    void *t = send_request(4096, true);
    assert_int_equal(the_conn.http_status, 400);
    assert_string_equal(error_field("param"), "file");
    assert_null(strstr(the_conn.reply, "Quetzalcoatl"));
    h->closed(t);
    buf_clear(&body);
    free(the_conn.reply);
    the_conn.reply = NULL;
    add_field("model", "whisper-1"); /* and no file */
    t = send_request(4096, true);
    assert_int_equal(the_conn.http_status, 400);
    h->closed(t);
    buf_clear(&body);
    free(the_conn.reply);
    the_conn.reply = NULL;
    add_file((const uint8_t *)"", 0); /* one that is there, with nothing in it */
    t = send_request(4096, true);
    assert_int_equal(the_conn.http_status, 400);
    assert_non_null(strstr(the_conn.reply, "the file is empty"));
    h->closed(t);
}

static void an_upload_over_the_limit_is_413(void **state) {
    (void)state;
    uint8_t *much = calloc(1, LIMIT_UPLOAD_BYTES + 100000);
    add_file(much, LIMIT_UPLOAD_BYTES + 100000); /* says so in its length */
    assert_null(send_request(1u << 20, true));
    assert_int_equal(the_conn.http_status, 413);
    char announced[64]; /* both the size and the limit are told */
    snprintf(announced, sizeof announced, "the request has %zu bytes", body.size);
    assert_non_null(strstr(the_conn.reply, announced));
    assert_non_null(strstr(the_conn.reply, "at most 26214400 (25 MiB)"));
    buf_clear(&body);
    free(the_conn.reply);
    the_conn.reply = NULL;
    add_file(much, LIMIT_UPLOAD_BYTES + 1); /* is found out on the way */
    void *t = send_request(1u << 20, true);
    assert_int_equal(the_conn.http_status, 413);
    snprintf(announced, sizeof announced, "the request has %zu bytes", body.size);
    assert_non_null(strstr(the_conn.reply, announced));
    h->closed(t);
    free(much);
}

static void refusals_carry_retry_after(void **state) {
    (void)state;
    fake_slot.acquire = ERR_CAPACITY;
    add_silence(100);
    void *t = send_request(4096, true);
    assert_int_equal(the_conn.http_status, 503);
    assert_int_equal(the_conn.retry_after_s, 7);
    h->closed(t);
    buf_clear(&body);
    free(the_conn.reply);
    the_conn.reply = NULL;
    fake_authorise = ERR_AUTH;
    add_silence(100);
    assert_null(send_request(4096, true));
    assert_int_equal(the_conn.http_status, 401);
}

#define form_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        form_test(a_file_becomes_words),
        form_test(each_format_is_as_openai_writes_it),
        form_test(word_times_come_when_asked_for),
        form_test(a_stream_says_each_utterance_and_ends),
        form_test(a_long_file_waits_for_room_and_arrives_whole),
        form_test(a_client_that_leaves_frees_the_slot),
        form_test(a_lost_worker_is_an_error_before_and_in_a_stream),
        form_test(wrong_forms_are_refused_by_name),
        form_test(a_file_that_is_none_is_refused),
        form_test(an_upload_over_the_limit_is_413),
        form_test(refusals_carry_retry_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
