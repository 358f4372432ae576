/* A Realtime transcription session, event by event, against a pool made of memory. Every
 * event said is checked against both lists of the oracle. */
#include "fake_world.h"
#include "schema.h"

#include "serve/api/base64.h"

static const net_handler *const h = &realtime_handler;
static cJSON *oracle;

static cJSON *said_json(size_t i) {
    cJSON *tree = cJSON_Parse(the_conn.said[i]);
    assert_non_null(tree);
    return tree;
}

static const char *field(const cJSON *tree, const char *name) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, name));
}

/* Each event said so far fits the schema its type has in both clients' lists. */
static void check_events(void) {
    static const char *const lists[] = {"server_events", "agents_sdk_server_events"};
    for (size_t i = 0; i < the_conn.n_said; i++) {
        cJSON *tree = said_json(i);
        const char *type = field(tree, "type");
        assert_non_null(field(tree, "event_id"));
        for (int l = 0; oracle && l < 2; l++) {
            const cJSON *schema = cJSON_GetObjectItemCaseSensitive(
                cJSON_GetObjectItem(oracle, lists[l]), type);
            if (!schema && (l == 1 || strncmp(type, "rostrum.", 8) == 0))
                continue;
            assert_non_null(schema);
            if (!schema_fits(oracle, schema, tree))
                fail_msg("not as in %s: %s", lists[l], the_conn.said[i]);
        }
        cJSON_Delete(tree);
    }
}

/* The types said so far, without their common beginning, in order. */
static void assert_types(const char *const *types, size_t n) {
    check_events();
    for (size_t i = 0; i < n || i < the_conn.n_said; i++) {
        cJSON *tree = i < the_conn.n_said ? said_json(i) : NULL;
        assert_string_equal(tree ? field(tree, "type") : "(nothing)",
                            i < n ? types[i] : "(nothing)");
        cJSON_Delete(tree);
    }
}

#define TYPES(...)                                                                       \
    do {                                                                                 \
        static const char *const types[] = {__VA_ARGS__};                                \
        assert_types(types, sizeof types / sizeof *types);                               \
    } while (0)
#define TRANSCRIPTION "conversation.item.input_audio_transcription."

static void forget_said(void) {
    check_events();
    for (size_t i = 0; i < the_conn.n_said; i++)
        free(the_conn.said[i]);
    the_conn.n_said = 0;
}

static void *open_session(void) {
    void *s = open_socket(h, "intent=transcription");
    assert_non_null(s);
    TYPES("session.created");
    forget_said();
    return s;
}

