/* A Deepgram listen v1 session, message by message, against a pool made of memory. Every
 * message said is checked against the oracle. */
#include "fake_world.h"
#include "schema.h"

static const net_handler *const h = &listen_handler;
static cJSON *oracle;
static const char *const pcm16k = "model=nova-3&encoding=linear16&sample_rate=16000";

static const char *field(const cJSON *tree, const char *name) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, name));
}

static cJSON *said_json(size_t i) {
    assert_true(i < the_conn.n_said);
    cJSON *tree = cJSON_Parse(the_conn.said[i]);
    assert_non_null(tree);
    return tree;
}

static void check_messages(void) {
    const cJSON *list =
        cJSON_GetObjectItem(cJSON_GetObjectItem(oracle, "v1"), "server_messages");
    for (size_t i = 0; oracle && i < the_conn.n_said; i++) {
        cJSON *tree = said_json(i);
        const cJSON *schema = cJSON_GetObjectItemCaseSensitive(list, field(tree, "type"));
        assert_non_null(schema);
        if (!schema_fits(oracle, schema, tree))
            fail_msg("not as in the oracle: %s", the_conn.said[i]);
        cJSON_Delete(tree);
    }
}

static const cJSON *alternative(const cJSON *results) {
    return cJSON_GetArrayItem(
        cJSON_GetObjectItem(cJSON_GetObjectItem(results, "channel"), "alternatives"), 0);
}

/* Message i is Results with this transcript and these flags, e.g. "final speech". */
static void assert_results(size_t i, const char *transcript, const char *flags) {
    char has[64];
    check_messages();
    cJSON *tree = said_json(i);
    assert_string_equal(field(tree, "type"), "Results");
    assert_string_equal(field(alternative(tree), "transcript"), transcript);
    snprintf(has, sizeof has, "%s%s%s",
             cJSON_IsTrue(cJSON_GetObjectItem(tree, "is_final")) ? "final" : "interim",
             cJSON_IsTrue(cJSON_GetObjectItem(tree, "speech_final")) ? " speech" : "",
             cJSON_IsTrue(cJSON_GetObjectItem(tree, "from_finalize")) ? " finalize" : "");
    assert_string_equal(has, flags);
    cJSON_Delete(tree);
}

static void send_audio(void *s, size_t bytes) {
    uint8_t *silence = calloc(1, bytes);
    h->message(s, silence, bytes, true, true, true);
    free(silence);
}

static void results_come_interim_then_final(void **state) {
    (void)state;
    char query[200];
    snprintf(query, sizeof query, "%s&interim_results=true", pcm16k);
    void *s = open_socket(h, query);
    assert_non_null(s);
    send_audio(s, 32000);
    assert_int_equal(fake_slot.samples, 16000);
    started(0, 100);
    say_partial("Hello there", 0, 0, 1);
    stopped(0, 800);
    say_final("Hello there.", 0, 0, TEXT_FIRST_PASS, 0);
    say_final("Hello, there.", 0, 0, TEXT_SECOND_PASS, 1);
    assert_int_equal(the_conn.n_said, 3);
    assert_results(0, "Hello there", "interim");
    assert_results(1, "Hello there.", "interim");
    assert_results(2, "Hello, there.", "final speech");
    cJSON *tree = said_json(2);
    const cJSON *word =
        cJSON_GetArrayItem(cJSON_GetObjectItem(alternative(tree), "words"), 1);
    assert_string_equal(field(word, "word"), "there");
    assert_string_equal(field(word, "punctuated_word"), "there.");
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(word, "start")) == 0.3);
    cJSON_Delete(tree);
    h->closed(s);
}

