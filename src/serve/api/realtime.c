/* GET /v1/realtime?intent=transcription: OpenAI's Realtime protocol over a WebSocket.
 * docs/api-realtime.md says what is offered. Loop thread only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/api/api.h"
#include "serve/api/base64.h"
#include "serve/api/ids.h"
#include "serve/api/live.h"
#include "serve/api/realtime_config.h"
#include "serve/api/realtime_events.h"
#include "serve/api/realtime_items.h"
#include "serve/api/realtime_out.h"

/* base64 decoded at a time, on the stack: 256 ms of pcm16 at 24 kHz */
#define APPEND_CHARS 16384u
#define COMMIT_MIN_MS 100u /* OpenAI refuses to commit less */

typedef struct {
    live_socket live; /* first: see live.h */
    engine_listen defaults;
    realtime_config config;
    realtime_items items;
    realtime_voice voice;
    char id[ID_BYTES];
    size_t append_at;        /* characters of the append in progress already taken */
    size_t append_skip;      /* bytes of the piece after them already taken */
    uint64_t buffer_from_ms; /* stream position the client's audio buffer begins at */
    uint64_t cleared_ms;     /* what lies before it was cleared, unless it has an item */
    const char *error_code;  /* OpenAI's own for the message being handled; or NULL */
} realtime;

/* --- saying --- */

static void say(realtime *r, buf *event) {
    live_say(&r->live, event);
}

static void say_plain(realtime *r, const char *type) {
    buf b = live_message_begin();
    out_plain(&r->voice, type, &b);
    say(r, &b);
}

static void say_error(realtime *r, const diag *d, const char *event_id) {
    buf b = live_message_begin();
    out_error(&r->voice, d, r->error_code, event_id, &b);
    say(r, &b);
}

static void say_session(realtime *r, const char *type) {
    buf session = live_message_begin();
    buf b = live_message_begin();
    realtime_config_write(&r->config, r->id, listen_model(r->live.listen)->name,
                          &session);
    out_session(&r->voice, type, buf_text(&session), &b);
    say(r, &b);
    buf_deinit(&session);
}

static void say_item(realtime *r, const char *type, realtime_item *item, bool previous) {
    buf b = live_message_begin();
    out_item(&r->voice, type, item, previous, &b);
    say(r, &b);
}

/* --- items --- */

static void fail_item(realtime *r, uint32_t number, const diag *d) {
    buf b = live_message_begin();
    out_failed(&r->voice, number, d, &b);
    say(r, &b);
}

static realtime_item *add_item(realtime *r) {
    uint32_t dropped;
    realtime_item *item = items_add(&r->items, &dropped);
    if (dropped) {
        diag d = DIAG_INIT;
        (void)diag_set(&d, ERR_LIMIT, "more than %d items were waiting for their words",
                       ITEMS_MAX);
        fail_item(r, dropped, &d);
    }
    return item;
}

/* The audio of an item is complete. */
static void announce(realtime *r, realtime_item *item) {
    if (item->announced)
        return;
    item->announced = true;
    buf b = live_message_begin();
    out_committed(&r->voice, item->number, &b);
    say(r, &b);
    say_item(r, "conversation.item.added", item, true);
    say_item(r, "conversation.item.done", item, true);
}

static void say_delta(realtime *r, realtime_item *item, const engine_text *text,
                      uint32_t to) {
    buf delta = live_message_begin();
    if (item_take_delta(item, text, to, &delta)) {
        buf b = live_message_begin();
        out_delta(&r->voice, item->number, buf_text(&delta), &b);
        say(r, &b);
    }
    buf_deinit(&delta);
}

/* The item a live text belongs to. NULL: its audio was cleared when it was on the way. */
static realtime_item *item_of(realtime *r, const engine_text *text) {
    realtime_item *item = items_by_utterance(&r->items, text->utterance);
    if (!item)
        item = items_manual_at(&r->items, text->start_ms);
    if (!item && text->start_ms >= r->cleared_ms)
        item = add_item(r);
    return item;
}

