/* GET /v1/listen: Deepgram's listen v1 over a WebSocket: binary audio in, Results out.
 * docs/api-listen.md says what is offered. Loop thread only. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve/api/api.h"
#include "serve/api/digest.h"
#include "serve/api/ids.h"
#include "serve/api/listen_out.h"
#include "serve/api/listen_query.h"
#include "serve/api/live.h"

typedef struct {
    live_socket live; /* first: see live.h */
    listen_query query;
    digest *sha256; /* of all audio bytes, for Metadata */
    char id[ID_BYTES];
    char created[32];
    size_t audio_at;            /* bytes of the message in progress already taken */
    unsigned commits, answered; /* Finalize and CloseStream sent to the worker; done */
    bool speaking;
    uint32_t last_word_end_ms; /* UtteranceEnd is due after it; 0: none is due */
    bool closing;              /* CloseStream was read */
} listen_socket;

/* --- saying --- */

static void say(listen_socket *s, buf *message) {
    live_say(&s->live, message);
}

static void say_metadata(listen_socket *s) {
    char hex[65];
    digest_end(s->sha256, hex);
    buf b = live_message_begin();
    listen_out_metadata(s->id, hex, s->created,
                        (double)listen_audio_ms(s->live.listen) / 1000.0,
                        s->query.format.channels, listen_model(s->live.listen), &b);
    say(s, &b);
}

static void say_results(listen_socket *s, const engine_text *text, bool is_final,
                        bool speech_final, bool from_finalize) {
    listen_result how = {.is_final = is_final,
                         .speech_final = speech_final,
                         .from_finalize = from_finalize,
                         .strip = s->query.strip};
    buf b = live_message_begin();
    listen_out_results(&how, text, listen_model(s->live.listen), s->id, &b);
    say(s, &b);
}

/* Says UtteranceEnd once the asked-for silence has been heard after the last word. */
static void check_utterance_end(listen_socket *s) {
    if (!s->query.utterance_end_ms || !s->last_word_end_ms || s->speaking ||
        !s->live.listen)
        return;
    if (listen_audio_ms(s->live.listen) <
        (uint64_t)s->last_word_end_ms + s->query.utterance_end_ms)
        return;
    buf b = live_message_begin();
    listen_out_utterance_end(s->last_word_end_ms, &b);
    say(s, &b);
    s->last_word_end_ms = 0;
}

/* --- events of the session --- */

static void on_started(void *owner, const engine_mark *mark) {
    listen_socket *s = owner;
    s->speaking = true;
    if (!s->query.vad_events)
        return;
    buf b = live_message_begin();
    listen_out_speech_started(mark->at_ms, &b);
    say(s, &b);
}

static void on_stopped(void *owner, const engine_mark *mark) {
    listen_socket *s = owner;
    (void)mark;
    s->speaking = false;
}

static void on_partial(void *owner, uint8_t flags, const engine_text *text) {
    listen_socket *s = owner;
    (void)flags;
    if (s->query.interim_results && text->n_words > 0)
        say_results(s, text, false, false, false);
}

static void on_final(void *owner, uint8_t flags, const engine_text *text,
                     const listen_timing *timing) {
    listen_socket *s = owner;
    (void)timing;
    if (flags & TEXT_FIRST_PASS) {
        on_partial(owner, flags, text);
        return;
    }
    bool by_commit = flags & TEXT_BY_COMMIT;
    if (by_commit)
        s->answered++;
    bool closed = s->closing && s->answered == s->commits;
    bool from_finalize = by_commit && !closed;
    bool by_silence = !by_commit && !(flags & TEXT_BY_LIMIT);
    if (text->n_words > 0)
        s->last_word_end_ms = text->words[text->n_words - 1].end_ms;
    if (text->n_words > 0 || !closed)
        say_results(s, text, true, by_silence && s->query.endpointing, from_finalize);
    check_utterance_end(s);
    if (closed) {
        say_metadata(s);
        live_close(&s->live, 1000, "");
    }
}

static void on_lost(void *owner, status why) {
    live_close(owner, 1011,
               why == ERR_LIMIT
                   ? "NET-0000: more was asked of the speech engine than it takes"
                   : "NET-0000: the speech engine of this session ended");
}

static const listen_events session_events = {
    .speech_started = on_started,
    .speech_stopped = on_stopped,
    .partial = on_partial,
    .final = on_final,
    .room = live_room,
    .lost = on_lost,
};

/* --- messages of the client --- */

static status take_audio(listen_socket *s, const uint8_t *data, size_t n) {
    size_t taken = 0;
    diag d = DIAG_INIT;
    status st =
        listen_audio(s->live.listen, data + s->audio_at, n - s->audio_at, &taken, &d);
    if (st != OK) {
        live_close(&s->live, 1008, "DATA-0000: the audio could not be decoded");
        return OK;
    }
    digest_add(s->sha256, data + s->audio_at, taken);
    s->audio_at += taken;
    if (s->audio_at < n)
        return ERR_LIMIT;
    s->audio_at = 0;
    check_utterance_end(s);
    return OK;
}