static void what_ended_an_utterance_shows(void **state) {
    (void)state;
    static const struct {
        const char *query;
        uint8_t flags;
        const char *shows;
    } rows[] = {
        {"", 0, "final speech"},
        {"", TEXT_BY_LIMIT, "final"},       /* nobody stopped speaking */
        {"&endpointing=false", 0, "final"}, /* no speech_final was asked for */
        {"&endpointing=300", 0, "final speech"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char query[200];
        snprintf(query, sizeof query, "%s%s", pcm16k, rows[i].query);
        void *s = open_socket(h, query);
        say_final("words", 0, 0, rows[i].flags, 0);
        assert_results(i, "words", rows[i].shows);
        h->closed(s);
    }
    assert_int_equal(fake_slot.settings.silence_ms, 300);
}

static void finalize_is_answered_by_results_even_when_empty(void **state) {
    (void)state;
    void *s = open_socket(h, pcm16k);
    send_text(h, s, "{\"type\":\"KeepAlive\"}");
    send_text(h, s, "{\"type\":\"Finalize\"}");
    assert_int_equal(fake_slot.commits, 1);
    say_final("", 0, 0, TEXT_BY_COMMIT, 0);
    assert_results(0, "", "final finalize");
    assert_int_equal(the_conn.close_code, 0);
    h->closed(s);
}

static void close_stream_gives_the_rest_then_metadata_then_1000(void **state) {
    (void)state;
    void *s = open_socket(h, pcm16k);
    send_audio(s, 16000);
    send_text(h, s, "{\"type\":\"Finalize\"}");
    send_text(h, s, "{\"type\":\"CloseStream\"}");
    send_audio(s, 16000); /* after the end: not taken */
    assert_int_equal(fake_slot.samples, 8000);
    say_final("one", 0, 0, TEXT_BY_COMMIT, 0);
    assert_int_equal(the_conn.close_code, 0);
    say_final("two", 1, 400, TEXT_BY_COMMIT | TEXT_SECOND_PASS, 0);
    assert_results(0, "one", "final finalize");
    assert_results(1, "two", "final");
    cJSON *tree = said_json(2);
    assert_string_equal(field(tree, "type"), "Metadata");
    /* SHA-256 of 16,000 zero bytes, by sha256sum */
    assert_string_equal(
        field(tree, "sha256"),
        "f85f2c34eb2843d2aa5951ee6e8e76985655b2e3ae2cbdd76bdfd654ecf19997");
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(tree, "duration")) == 0.5);
    cJSON_Delete(tree);
    assert_int_equal(the_conn.close_code, 1000);
    h->closed(s);
}

static void an_empty_binary_message_ends_the_stream_too(void **state) {
    (void)state;
    void *s = open_socket(h, pcm16k);
    h->message(s, NULL, 0, true, true, true);
    say_final("", 0, 0, TEXT_BY_COMMIT, 0);
    assert_int_equal(the_conn.n_said, 1); /* Metadata only */
    assert_int_equal(the_conn.close_code, 1000);
    h->closed(s);
}

static void speech_started_and_utterance_end_when_asked_for(void **state) {
    (void)state;
    char query[200];
    snprintf(query, sizeof query, "%s&vad_events=true&utterance_end_ms=1000", pcm16k);
    void *s = open_socket(h, query);
    send_audio(s, 32000);
    started(0, 250);
    stopped(0, 800);
    say_final("a b", 0, 200, 0, 0); /* the last word ends at 750 ms */
    assert_int_equal(the_conn.n_said, 2);
    send_audio(s, 24000 - 32); /* up to 1,749 ms: not yet */
    assert_int_equal(the_conn.n_said, 2);
    send_audio(s, 32);
    assert_int_equal(the_conn.n_said, 3);
    check_messages();
    assert_non_null(strstr(the_conn.said[0], "\"timestamp\":0.250"));
    assert_non_null(strstr(the_conn.said[2], "\"last_word_end\":0.750"));
    send_audio(s, 32000);
    assert_int_equal(the_conn.n_said, 3); /* once */
    h->closed(s);
}

static void punctuate_false_strips(void **state) {
    (void)state;
    char query[200];
    snprintf(query, sizeof query, "%s&punctuate=false", pcm16k);
    void *s = open_socket(h, query);
    say_final("Don't stop, (please) $5!", 0, 0, 0, 0);
    assert_results(0, "don't stop please 5", "final speech");
    assert_null(strstr(the_conn.said[0], "punctuated_word"));
    h->closed(s);
}

static void a_full_slot_pauses_and_goes_on_in_order(void **state) {
    (void)state;
    void *s = open_socket(h, pcm16k);
    fake_slot.room = 4000;
    send_audio(s, 32000);
    assert_true(the_conn.paused);
    send_text(h, s, "{\"type\":\"CloseStream\"}");
    assert_int_equal(fake_slot.commits, 0);
    give_room(20000);
    assert_false(the_conn.paused);
    assert_int_equal(fake_slot.samples, 16000);
    assert_int_equal(fake_slot.samples_at_commit, 16000);
    h->closed(s);
}

static void broken_audio_and_messages_close_1008_with_a_reason(void **state) {
    (void)state;
    void *s = open_socket(h, "model=nova-3"); /* a container */
    h->message(s, (const uint8_t *)"no container at all, surely", 27, true, true, true);
    assert_int_equal(the_conn.close_code, 1008);
    assert_non_null(strstr(the_conn.close_reason, "DATA-0000"));
    h->closed(s);
    the_conn.close_code = 0;
    s = open_socket(h, pcm16k);
    send_text(h, s, "Quetzalcoatl");
    assert_int_equal(the_conn.close_code, 1008);
    assert_null(strstr(the_conn.close_reason, "Quetzalcoatl"));
    h->closed(s);
}

