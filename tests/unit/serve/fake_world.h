/* What a listen session and the API handlers touch, made of memory: a pool with one
 * slot, a connection that remembers what it was told, a clock that stands still until
 * moved. Linked in place of the real ones. Include once, in the test's only file. */
#ifndef TESTS_FAKE_WORLD_H
#define TESTS_FAKE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "serve/api/api.h"
#include "serve/app.h"
#include "serve/session/listen.h"

/* --- the clock --- */

static uint64_t fake_now_ns = 1000000000u;

uint64_t uv_hrtime(void);
uint64_t uv_hrtime(void) {
    return fake_now_ns;
}

uint64_t uv_now(const uv_loop_t *loop) {
    (void)loop;
    return fake_now_ns / 1000000u;
}

static inline void pass_ms(unsigned ms) {
    fake_now_ns += (uint64_t)ms * 1000000u;
}

/* --- the pool: one slot --- */

struct pool {
    int unused;
};
struct pool_slot {
    int unused;
};

static struct {
    bool open, full; /* a session has it; it takes no audio */
    size_t room;     /* samples it still takes */
    size_t samples;  /* it took */
    bool refused;    /* ERR_LIMIT was said: a credit is owed */
    unsigned commits, clears, updates, opened;
    size_t samples_at_commit; /* at the last one */
    engine_listen settings;
    char model[64];
    const pool_events *events;
    void *session;
    status acquire; /* what the next acquire says */
} fake_slot;
static pool_slot the_slot;
static pool the_pool;

status pool_acquire(pool *p, const char *model, const engine_listen *listen,
                    const pool_events *events, void *session, pool_slot **out,
                    unsigned *out_retry_after_s, diag *d) {
    (void)p;
    if (fake_slot.acquire != OK) {
        *out_retry_after_s = 7;
        return diag_set(d, fake_slot.acquire, "all 4 slots are in use");
    }
    fake_slot.open = true;
    fake_slot.opened++;
    fake_slot.settings = *listen;
    snprintf(fake_slot.model, sizeof fake_slot.model, "%s", model);
    fake_slot.events = events;
    fake_slot.session = session;
    *out = &the_slot;
    return OK;
}

status pool_audio(pool_slot *slot, const int16_t *samples, size_t n) {
    assert_ptr_equal(slot, &the_slot);
    (void)samples;
    if (n > (size_t)LIMIT_SLOT_AUDIO_S * LIMIT_SAMPLE_RATE_HZ)
        return ERR_INVALID;
    if (n > fake_slot.room) {
        fake_slot.refused = true;
        return ERR_LIMIT;
    }
    fake_slot.room -= n;
    fake_slot.samples += n;
    return OK;
}

size_t pool_room(const pool_slot *slot) {
    (void)slot;
    return fake_slot.room;
}

void pool_commit(pool_slot *slot) {
    (void)slot;
    fake_slot.commits++;
    fake_slot.samples_at_commit = fake_slot.samples;
}

void pool_clear(pool_slot *slot) {
    (void)slot;
    fake_slot.clears++;
}

void pool_update(pool_slot *slot, const engine_listen *listen) {
    (void)slot;
    fake_slot.updates++;
    fake_slot.settings = *listen;
}

void pool_release(pool_slot *slot) {
    if (slot)
        fake_slot.open = false;
}

/* The worker took audio. */
static inline void give_room(size_t samples) {
    fake_slot.room += samples;
    if (fake_slot.refused && fake_slot.open) {
        fake_slot.refused = false;
        fake_slot.events->credit(fake_slot.session);
    }
}

static inline void started(uint32_t utterance, uint32_t at_ms) {
    engine_mark mark = {utterance, at_ms, at_ms + 96};
    fake_slot.events->speech_started(fake_slot.session, &mark);
}

static inline void stopped(uint32_t utterance, uint32_t at_ms) {
    engine_mark mark = {utterance, at_ms, at_ms + 500};
    fake_slot.events->speech_stopped(fake_slot.session, &mark);
}

/* A text of blank-separated words, one every 300 ms from start_ms. */
static inline void make_text(engine_text *text, const char *words, uint32_t utterance,
                             uint32_t start_ms, uint32_t committed) {
    static char copy[4096];
    memset(text, 0, sizeof *text);
    snprintf(copy, sizeof copy, "%s", words);
    text->utterance = utterance;
    text->start_ms = start_ms;
    text->committed = committed;
    uint32_t at = start_ms;
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " ")) {
        text->words[text->n_words++] = (engine_word){
            .text = w, .start_ms = at, .end_ms = at + 250, .confidence = 0.9f};
        at += 300;
    }
    text->end_ms = text->speech_end_ms = at;
}