/* Appends ms of silence at 24 kHz. */
static void append_ms(void *s, unsigned ms) {
    size_t chars = (size_t)ms * 48 * 4 / 3;
    char *event = malloc(chars + 100);
    int n = sprintf(event, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");
    memset(event + n, 'A', chars);
    strcpy(event + n + chars, "\"}");
    send_text(h, s, event);
    free(event);
}

static const char *deltas(void) {
    static char all[4096];
    all[0] = '\0';
    for (size_t i = 0; i < the_conn.n_said; i++) {
        cJSON *tree = said_json(i);
        if (strcmp(field(tree, "type"), TRANSCRIPTION "delta") == 0)
            strcat(all, field(tree, "delta"));
        cJSON_Delete(tree);
    }
    return all;
}

static char *last_field(const char *name) {
    static char value[4096];
    cJSON *tree = said_json(the_conn.n_said - 1);
    snprintf(value, sizeof value, "%s", field(tree, name) ? field(tree, name) : "(none)");
    cJSON_Delete(tree);
    return value;
}

static void assert_error(const char *code, const char *param, const char *event_id) {
    TYPES("error");
    cJSON *tree = said_json(0);
    const cJSON *e = cJSON_GetObjectItem(tree, "error");
    assert_string_equal(field(e, "code"), code);
    assert_string_equal(field(e, "param") ? field(e, "param") : "", param);
    assert_string_equal(field(e, "event_id") ? field(e, "event_id") : "", event_id);
    cJSON_Delete(tree);
    forget_said();
}

static void an_utterance_is_said_in_the_order_of_openai(void **state) {
    (void)state;
    void *s = open_session();
    append_ms(s, 1000);
    assert_in_range(fake_slot.samples, 15900, 16000); /* the resampler holds the rest */
    started(0, 120);
    say_partial("please enter", 0, 0, 1);
    stopped(0, 900);
    say_final("Please enter.", 0, 0, TEXT_FIRST_PASS, 0);
    say_final("Please enter it.", 0, 0, TEXT_SECOND_PASS, 1);
    assert_string_equal(last_field("transcript"), "Please enter it.");
    assert_string_equal(deltas(), "Please enter it.");
    TYPES("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
          "input_audio_buffer.committed", "conversation.item.added",
          "conversation.item.done", TRANSCRIPTION "delta", TRANSCRIPTION "completed");
    h->closed(s);
}

static void low_delay_says_committed_words_while_speech_goes_on(void **state) {
    (void)state;
    void *s = open_session();
    send_text(h, s,
              "{\"type\":\"session.update\",\"session\":{\"type\":\"transcription\","
              "\"audio\":{\"input\":{\"transcription\":{\"delay\":\"low\"}}}}}");
    forget_said();
    started(0, 120);
    say_partial("one two three", 0, 0, 1);
    say_partial("one two three", 0, 0, 1); /* nothing new: nothing said */
    say_partial("one two tree for", 0, 0, 2);
    stopped(0, 900);
    say_final("one two tree four", 0, 0, TEXT_FIRST_PASS, 0);
    assert_string_equal(deltas(), "one two tree four");
    say_final("one two three four", 0, 0, TEXT_SECOND_PASS, 1);
    assert_string_equal(deltas(), "one two tree four"); /* said is said */
    assert_string_equal(last_field("transcript"), "one two three four");
    h->closed(s);
}

static void a_second_pass_may_end_after_the_next_utterance_began(void **state) {
    (void)state;
    void *s = open_session();
    started(0, 100);
    stopped(0, 900);
    say_final("first", 0, 0, TEXT_FIRST_PASS, 0);
    started(1, 1500);
    say_partial("second", 1, 1400, 1);
    cJSON *tree = said_json(the_conn.n_said - 1);
    char second[64];
    snprintf(second, sizeof second, "%s", field(tree, "item_id"));
    cJSON_Delete(tree);
    say_final("first", 0, 0, TEXT_SECOND_PASS, 0);
    assert_string_not_equal(last_field("item_id"), second);
    stopped(1, 2000);
    say_final("second", 1, 1400, 0, 0);
    assert_string_equal(last_field("item_id"), second);
    assert_string_equal(last_field("transcript"), "second");
    h->closed(s);
}

static void a_commit_needs_100_ms_and_makes_an_item_at_once(void **state) {
    (void)state;
    void *s = open_session();
    send_text(h, s,
              "{\"type\":\"session.update\",\"session\":{\"type\":\"transcription\","
              "\"audio\":{\"input\":{\"turn_detection\":null}}}}");
    forget_said();
    append_ms(s, 99);
    assert_int_equal(fake_slot.settings.endpoint, ENDPOINT_MANUAL);
    send_text(h, s, "{\"type\":\"input_audio_buffer.commit\",\"event_id\":\"mine\"}");
    assert_error("input_audio_buffer_commit_empty", "", "mine");
    append_ms(s, 400);
    say_partial("hello", 0, 0, 0);
    send_text(h, s, "{\"type\":\"input_audio_buffer.commit\"}");
    assert_int_equal(fake_slot.commits, 1);
    TYPES("input_audio_buffer.committed", "conversation.item.added",
          "conversation.item.done");
    append_ms(s, 300);
    say_partial("next", 1, 499, 0); /* of the buffer after the commit */
    say_final("Hello.", 0, 0, TEXT_BY_COMMIT, 0);
    assert_string_equal(last_field("transcript"), "Hello.");
    forget_said();
    send_text(h, s, "{\"type\":\"input_audio_buffer.commit\"}");
    say_final("", 1, 499, TEXT_BY_COMMIT, 0); /* nothing was said */
    TYPES("input_audio_buffer.committed", "conversation.item.added",
          "conversation.item.done", TRANSCRIPTION "completed");
    assert_string_equal(last_field("transcript"), "");
    h->closed(s);
}

static void a_long_manual_turn_is_one_item_of_many_utterances(void **state) {
    (void)state;
    void *s = open_session();
    send_text(h, s,
              "{\"type\":\"session.update\",\"session\":{\"type\":\"transcription\","
              "\"audio\":{\"input\":{\"turn_detection\":null}}}}");
    forget_said();
    append_ms(s, 3000);
    say_final("thirty seconds of words", 0, 0, TEXT_BY_LIMIT, 0);
    send_text(h, s, "{\"type\":\"input_audio_buffer.commit\"}");
    say_final("and one more", 1, 2900, TEXT_BY_COMMIT, 0);
    assert_string_equal(last_field("transcript"), "thirty seconds of words and one more");
    assert_string_equal(deltas(), "thirty seconds of words and one more");
    h->closed(s);
}

static void a_commit_under_vad_is_answered_when_the_worker_did(void **state) {
    (void)state;
    void *s = open_session();
    append_ms(s, 500);
    send_text(h, s, "{\"type\":\"input_audio_buffer.commit\"}");
    assert_int_equal(the_conn.n_said, 0);
    say_final("", 0, 500, TEXT_BY_COMMIT, 0);
    TYPES("input_audio_buffer.committed", "conversation.item.added",
          "conversation.item.done", TRANSCRIPTION "completed");
    h->closed(s);
}

static void clear_forgets_what_was_not_committed(void **state) {
    (void)state;
    void *s = open_session();
    append_ms(s, 500);
    started(0, 100);
    forget_said();
    send_text(h, s, "{\"type\":\"input_audio_buffer.clear\"}");
    TYPES("input_audio_buffer.cleared");
    assert_int_equal(fake_slot.clears, 1);
    forget_said();
    send_text(h, s, "{\"type\":\"input_audio_buffer.commit\"}");
    assert_error("input_audio_buffer_commit_empty", "", "");
    h->closed(s);
}

static void wrong_events_are_answered_and_forgiven(void **state) {
    (void)state;
    static const struct {
        const char *event, *code, *param, *event_id;
    } rows[] = {
        {"{", "invalid_request", "", ""},
        {"[]", "invalid_request", "", ""},
        {"{\"event_id\":\"a\"}", "invalid_value", "type", "a"},
        {"{\"type\":\"session.updat\",\"event_id\":\"b\"}", "invalid_value", "type", "b"},
        {"{\"type\":\"input_audio_buffer.append\",\"audio\":\"A*==\",\"event_id\":\"c\"}",
         "invalid_value", "audio", "c"},
        {"{\"type\":\"input_audio_buffer.append\"}", "invalid_value", "audio", ""},
        {"{\"type\":\"response.cancel\",\"event_id\":\"late\"}",
         "response_cancel_not_active", "", "late"},
        {"{\"type\":\"response.create\"}", "unsupported_value", "type", ""},
        {"{\"type\":\"conversation.item.retrieve\",\"item_id\":\"x\"}", "item_not_found",
         "item_id", ""},
        /* a conversation session is something else */
        {"{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\"}}",
         "invalid_value", "session.type", ""},
        {"{\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":"
         "{\"turn_detection\":{\"type\":\"server_vad\",\"threshold\":1.5}}}}}",
         "invalid_value", "session.audio.input.turn_detection.threshold", ""},
        {"{\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":"
         "{\"format\":{\"type\":\"audio/pcm\",\"rate\":7999}}}}}",
         "invalid_value", "session.audio.input.format.rate", ""},
        {"{\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":"
         "{\"format\":{\"type\":\"audio/pcm\",\"rate\":16000.5}}}}}",
         "invalid_value", "session.audio.input.format.rate", ""},
        {"{\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":"
         "{\"format\":{\"type\":\"audio/pcmu\",\"rate\":16000}}}}}",
         "invalid_value", "session.audio.input.format.rate", ""},
        {"{\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":"
         "{\"transcription\":{\"language\":\"fr\"}}}}}",
         "unsupported_value", "session.audio.input.transcription.language", ""},
        {"{\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":"
         "{\"transcription\":{\"model\":\"fake-bse\"}}}}}",
         "model_not_found", "session.audio.input.transcription.model", ""},
        /* a list where an object belongs */
        {"{\"type\":\"session.update\",\"session\":{\"rostrum\":[\"rostrum.partial\"]}}",
         "invalid_value", "session.rostrum", ""},
        {"{\"type\":\"session.update\",\"session\":{\"audio\":[1]}}", "invalid_value",
         "session.audio", ""},
        {"{\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":[{}]}}}",
         "invalid_value", "session.audio.input", ""},
        {"{\"type\":\"session.update\",\"session\":{\"audoi\":{}}}", "invalid_value",
         "session.audoi", ""},
    };
    void *s = open_session();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        send_text(h, s, rows[i].event);
        assert_error(rows[i].code, rows[i].param, rows[i].event_id);
        assert_int_equal(the_conn.close_code, 0);
    }
    h->message(s, (const uint8_t *)"\0\0", 2, true, true, true);
    assert_error("unsupported_value", "", "");
    assert_int_equal(fake_slot.updates, 0);
    h->closed(s);
}