/* The item a last final belongs to. Last finals come in order of utterance, so one that
 * a commit ended is the answer to the oldest commit. */
static realtime_item *item_of_final(realtime *r, uint8_t flags, const engine_text *text) {
    realtime_item *item = items_by_utterance(&r->items, text->utterance);
    if (!item && (flags & TEXT_BY_COMMIT))
        item = items_manual_first(&r->items);
    if (!item && (flags & TEXT_BY_COMMIT)) /* a commit is answered, come what may */
        item = add_item(r);
    return item ? item : item_of(r, text);
}

/* --- events of the session --- */

static void on_started(void *owner, const engine_mark *mark) {
    realtime *r = owner;
    if (mark->decided_ms < r->cleared_ms)
        return;
    realtime_item *item = add_item(r);
    item->has_utterance = true;
    item->utterance = mark->utterance;
    buf b = live_message_begin();
    out_speech(&r->voice, "input_audio_buffer.speech_started", item->number,
               "audio_start_ms", mark->at_ms, &b);
    say(r, &b);
}

static void on_stopped(void *owner, const engine_mark *mark) {
    realtime *r = owner;
    realtime_item *item = items_by_utterance(&r->items, mark->utterance);
    if (!item)
        return;
    buf b = live_message_begin();
    out_speech(&r->voice, "input_audio_buffer.speech_stopped", item->number,
               "audio_end_ms", mark->at_ms, &b);
    say(r, &b);
    r->buffer_from_ms = mark->decided_ms;
    announce(r, item);
}

static void on_partial(void *owner, uint8_t flags, const engine_text *text) {
    realtime *r = owner;
    (void)flags;
    realtime_item *item = item_of(r, text);
    if (!item)
        return;
    if (realtime_config_live_deltas(&r->config))
        say_delta(r, item, text, text->committed);
    if (r->config.partial_events) {
        buf b = live_message_begin();
        out_partial(&r->voice, item->number, text, &b);
        say(r, &b);
    }
}

static void complete(realtime *r, realtime_item *item) {
    announce(r, item);
    buf b = live_message_begin();
    out_completed(&r->voice, item, &b);
    say(r, &b);
    items_finish(&r->items, item);
}

static void on_last_final(realtime *r, realtime_item *item, uint8_t flags,
                          const engine_text *text, const listen_timing *timing) {
    item_add_words(&item->text, text, 0, text->n_words);
    if (text->end_ms > text->start_ms)
        item->seconds += (text->end_ms - text->start_ms) / 1000.0;
    if (r->config.final_events) {
        announce(r, item);
        buf b = live_message_begin();
        out_final(&r->voice, item->number, flags, text, timing, &b);
        say(r, &b);
    }
    if (item->has_utterance || (flags & TEXT_BY_COMMIT))
        complete(r, item);
}

static void on_final(void *owner, uint8_t flags, const engine_text *text,
                     const listen_timing *timing) {
    realtime *r = owner;
    bool first_pass = flags & TEXT_FIRST_PASS;
    realtime_item *item = first_pass ? item_of(r, text) : item_of_final(r, flags, text);
    bool live = realtime_config_live_deltas(&r->config);
    if (!item)
        return;
    if (live ? !(flags & TEXT_SECOND_PASS) : !first_pass)
        say_delta(r, item, text, text->n_words);
    if (!first_pass)
        on_last_final(r, item, flags, text, timing);
}

static void on_lost(void *owner, status why) {
    realtime *r = owner;
    diag d = DIAG_INIT;
    (void)diag_set(&d, why,
                   why == ERR_LIMIT ? "more was asked of the speech engine than it takes"
                                    : "the speech engine of this session ended; "
                                      "connect again");
    r->error_code = NULL;
    for (uint32_t i = 0; i < ITEMS_MAX; i++) {
        realtime_item *item = &r->items.item[i];
        if (item->announced && !item->done)
            fail_item(r, item->number, &d);
    }
    say_error(r, &d, "");
    live_close(&r->live, 1011, d.text);
}