static inline void say_partial(const char *words, uint32_t utterance, uint32_t start_ms,
                               uint32_t committed) {
    static engine_text text;
    make_text(&text, words, utterance, start_ms, committed);
    fake_slot.events->text(fake_slot.session, FRAME_PARTIAL, 0, &text);
}

static inline void say_final(const char *words, uint32_t utterance, uint32_t start_ms,
                             uint8_t flags, uint32_t corrected) {
    static engine_text text;
    make_text(&text, words, utterance, start_ms, 0);
    text.committed = text.n_words;
    text.corrected = corrected;
    fake_slot.events->text(fake_slot.session, FRAME_FINAL, flags, &text);
}

static inline void lose(status why) {
    fake_slot.open = false;
    fake_slot.events->lost(fake_slot.session, why);
}

/* --- the connection --- */

#define FAKE_SAID 256
struct net_conn {
    char *said[FAKE_SAID]; /* text messages, or pieces of a stream */
    size_t n_said;
    bool paused, slow; /* slow: every write says ERR_LIMIT */
    int close_code;
    char close_reason[128];
    int http_status;
    unsigned retry_after_s;
    char *reply; /* body of a whole answer or refusal */
    char reply_type[64];
    char stream_type[64];
    bool stream_ended;
    char subprotocol[64];
    char header_name[64], header_value[256]; /* the one request header it has */
};

static struct net_conn the_conn;

int net_header(net_conn *c, const char *name, char *out, size_t size) {
    if (strcmp(name, c->header_name) != 0 || strlen(c->header_value) >= size)
        return -1;
    strcpy(out, c->header_value);
    return (int)strlen(out);
}

/* No percent escapes: the tests write none. */
int net_query(const char *query, const char *name, unsigned nth, char *out, size_t size) {
    size_t n = strlen(name);
    while (*query) {
        size_t bytes = strcspn(query, "&");
        if (bytes > n && strncmp(query, name, n) == 0 && query[n] == '=' && nth-- == 0) {
            if (bytes - n - 1 >= size)
                return -1;
            snprintf(out, size, "%.*s", (int)(bytes - n - 1), query + n + 1);
            return (int)strlen(out);
        }
        query += bytes + (query[bytes] == '&');
    }
    return -1;
}

static inline void keep_said(net_conn *c, const void *text, size_t n) {
    assert_true(c->n_said < FAKE_SAID);
    c->said[c->n_said++] = strndup(text, n);
}

static inline void keep_reply(net_conn *c, int http_status, const void *body, size_t n) {
    assert_null(c->reply);
    c->http_status = http_status;
    c->reply = malloc(n + 1);
    memcpy(c->reply, n ? body : "", n);
    c->reply[n] = '\0';
}

void net_reply(net_conn *c, int http_status, const char *content_type,
               const char *headers, const void *body, size_t n) {
    snprintf(c->reply_type, sizeof c->reply_type, "%s", content_type);
    if (headers && sscanf(headers, "Retry-After: %u", &c->retry_after_s) != 1)
        c->retry_after_s = 0;
    keep_reply(c, http_status, body, n);
}

void net_refuse(net_conn *c, int http_status, unsigned retry_after_s,
                const char *json_body) {
    c->retry_after_s = retry_after_s;
    keep_reply(c, http_status, json_body, strlen(json_body));
}

void net_select_subprotocol(net_conn *c, const char *name) {
    snprintf(c->subprotocol, sizeof c->subprotocol, "%s", name);
}

void net_stream_begin(net_conn *c, int http_status, const char *content_type,
                      const char *headers) {
    (void)headers;
    c->http_status = http_status;
    snprintf(c->stream_type, sizeof c->stream_type, "%s", content_type);
}

status net_stream_write(net_conn *c, const void *data, size_t n) {
    if (c->slow)
        return ERR_LIMIT;
    keep_said(c, data, n);
    return OK;
}

void net_stream_end(net_conn *c) {
    c->stream_ended = true;
}

status net_ws_text(net_conn *c, const char *text, size_t n) {
    assert_int_equal(c->close_code, 0); /* nothing is said after a close */
    if (c->slow)
        return ERR_LIMIT;
    keep_said(c, text, n);
    return OK;
}

void net_ws_close(net_conn *c, int code, const char *reason) {
    assert_true(strlen(reason) <= 123);
    c->close_code = code;
    snprintf(c->close_reason, sizeof c->close_reason, "%s", reason);
}

void net_pause(net_conn *c) {
    c->paused = true;
}