static void an_update_echoes_the_effective_session(void **state) {
    (void)state;
    void *s = open_session();
    send_text(
        h, s,
        "{\"type\":\"session.update\",\"session\":{\"type\":\"transcription\","
        "\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcmu\"},"
        "\"transcription\":{\"model\":\"gpt-4o-mini-transcribe\",\"prompt\":\"Zyx\","
        "\"language\":\"en-GB\"},\"noise_reduction\":{\"type\":\"far_field\"},"
        "\"turn_detection\":{\"type\":\"semantic_vad\",\"eagerness\":\"low\"}}},"
        "\"include\":[\"rostrum.partial\"]}}");
    TYPES("session.updated");
    cJSON *tree = said_json(0);
    const cJSON *session = cJSON_GetObjectItem(tree, "session");
    const cJSON *input =
        cJSON_GetObjectItem(cJSON_GetObjectItem(session, "audio"), "input");
    const cJSON *t = cJSON_GetObjectItem(input, "transcription");
    assert_string_equal(field(cJSON_GetObjectItem(input, "format"), "type"),
                        "audio/pcmu");
    assert_string_equal(field(t, "model"), "fake-base"); /* who really listens */
    assert_string_equal(field(t, "delay"), "medium");
    assert_string_equal(field(t, "prompt"), "Zyx");
    assert_string_equal(field(cJSON_GetObjectItem(input, "turn_detection"), "eagerness"),
                        "low");
    cJSON_Delete(tree);
    append_ms(s, 20);
    assert_int_equal(fake_slot.settings.silence_ms, 1200);
    assert_string_equal(fake_slot.settings.prompt, "Zyx");
    assert_string_equal(fake_slot.settings.language, "en-GB");
    /* what an update does not name stays */
    send_text(h, s,
              "{\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":{}}}}");
    assert_string_equal(fake_slot.settings.prompt, "Zyx");
    assert_int_equal(fake_slot.settings.silence_ms, 1200);
    h->closed(s);
}