static const listen_events session_events = {
    .speech_started = on_started,
    .speech_stopped = on_stopped,
    .partial = on_partial,
    .final = on_final,
    .room = live_room,
    .lost = on_lost,
};

/* --- events of the client --- */

/* Takes the base64 from where it was left; ERR_LIMIT: the slot is full, go on later. */
static status append(realtime *r, const realtime_event *e, diag *d) {
    uint8_t bytes[BASE64_BYTES(APPEND_CHARS)];
    while (r->append_at < e->audio_bytes) {
        size_t chars = e->audio_bytes - r->append_at;
        if (chars > APPEND_CHARS)
            chars = APPEND_CHARS;
        size_t n = 0;
        size_t taken = 0;
        if (!base64_decode(e->audio + r->append_at, chars, bytes, &n))
            return diag_field(d, ERR_INVALID, "audio", "the audio is not base64");
        status st = listen_audio(r->live.listen, bytes + r->append_skip,
                                 n - r->append_skip, &taken, d);
        if (st != OK)
            return st;
        r->append_skip += taken;
        if (r->append_skip < n)
            return ERR_LIMIT;
        r->append_at += chars;
        r->append_skip = 0;
    }
    return OK;
}

static status commit(realtime *r, diag *d) {
    if (!listen_keeps_up(r->live.listen))
        return ERR_LIMIT;
    uint64_t at_ms = listen_audio_ms(r->live.listen);
    uint64_t have_ms = at_ms > r->buffer_from_ms ? at_ms - r->buffer_from_ms : 0;
    if (have_ms < COMMIT_MIN_MS) {
        r->error_code = "input_audio_buffer_commit_empty";
        return diag_set(d, ERR_STATE,
                        "the buffer holds %llu ms of audio; a commit needs at least %u",
                        (unsigned long long)have_ms, COMMIT_MIN_MS);
    }
    if (r->config.turn == TURN_MANUAL) {
        realtime_item *item = items_manual_open(&r->items);
        if (!item)
            item = add_item(r);
        item->ends_at_ms = at_ms;
        announce(r, item);
    }
    r->buffer_from_ms = at_ms;
    listen_commit(r->live.listen);
    return OK;
}

static status clear(realtime *r, diag *d) {
    status st = listen_clear(r->live.listen, d);
    if (st != OK)
        return st;
    items_clear_unannounced(&r->items);
    r->buffer_from_ms = r->cleared_ms = listen_audio_ms(r->live.listen);
    say_plain(r, "input_audio_buffer.cleared");
    return OK;
}

/* Names of OpenAI's models mean "whatever this server has"; a wrong name of ours does
 * not. */
static bool is_openai_name(const char *name) {
    return strncmp(name, "gpt-", 4) == 0 || strncmp(name, "whisper-", 8) == 0;
}

static status open_listen(realtime *r, const realtime_config *c, listen_session **out,
                          unsigned *retry_after_s, diag *d) {
    listen_config how = {
        .model = c->model, .format = realtime_config_format(c), .protocol = "realtime"};
    if (is_openai_name(c->model) && !app_model(r->live.app, c->model))
        how.model = "";
    realtime_config_listen(c, &how.listen);
    return listen_open(r->live.app, &how, &session_events, r, out, retry_after_s, d);
}

/* Moves the session to another model; possible until audio has been sent. */
static status change_model(realtime *r, const realtime_config *c, diag *d) {
    listen_session *other = NULL;
    unsigned retry_after_s = 0;
    if (listen_audio_ms(r->live.listen) > 0)
        return diag_field(d, ERR_STATE, "session.audio.input.transcription.model",
                          "the model can be changed only before audio is sent");
    status st = open_listen(r, c, &other, &retry_after_s, d);
    if (st != OK)
        return st;
    listen_close(r->live.listen);
    r->live.listen = other;
    return OK;
}