void net_resume(net_conn *c) {
    c->paused = false;
}

/* --- the app --- */

struct keyring {
    unsigned inside;
    status enter;
};
static keyring the_keys;

status keyring_enter(keyring *k, const key_identity *who) {
    (void)who;
    if (k->enter == OK)
        k->inside++;
    return k->enter;
}

void keyring_leave(keyring *k, const key_identity *who) {
    (void)who;
    k->inside--;
}

struct metrics {
    double value[METRIC_COUNT];
    double observed[METRIC_COUNT]; /* last */
};
static metrics the_metrics;

void metric_add(metrics *m, metric_id id, const char *label, double by) {
    (void)label;
    m->value[id] += by;
}

void metric_observe(metrics *m, metric_id id, const char *label, double value) {
    (void)label;
    m->value[id] += 1;
    m->observed[id] = value;
}

static const model_manifest fake_models[] = {
    {.name = "fake-base",
     .version = "1",
     .engine = "fake",
     .languages = {"en"},
     .n_languages = 1},
    {.name = "fake-tiny",
     .version = "2",
     .engine = "fake",
     .languages = {"en"},
     .n_languages = 1},
};

const model_manifest *pool_model(const pool *p, size_t i) {
    (void)p;
    return i < 2 ? &fake_models[i] : NULL;
}

const model_manifest *app_model(const app *a, const char *name) {
    (void)a;
    if (!*name || strcmp(name, "whisper-1") == 0 || strcmp(name, "nova-3") == 0)
        return &fake_models[0];
    for (size_t i = 0; i < 2; i++)
        if (strcmp(name, fake_models[i].name) == 0)
            return &fake_models[i];
    return NULL;
}

static status fake_authorise = OK;

status app_authorise(app *a, net_conn *c, key_identity *out_tenant, diag *d) {
    (void)a, (void)c;
    if (fake_authorise != OK)
        return diag_set(d, fake_authorise, "the key is not known here");
    *out_tenant = (key_identity){.tenant = "test", .max_sessions = 3};
    return OK;
}

static config the_config;
static uv_loop_t the_loop;
static app the_app;

static inline void fire(uv_handle_t *handle, void *context) {
    (void)context;
    if (handle->type == UV_TIMER && uv_is_active(handle))
        ((uv_timer_t *)handle)->timer_cb((uv_timer_t *)handle);
}

/* Every running timer fires once. */
static inline void fire_timers(void) {
    uv_walk(&the_loop, fire, NULL);
}

/* For cmocka's setup and teardown of a test. */
static inline int begin_world(void **state) {
    (void)state;
    memset(&fake_slot, 0, sizeof fake_slot);
    memset(&the_conn, 0, sizeof the_conn);
    memset(&the_metrics, 0, sizeof the_metrics);
    the_keys = (keyring){0};
    fake_authorise = OK;
    fake_slot.room = (size_t)LIMIT_SLOT_AUDIO_S * LIMIT_SAMPLE_RATE_HZ;
    the_config.silence_ms = 500;
    the_config.prefix_padding_ms = 300;
    the_config.max_utterance_ms = 30000;
    the_config.idle_s = 60;
    uv_loop_init(&the_loop);
    the_app = (app){.loop = &the_loop,
                    .config = &the_config,
                    .pool = &the_pool,
                    .metrics = &the_metrics,
                    .keys = &the_keys,
                    .models = fake_models,
                    .n_models = 2};
    return 0;
}

static inline int end_world(void **state) {
    (void)state;
    for (size_t i = 0; i < the_conn.n_said; i++)
        free(the_conn.said[i]);
    free(the_conn.reply);
    uv_run(&the_loop, UV_RUN_NOWAIT);
    uv_run(&the_loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(&the_loop), 0);
    assert_false(fake_slot.open);
    assert_int_equal(the_keys.inside, 0);
    assert_true(the_metrics.value[M_SESSIONS_OPEN] == 0);
    return 0;
}

/* Opens a WebSocket; NULL: it was refused. */
static inline void *open_socket(const net_handler *h, const char *query) {
    net_request request = {.method = NET_GET,
                           .websocket = true,
                           .path = "/v1/x",
                           .query = query,
                           .content_length = -1,
                           .peer = "127.0.0.1"};
    void *s = h->open(&the_conn, &request, &the_app);
    if (s && h->established)
        h->established(s);
    return s;
}

static inline void send_text(const net_handler *h, void *s, const char *text) {
    h->message(s, (const uint8_t *)text, strlen(text), false, true, true);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, begin_world, end_world)

#endif