#define UPDATE(session) "{\"type\":\"session.update\",\"session\":" session "}"

static void the_longest_utterance_is_the_sessions_own(void **state) {
    (void)state;
    static const struct {
        const char *rostrum;
        uint32_t wanted; /* 0: refused */
    } rows[] = {
        {"{}", 30000}, /* the server's */
        {"{\"max_utterance_ms\":1000}", 1000},
        {"{\"max_utterance_ms\":12345}", 12345},
        {"{\"partial\":true}", 12345}, /* what is not named stays */
        {"{\"max_utterance_ms\":999}", 0},
        {"{\"max_utterance_ms\":30001}", 0},
        {"{\"max_utterance_ms\":\"5000\"}", 0},
        {"{\"max_utterance_ms\":null}", 0},
    };
    void *s = open_session();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char event[256];
        snprintf(event, sizeof event, UPDATE("{\"rostrum\":%s}"), rows[i].rostrum);
        send_text(h, s, event);
        if (!rows[i].wanted) {
            assert_error("invalid_value", "session.rostrum.max_utterance_ms", "");
            continue;
        }
        TYPES("session.updated");
        cJSON *tree = said_json(0);
        const cJSON *rostrum =
            cJSON_GetObjectItem(cJSON_GetObjectItem(tree, "session"), "rostrum");
        assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(
                        rostrum, "max_utterance_ms")) == rows[i].wanted);
        cJSON_Delete(tree);
        forget_said();
        append_ms(s, 20);
        assert_int_equal(fake_slot.settings.max_utterance_ms, rows[i].wanted);
    }
    h->closed(s);
}