static status apply(realtime *r, const realtime_config *c, diag *d) {
    const model_manifest *now = listen_model(r->live.listen);
    const model_manifest *wanted = app_model(r->live.app, c->model);
    if (!wanted && is_openai_name(c->model))
        wanted = app_model(r->live.app, "");
    /* a name not touched keeps its model, also when it would mean another one now */
    if (strcmp(c->model, r->config.model) != 0 && wanted != now)
        return change_model(r, c, d);
    status st = listen_language_fits(now, c->language, d);
    audio_format format = realtime_config_format(c);
    if (st == OK &&
        (c->encoding != r->config.encoding || c->rate_hz != r->config.rate_hz))
        st = listen_reformat(r->live.listen, &format, d);
    if (st != OK)
        return st;
    engine_listen listen;
    realtime_config_listen(c, &listen);
    listen_update(r->live.listen, &listen);
    return OK;
}

/* The session below names its own fields; the client knows them by their path. */
static void name_parameter(diag *d) {
    char path[sizeof d->field];
    if (strcmp(d->field, "model") != 0 && strcmp(d->field, "language") != 0)
        return;
    snprintf(path, sizeof path, "session.audio.input.transcription.%.40s", d->field);
    memcpy(d->field, path, sizeof path);
}

static status update(realtime *r, const realtime_event *e, diag *d) {
    realtime_config c;
    status st = realtime_config_update(&r->config, &r->defaults, e->session, &c, d);
    if (st != OK)
        return st;
    st = apply(r, &c, d);
    if (st != OK) {
        name_parameter(d);
        realtime_config_deinit(&c);
        return st;
    }
    realtime_config_deinit(&r->config);
    r->config = c;
    say_session(r, "session.updated");
    return OK;
}

static status find_item(realtime *r, const realtime_event *e, realtime_item **out,
                        diag *d) {
    *out = items_by_id(&r->items, e->item_id);
    if (*out)
        return OK;
    r->error_code = "item_not_found";
    return diag_field(d, ERR_NOT_FOUND, "item_id",
                      "no such item; the last %d with a transcript are kept",
                      ITEMS_WITH_TEXT);
}

static status delete_item(realtime *r, const realtime_event *e, diag *d) {
    realtime_item *item = NULL;
    status st = find_item(r, e, &item, d);
    if (st != OK)
        return st;
    if (!item->done)
        return diag_field(d, ERR_STATE, "item_id", "its transcript is still on the way");
    buf b = live_message_begin();
    out_item_deleted(&r->voice, item->number, &b);
    say(r, &b);
    items_remove(item);
    return OK;
}

static status handle(realtime *r, const realtime_event *e, diag *d) {
    realtime_item *item = NULL;
    status st;
    switch (e->kind) {
    case EVENT_APPEND:
        return append(r, e, d);
    case EVENT_COMMIT:
        return commit(r, d);
    case EVENT_CLEAR:
        return clear(r, d);
    case EVENT_UPDATE:
        return update(r, e, d);
    case EVENT_RETRIEVE:
        st = find_item(r, e, &item, d);
        if (st == OK)
            say_item(r, "conversation.item.retrieved", item, false);
        return st;
    case EVENT_DELETE:
        return delete_item(r, e, d);
    case EVENT_CANCEL:
        r->error_code = "response_cancel_not_active";
        return diag_set(d, ERR_STATE, "no response is active");
    case EVENT_CONVERSATION:
        return diag_field(d, ERR_UNSUPPORTED, "type",
                          "a transcription session has no responses or added items");
    }
    return OK;
}

/* One message. ERR_LIMIT: go on with it later; ERR_SYNTAX: the audio stream is broken
 * and the session over; OK otherwise: a wrong event is answered, not punished. */