static void a_lost_worker_closes_1011(void **state) {
    (void)state;
    void *s = open_socket(h, pcm16k);
    lose(ERR_LOST);
    assert_int_equal(the_conn.close_code, 1011);
    send_audio(s, 320);
    h->closed(s);
}

static void silence_without_keep_alive_is_closed_with_a_reason(void **state) {
    (void)state;
    void *s = open_socket(h, pcm16k);
    pass_ms(50000);
    send_text(h, s, "{\"type\":\"KeepAlive\"}");
    pass_ms(50000);
    fire_timers();
    assert_int_equal(the_conn.close_code, 0);
    pass_ms(10000);
    fire_timers();
    assert_int_equal(the_conn.close_code, 1011);
    assert_non_null(strstr(the_conn.close_reason, "NET-0001"));
    h->closed(s);
}

static void a_full_slot_is_not_silence(void **state) {
    (void)state;
    void *s = open_socket(h, pcm16k);
    fake_slot.room = 0;
    send_audio(s, 320000); /* the server does not read: the client cannot speak */
    pass_ms(90000);
    fire_timers();
    assert_int_equal(the_conn.close_code, 0);
    give_room(400000);
    assert_false(the_conn.paused);
    fire_timers();
    assert_int_equal(the_conn.close_code, 0);
    h->closed(s);
}

static void refusals_come_at_the_upgrade_in_deepgrams_form(void **state) {
    (void)state;
    static const struct {
        const char *query;
        status auth, enter, acquire;
        int http;
        unsigned retry_after_s;
        const char *code;
    } rows[] = {
        {"model=nova-9&encoding=mulaw&sample_rate=8000", OK, OK, OK, 400, 0,
         "INVALID_QUERY_PARAMETER"},
        {"model=nova-3&encoding=speex", OK, OK, OK, 400, 0, "INVALID_QUERY_PARAMETER"},
        {"model=nova-3&language=de", OK, OK, OK, 400, 0, "INVALID_QUERY_PARAMETER"},
        {"model=nova-3", ERR_AUTH, OK, OK, 401, 0, "INVALID_AUTH"},
        {"model=nova-3", OK, ERR_QUOTA, OK, 429, 2, "TOO_MANY_REQUESTS"},
        {"model=nova-3", OK, OK, ERR_CAPACITY, 503, 7, "SERVICE_UNAVAILABLE"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        free(the_conn.reply);
        the_conn.reply = NULL;
        fake_authorise = rows[i].auth;
        the_keys.enter = rows[i].enter;
        fake_slot.acquire = rows[i].acquire;
        assert_null(open_socket(h, rows[i].query));
        assert_int_equal(the_conn.http_status, rows[i].http);
        assert_int_equal(the_conn.retry_after_s, rows[i].retry_after_s);
        cJSON *tree = cJSON_Parse(the_conn.reply);
        assert_string_equal(field(tree, "err_code"), rows[i].code);
        assert_non_null(field(tree, "err_msg"));
        assert_int_equal(strlen(field(tree, "request_id")), 36);
        cJSON_Delete(tree);
    }
}

static void a_browser_gets_its_subprotocol(void **state) {
    (void)state;
    strcpy(the_conn.header_name, "sec-websocket-protocol");
    strcpy(the_conn.header_value, "token, abc");
    void *s = open_socket(h, pcm16k);
    assert_string_equal(the_conn.subprotocol, "token");
    h->closed(s);
}

static void messages_were_checked_against_the_oracle(void **state) {
    (void)state;
    if (!oracle) {
        print_message("skip: oracle folder absent\n");
        skip();
    }
}

int main(void) {
    oracle = read_oracle("deepgram_listen_v1.json");
    const struct CMUnitTest tests[] = {
        world_test(results_come_interim_then_final),
        world_test(what_ended_an_utterance_shows),
        world_test(finalize_is_answered_by_results_even_when_empty),
        world_test(close_stream_gives_the_rest_then_metadata_then_1000),
        world_test(an_empty_binary_message_ends_the_stream_too),
        world_test(speech_started_and_utterance_end_when_asked_for),
        world_test(punctuate_false_strips),
        world_test(a_full_slot_pauses_and_goes_on_in_order),
        world_test(broken_audio_and_messages_close_1008_with_a_reason),
        world_test(a_lost_worker_closes_1011),
        world_test(silence_without_keep_alive_is_closed_with_a_reason),
        world_test(a_full_slot_is_not_silence),
        world_test(refusals_come_at_the_upgrade_in_deepgrams_form),
        world_test(a_browser_gets_its_subprotocol),
        cmocka_unit_test(messages_were_checked_against_the_oracle),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    cJSON_Delete(oracle);
    return failed;
}