static void a_storm_of_updates_is_answered_and_ends_nothing(void **state) {
    (void)state;
    void *s = open_session();
    append_ms(s, 20);
    for (unsigned i = 0; i < 3000; i++) {
        char event[256];
        snprintf(event, sizeof event,
                 UPDATE("{\"audio\":{\"input\":{\"turn_detection\":{\"type\":"
                        "\"server_vad\",\"silence_duration_ms\":%u}}}}"),
                 300 + i);
        send_text(h, s, event);
        TYPES("session.updated");
        forget_said();
    }
    assert_int_equal(fake_slot.updates, 0); /* none was needed yet */
    append_ms(s, 20);
    assert_int_equal(fake_slot.updates, 1);
    assert_int_equal(fake_slot.settings.silence_ms, 3299);
    assert_int_equal(the_conn.close_code, 0);
    h->closed(s);
}

static void commits_ahead_of_their_answers_pause_the_connection(void **state) {
    (void)state;
    void *s = open_session();
    unsigned sent = 0;
    send_text(h, s, UPDATE("{\"audio\":{\"input\":{\"turn_detection\":null}}}"));
    for (; sent < 12; sent++) {
        append_ms(s, 200);
        send_text(h, s, "{\"type\":\"input_audio_buffer.commit\"}");
    }
    assert_int_equal(fake_slot.commits, 8);
    assert_true(the_conn.paused);
    for (unsigned i = 0; i < sent; i++)
        say_final("word", i, i * 200, TEXT_BY_COMMIT, 0);
    assert_int_equal(fake_slot.commits, sent);
    assert_false(the_conn.paused);
    unsigned completed = 0;
    check_events();
    for (size_t i = 0; i < the_conn.n_said; i++)
        completed += strstr(the_conn.said[i], TRANSCRIPTION "completed") != NULL;
    assert_int_equal(completed, sent);
    h->closed(s);
}

/* What the worker said before it read the clear belongs to nothing any more. */
static void words_on_the_way_when_cleared_reach_nobody(void **state) {
    (void)state;
    void *s = open_session();
    send_text(h, s,
              UPDATE("{\"include\":[\"rostrum.partial\"],\"audio\":{\"input\":{"
                     "\"transcription\":{\"delay\":\"low\"}}}}"));
    append_ms(s, 1000);
    started(0, 100);
    say_partial("gone for", 0, 50, 2);
    send_text(h, s, "{\"type\":\"input_audio_buffer.clear\"}");
    forget_said();
    say_partial("gone for ever", 0, 50, 3);
    stopped(0, 400);
    say_final("gone for ever", 0, 50, 0, 0);
    started(1, 700); /* decided at 796, before the clear as well */
    say_partial("also", 1, 650, 1);
    assert_int_equal(the_conn.n_said, 0);
    send_text(h, s, UPDATE("{\"audio\":{\"input\":{\"turn_detection\":null}}}"));
    append_ms(s, 500);
    send_text(h, s, "{\"type\":\"input_audio_buffer.commit\"}");
    forget_said();
    say_final("kept", 2, 1000, TEXT_BY_COMMIT, 0);
    assert_string_equal(last_field("transcript"), "kept");
    h->closed(s);
}