static void commit(listen_socket *s) {
    s->commits++;
    listen_commit(s->live.listen);
}

static void close_stream(listen_socket *s) {
    diag d = DIAG_INIT;
    if (listen_end(s->live.listen, &d) != OK) {
        live_close(&s->live, 1008, "DATA-0000: the audio could not be decoded");
        return;
    }
    s->closing = true;
    commit(s);
}

static status take_control(listen_socket *s, const char *text, size_t n) {
    cJSON *tree = cJSON_ParseWithLength(text, n);
    const char *type =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "type"));
    bool ends = type && strcmp(type, "CloseStream") == 0;
    bool finalizes = type && strcmp(type, "Finalize") == 0;
    status st = OK;
    if (!type)
        live_close(&s->live, 1008, "DATA-0001: a text message is JSON with a type");
    else if ((ends || finalizes) && !listen_keeps_up(s->live.listen))
        st = ERR_LIMIT;
    else if (ends)
        close_stream(s);
    else if (finalizes)
        commit(s);
    else if (strcmp(type, "KeepAlive") != 0)
        live_close(&s->live, 1008, "DATA-0001: send KeepAlive, Finalize or CloseStream");
    cJSON_Delete(tree);
    return st;
}

static status take_message(void *owner, const uint8_t *data, size_t n, bool binary) {
    listen_socket *s = owner;
    if (s->closing)
        return OK;
    if (!binary)
        return take_control(s, (const char *)data, n);
    if (n > 0)
        return take_audio(s, data, n);
    close_stream(s); /* how older clients end a stream */
    return OK;
}

/* --- the connection --- */

static void on_idle(void *owner) {
    listen_socket *s = owner;
    char reason[100];
    if (s->closing)
        return;
    snprintf(reason, sizeof reason, "NET-0001: neither audio nor KeepAlive for %lld s",
             (long long)s->live.app->config->idle_s);
    live_close(&s->live, 1011, reason);
}

static void deinit(void *owner) {
    listen_socket *s = owner;
    digest_destroy(s->sha256);
}

static const live_protocol protocol = {
    .take = take_message, .idle = on_idle, .deinit = deinit};

static void refuse(app *a, net_conn *c, const diag *d, unsigned retry_after_s) {
    char id[ID_BYTES];
    buf body = live_message_begin();
    id_uuid(id);
    listen_out_refusal(d, id, &body);
    metric_add(a->metrics, M_REFUSALS, status_name(d->code), 1);
    bool wait = d->code == ERR_CAPACITY || d->code == ERR_QUOTA || d->code == ERR_MEMORY;
    int http = d->code == ERR_NOT_FOUND ? 400 : refusal_http_status(d->code);
    net_refuse(c, http,
               !wait           ? 0
               : retry_after_s ? retry_after_s
                               : RETRY_AFTER_S,
               buf_text(&body));
    buf_deinit(&body);
}

static status enter(listen_socket *s, const net_request *request, unsigned *retry_after_s,
                    diag *d) {
    status st = listen_query_parse(request->query, &s->query, d);
    if (st == OK)
        st = admission_enter(s->live.app, s->live.conn, &s->live.admitted, d);
    if (st != OK)
        return st;
    engine_listen defaults;
    listen_config how = {
        .model = s->query.model, .format = s->query.format, .protocol = "listen"};
    listen_defaults(s->live.app, &defaults);
    listen_query_settings(&s->query, &defaults, &how.listen);
    st = listen_open(s->live.app, &how, &session_events, s, &s->live.listen,
                     retry_after_s, d);
    if (st != OK)
        return st;
    s->sha256 = digest_create();
    return s->sha256 ? OK : diag_set(d, ERR_MEMORY, "no memory for a session");
}

static void *on_open(net_conn *c, const net_request *request, void *context) {
    app *a = context;
    diag d = DIAG_INIT;
    unsigned retry_after_s = 0;
    listen_socket *s = live_create(sizeof *s, a, c, &protocol);
    if (!s) {
        (void)diag_set(&d, ERR_MEMORY, "no memory for a session");
        refuse(a, c, &d, 0);
        return NULL;
    }
    id_uuid(s->id);
    time_t now = time(NULL);
    struct tm utc;
    strftime(s->created, sizeof s->created, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    if (enter(s, request, &retry_after_s, &d) != OK) {
        refuse(a, c, &d, retry_after_s);
        live_closed(s);
        return NULL;
    }
    select_subprotocol(c, "token");
    select_subprotocol(c, "bearer");
    live_start(&s->live);
    return s;
}

static void on_message(void *state, const uint8_t *data, size_t n, bool binary,
                       bool first, bool last) {
    listen_socket *s = state;
    /* a stream of bytes has no message borders: only an Opus packet must come whole */
    if (binary && s->query.format.encoding != AUDIO_OPUS) {
        if (n == 0 && !(first && last))
            return;
        first = last = true;
    }
    live_hear(s, data, n, binary, first, last);
}

const net_handler listen_handler = {
    .open = on_open,
    .message = on_message,
    .closed = live_closed,
};