static status take_message(void *owner, const uint8_t *data, size_t n, bool binary) {
    realtime *r = owner;
    realtime_event e;
    diag d = DIAG_INIT;
    r->error_code = NULL;
    if (binary) {
        (void)diag_set(&d, ERR_UNSUPPORTED, "audio travels as base64 in JSON events");
        say_error(r, &d, "");
        return OK;
    }
    status st = realtime_event_parse((const char *)data, n, &e, &d);
    if (st == OK)
        st = handle(r, &e, &d);
    if (st == ERR_LIMIT && (e.kind == EVENT_APPEND || e.kind == EVENT_COMMIT)) {
        realtime_event_free(&e);
        return st;
    }
    r->append_at = r->append_skip = 0;
    if (st != OK)
        say_error(r, &d, e.event_id);
    realtime_event_free(&e);
    return OK;
}

/* --- the connection --- */

static void on_idle(void *owner) {
    realtime *r = owner;
    diag d = DIAG_INIT;
    r->error_code = "session_idle";
    (void)diag_set(&d, ERR_TIMEOUT, "nothing was sent for %lld s",
                   (long long)r->live.app->config->idle_s);
    say_error(r, &d, "");
    live_close(&r->live, 1000, "nothing was sent for too long");
}

static void deinit(void *owner) {
    realtime *r = owner;
    realtime_config_deinit(&r->config);
    items_deinit(&r->items);
}

static const live_protocol protocol = {
    .take = take_message, .idle = on_idle, .deinit = deinit};

static status read_query(realtime_config *c, const net_request *request, diag *d) {
    char value[64];
    if (net_query(request->query, "intent", 0, value, sizeof value) < 0 ||
        strcmp(value, "transcription") != 0)
        return diag_field(d, ERR_UNSUPPORTED, "intent",
                          "this server offers transcription sessions: connect to "
                          "/v1/realtime?intent=transcription");
    for (unsigned i = 0;
         net_query(request->query, "include", i, value, sizeof value) >= 0; i++)
        if (!realtime_config_include(c, value))
            return diag_field(d, ERR_INVALID, "include",
                              "may be rostrum.partial or rostrum.final");
    if (net_query(request->query, "model", 0, value, sizeof value) > 0)
        memcpy(c->model, value, sizeof c->model);
    return OK;
}

/* Admits the caller and takes a slot. */
static status enter(realtime *r, const net_request *request, unsigned *retry_after_s,
                    diag *d) {
    status st = read_query(&r->config, request, d);
    if (st == OK)
        st = admission_enter(r->live.app, r->live.conn, &r->live.admitted, d);
    if (st == OK)
        st = open_listen(r, &r->config, &r->live.listen, retry_after_s, d);
    return st;
}

static void *on_open(net_conn *c, const net_request *request, void *context) {
    app *a = context;
    diag d = DIAG_INIT;
    unsigned retry_after_s = 0;
    realtime *r = live_create(sizeof *r, a, c, &protocol);
    if (!r) {
        (void)diag_set(&d, ERR_MEMORY, "no memory for a session");
        openai_refuse_ws(a, c, &d, 0);
        return NULL;
    }
    r->voice.items = &r->items;
    id_make("sess", r->id);
    items_init(&r->items);
    listen_defaults(a, &r->defaults);
    realtime_config_init(&r->config, &r->defaults);
    if (enter(r, request, &retry_after_s, &d) != OK) {
        openai_refuse_ws(a, c, &d, retry_after_s);
        live_closed(r);
        return NULL;
    }
    select_subprotocol(c, "realtime");
    live_start(&r->live);
    return r;
}

static void on_established(void *state) {
    realtime *r = state;
    r->live.heard_ms = uv_now(r->live.app->loop);
    say_session(r, "session.created");
}

const net_handler realtime_handler = {
    .open = on_open,
    .established = on_established,
    .message = live_hear,
    .closed = live_closed,
};