/* Anything a client may say while speech goes on is answered, and speech goes on. */
static void events_while_speaking_are_answered_and_disturb_nothing(void **state) {
    (void)state;
    static const struct {
        const char *event, *code, *param, *event_id;
    } rows[] = {
        {"{\"type\":\"conversation.item.create\",\"event_id\":\"e1\",\"item\":{}}",
         "unsupported_value", "type", "e1"},
        {"{\"type\":\"conversation.item.truncate\",\"event_id\":\"e2\"}",
         "unsupported_value", "type", "e2"},
        {"{\"type\":\"conversation.item.delete\",\"event_id\":\"e3\"}", "invalid_value",
         "item_id", "e3"},
        {"{\"type\":\"conversation.item.retrieve\",\"event_id\":\"e4\",\"item_id\":7}",
         "invalid_value", "item_id", "e4"},
        {"{\"type\":\"response.create\",\"event_id\":\"e5\"}", "unsupported_value",
         "type", "e5"},
        {"{\"type\":\"input_audio_buffer.comit\",\"event_id\":\"e6\"}", "invalid_value",
         "type", "e6"},
        {"{\"type\":\"session.update\",\"event_id\":\"e7\"}", "invalid_value", "session",
         "e7"},
        {"{\"type\":\"session.update\",\"event_id\":\"e8\",\"session\":{\"audio\":{"
         "\"input\":{\"transcription\":{\"model\":\"fake-tiny\"}}}}}",
         "invalid_state", "session.audio.input.transcription.model", "e8"},
        {"{\"type\":7,\"event_id\":\"e9\"}", "invalid_value", "type", "e9"},
        {"{\"type\":\"input_audio_buffer.append\",\"event_id\":\"ea\",\"audio\":[]}",
         "invalid_value", "audio", "ea"},
    };
    void *s = open_session();
    append_ms(s, 1000);
    started(0, 100);
    say_partial("please", 0, 50, 0);
    forget_said();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        send_text(h, s, rows[i].event);
        assert_error(rows[i].code, rows[i].param, rows[i].event_id);
    }
    assert_int_equal(fake_slot.opened, 1);
    stopped(0, 900);
    forget_said();
    say_final("Please.", 0, 50, 0, 0);
    TYPES(TRANSCRIPTION "delta", TRANSCRIPTION "completed");
    assert_string_equal(last_field("transcript"), "Please.");
    h->closed(s);
}

static void the_model_changes_until_audio_is_sent(void **state) {
    (void)state;
    static const char update[] =
        "{\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":"
        "{\"transcription\":{\"model\":\"%s\"}}}}}";
    char event[256];
    void *s = open_session();
    snprintf(event, sizeof event, update, "fake-tiny");
    send_text(h, s, event);
    TYPES("session.updated");
    assert_string_equal(fake_slot.model, "fake-tiny");
    forget_said();
    append_ms(s, 20);
    snprintf(event, sizeof event, update, "fake-base");
    send_text(h, s, event);
    assert_error("invalid_state", "session.audio.input.transcription.model", "");
    assert_string_equal(fake_slot.model, "fake-tiny");
    h->closed(s);
}

static void partials_and_finals_are_for_those_who_ask(void **state) {
    (void)state;
    void *s = open_socket(h, "intent=transcription&include=rostrum.partial"
                             "&include=rostrum.final");
    forget_said();
    append_ms(s, 1000);
    started(0, 0);
    pass_ms(400);
    say_partial("my voice is", 0, 0, 2);
    TYPES("input_audio_buffer.speech_started", "rostrum.transcription.partial");
    assert_string_equal(last_field("committed"), "my voice");
    assert_string_equal(last_field("tentative"), "is");
    stopped(0, 800);
    forget_said();
    pass_ms(250);
    say_final("my voice", 0, 0, 0, 0);
    TYPES(TRANSCRIPTION "delta", "rostrum.transcription.final",
          TRANSCRIPTION "completed");
    cJSON *tree = said_json(1);
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(tree, "first_partial_ms")) ==
                400);
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(tree, "finalise_ms")) == 650);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "words")), 2);
    cJSON_Delete(tree);
    h->closed(s);
}

static void a_full_slot_pauses_the_connection_and_loses_nothing(void **state) {
    (void)state;
    void *s = open_session();
    fake_slot.room = 8000;
    append_ms(s, 1000);
    assert_true(the_conn.paused);
    append_ms(s, 1000); /* was read before the pause took hold */
    send_text(h, s, "{\"type\":\"input_audio_buffer.commit\"}");
    assert_int_equal(fake_slot.commits, 0);
    give_room(8000);
    assert_true(the_conn.paused);
    for (int i = 0; i < 4; i++)
        give_room(8000);
    assert_false(the_conn.paused);
    assert_in_range(fake_slot.samples, 31900, 32000);
    assert_int_equal(fake_slot.commits, 1);
    assert_int_equal(fake_slot.samples_at_commit, fake_slot.samples);
    h->closed(s);
}

static void a_message_in_pieces_and_with_escapes_is_read(void **state) {
    (void)state;
    void *s = open_session();
    const char *event = "{ \"audio\" : \"\\/\\/8AAA==\",\n\"type\":"
                        "\"input_audio_buffer.append\" }";
    size_t n = strlen(event);
    for (size_t i = 0; i < n; i++)
        h->message(s, (const uint8_t *)event + i, 1, false, i == 0, i + 1 == n);
    assert_int_equal(the_conn.n_said, 0);
    /* 4 bytes at 24 kHz: the resampler may still hold them; the next 10 ms come out */
    append_ms(s, 10);
    assert_true(fake_slot.samples > 0);
    h->closed(s);
}

static void items_can_be_retrieved_and_deleted(void **state) {
    (void)state;
    char event[160], id[64];
    void *s = open_session();
    started(0, 0);
    stopped(0, 500);
    say_final("kept words", 0, 0, 0, 0);
    snprintf(id, sizeof id, "%s", last_field("item_id"));
    forget_said();
    snprintf(event, sizeof event,
             "{\"type\":\"conversation.item.retrieve\",\"item_id\":\"%s\"}", id);
    send_text(h, s, event);
    TYPES("conversation.item.retrieved");
    assert_non_null(strstr(the_conn.said[0], "\"transcript\":\"kept words\""));
    forget_said();
    snprintf(event, sizeof event,
             "{\"type\":\"conversation.item.delete\",\"item_id\":\"%s\"}", id);
    send_text(h, s, event);
    TYPES("conversation.item.deleted");
    forget_said();
    send_text(h, s, event);
    assert_error("item_not_found", "item_id", "");
    h->closed(s);
}

static void a_lost_worker_fails_what_is_open_and_closes_1011(void **state) {
    (void)state;
    void *s = open_session();
    started(0, 0);
    stopped(0, 500);
    forget_said();
    lose(ERR_LOST);
    TYPES(TRANSCRIPTION "failed", "error");
    assert_int_equal(the_conn.close_code, 1011);
    append_ms(s, 20); /* still on its way: not an accident */
    assert_true(the_metrics.value[M_SESSIONS_LOST] == 1);
    h->closed(s);
}

static void a_session_that_says_nothing_is_closed_with_a_reason(void **state) {
    (void)state;
    void *s = open_session();
    pass_ms(59000);
    append_ms(s, 20); /* a sign of life */
    pass_ms(59999);
    fire_timers();
    assert_int_equal(the_conn.close_code, 0);
    pass_ms(1);
    fire_timers();
    TYPES("error");
    assert_non_null(strstr(the_conn.said[0], "session_idle"));
    assert_int_equal(the_conn.close_code, 1000);
    fire_timers();
    h->closed(s);
}

static void a_reader_too_slow_is_not_written_to_again(void **state) {
    (void)state;
    void *s = open_session();
    the_conn.slow = true;
    started(0, 0);
    the_conn.slow = false;
    say_partial("words", 0, 0, 0);
    stopped(0, 100);
    assert_int_equal(the_conn.n_said, 0);
    h->closed(s);
}

static void refusals_come_at_the_upgrade_in_openais_form(void **state) {
    (void)state;
    static const struct {
        const char *query;
        status auth, enter, acquire;
        bool draining;
        int http;
        unsigned retry_after_s;
        const char *code;
    } rows[] = {
        {"intent=transcription", ERR_AUTH, OK, OK, false, 401, 0, "invalid_api_key"},
        {"intent=transcription", OK, ERR_QUOTA, OK, false, 429, 2, "rate_limit_exceeded"},
        {"intent=transcription", OK, OK, ERR_CAPACITY, false, 503, 7, "no_capacity"},
        {"intent=transcription", OK, OK, OK, true, 503, 2, "no_capacity"},
        {"intent=transcription&model=none", OK, OK, OK, false, 404, 0, "model_not_found"},
        /* conversation sessions are not offered yet */
        {"model=gpt-realtime", OK, OK, OK, false, 400, 0, "unsupported_value"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        free(the_conn.reply);
        the_conn.reply = NULL;
        fake_authorise = rows[i].auth;
        the_keys.enter = rows[i].enter;
        fake_slot.acquire = rows[i].acquire;
        the_app.draining = rows[i].draining;
        assert_null(open_socket(h, rows[i].query));
        assert_int_equal(the_conn.http_status, rows[i].http);
        assert_int_equal(the_conn.retry_after_s, rows[i].retry_after_s);
        cJSON *tree = cJSON_Parse(the_conn.reply);
        const cJSON *e = cJSON_GetObjectItem(tree, "error");
        assert_string_equal(field(e, "code"), rows[i].code);
        assert_non_null(field(e, "message"));
        cJSON_Delete(tree);
    }
    assert_true(the_metrics.value[M_REFUSALS] == sizeof rows / sizeof *rows);
}

static void what_was_said_by_the_client_is_in_no_error(void **state) {
    (void)state;
    void *s = open_session();
    send_text(h, s,
              "{\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":"
              "{\"transcription\":{\"prompt\":\"Quetzalcoatl\",\"delay\":\"x\"}}}}}");
    send_text(h, s, "{\"type\":\"Quetzalcoatl\"}");
    send_text(h, s,
              "{\"type\":\"input_audio_buffer.append\",\"audio\":\"Quetzalcoatl*\"}");
    send_text(h, s, "{\"type\": Quetzalcoatl");
    assert_int_equal(the_conn.n_said, 4);
    for (size_t i = 0; i < the_conn.n_said; i++)
        assert_null(strstr(the_conn.said[i], "Quetzalcoatl"));
    h->closed(s);
}

static void a_changed_committed_word_is_counted(void **state) {
    (void)state;
    void *s = open_session();
    started(0, 0);
    say_partial("one two", 0, 0, 2);
    say_partial("one two three", 0, 0, 3);
    assert_true(the_metrics.value[M_COMMIT_VIOLATIONS] == 0);
    say_partial("one too three", 0, 0, 3);
    assert_true(the_metrics.value[M_COMMIT_VIOLATIONS] == 1);
    stopped(0, 900);
    say_final("won too three", 0, 0, TEXT_FIRST_PASS, 0);
    assert_true(the_metrics.value[M_COMMIT_VIOLATIONS] == 2);
    say_final("won two three", 0, 0, TEXT_SECOND_PASS, 2); /* that is its right */
    assert_true(the_metrics.value[M_COMMIT_VIOLATIONS] == 2);
    assert_true(the_metrics.value[M_WORDS_CORRECTED] == 2);
    h->closed(s);
}

static void events_were_checked_against_the_oracle(void **state) {
    (void)state;
    if (!oracle) {
        print_message("skip: oracle folder absent\n");
        skip();
    }
}

int main(void) {
    oracle = read_oracle("openai_realtime_events.json");
    const struct CMUnitTest tests[] = {
        world_test(an_utterance_is_said_in_the_order_of_openai),
        world_test(low_delay_says_committed_words_while_speech_goes_on),
        world_test(a_second_pass_may_end_after_the_next_utterance_began),
        world_test(a_commit_needs_100_ms_and_makes_an_item_at_once),
        world_test(a_long_manual_turn_is_one_item_of_many_utterances),
        world_test(a_commit_under_vad_is_answered_when_the_worker_did),
        world_test(clear_forgets_what_was_not_committed),
        world_test(wrong_events_are_answered_and_forgiven),
        world_test(an_update_echoes_the_effective_session),
        world_test(the_longest_utterance_is_the_sessions_own),
        world_test(a_storm_of_updates_is_answered_and_ends_nothing),
        world_test(commits_ahead_of_their_answers_pause_the_connection),
        world_test(words_on_the_way_when_cleared_reach_nobody),
        world_test(events_while_speaking_are_answered_and_disturb_nothing),
        world_test(the_model_changes_until_audio_is_sent),
        world_test(partials_and_finals_are_for_those_who_ask),
        world_test(a_full_slot_pauses_the_connection_and_loses_nothing),
        world_test(a_message_in_pieces_and_with_escapes_is_read),
        world_test(items_can_be_retrieved_and_deleted),
        world_test(a_lost_worker_fails_what_is_open_and_closes_1011),
        world_test(a_session_that_says_nothing_is_closed_with_a_reason),
        world_test(a_reader_too_slow_is_not_written_to_again),
        world_test(refusals_come_at_the_upgrade_in_openais_form),
        world_test(what_was_said_by_the_client_is_in_no_error),
        world_test(a_changed_committed_word_is_counted),
        cmocka_unit_test(events_were_checked_against_the_oracle),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    cJSON_Delete(oracle);
    return failed;
}
