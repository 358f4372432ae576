#include "pool_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

double harness_now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- events ---- */

static void check(heard *s) {
    if (s->inside_call || s->losts > 0 || !s->slot)
        s->faults++;
}

static void on_started(void *session, const engine_mark *mark) {
    heard *s = session;
    (void)mark;
    check(s);
    s->started++;
}

static void on_stopped(void *session, const engine_mark *mark) {
    heard *s = session;
    (void)mark;
    check(s);
    s->stopped++;
}

static void on_text(void *session, uint8_t type, uint8_t flags, const engine_text *text) {
    heard *s = session;
    (void)flags;
    check(s);
    size_t n = 0;
    s->words[0] = '\0';
    for (uint32_t i = 0; i < text->n_words && n < sizeof s->words - 64; i++)
        n += (size_t)snprintf(s->words + n, sizeof s->words - n, "%s%s", i ? " " : "",
                              text->words[i].text);
    if (type == FRAME_FINAL)
        s->finals++;
    else
        s->partials++;
    if (s->on_text)
        s->on_text(s);
}

static void on_credit(void *session) {
    heard *s = session;
    check(s);
    s->credits++;
}

static void on_lost(void *session, status why) {
    heard *s = session;
    check(s);
    s->losts++;
    s->why = why;
    s->slot = NULL;
}

const pool_events heard_events = {.speech_started = on_started,
                                  .speech_stopped = on_stopped,
                                  .text = on_text,
                                  .credit = on_credit,
                                  .lost = on_lost};

/* ---- the pool ---- */

model_manifest *harness_add(harness *h, const char *name, const char *engine,
                            const char *act, unsigned workers, unsigned slots) {
    model_manifest *m = &h->models[h->n];
    memset(m, 0, sizeof *m);
    snprintf(m->name, sizeof m->name, "%s", name);
    snprintf(m->engine, sizeof m->engine, "%s", engine);
    snprintf(m->kind, sizeof m->kind, "asr");
    snprintf(m->model_dir, sizeof m->model_dir, "/nonexistent/models");
    snprintf(m->cache_dir, sizeof m->cache_dir, "/nonexistent");
    m->sample_rate_hz = 16000;
    m->slots_per_thread = 2;
    if (act[0]) {
        snprintf(m->settings[0].key, sizeof m->settings[0].key, "act");
        snprintf(m->settings[0].value, sizeof m->settings[0].value, "%s", act);
        m->n_settings = 1;
    }
    h->configs[h->n] = (pool_worker_config){
        .model = m, .workers = workers, .threads = 1, .slots = slots, .memory_mb = 512};
    h->n++;
    return m;
}

void harness_start(harness *h, const char *folder) {
    assert_int_equal(uv_loop_init(&h->loop), 0);
    diag d = DIAG_INIT;
    status s = pool_create(&h->loop, folder, h->configs, h->n, &h->pool, &d);
    if (s != OK)
        print_message("%s: %s\n", d.file, d.text);
    assert_int_equal(s, OK);
}

static void on_wake(uv_timer_t *timer) {
    (void)timer;
}

bool harness_until(harness *h, bool (*done)(void *context), void *context,
                   double seconds) {
    double end = harness_now_s() + seconds;
    static uv_timer_t wake; /* so that the loop looks at the deadline */
    uv_timer_init(&h->loop, &wake);
    uv_timer_start(&wake, on_wake, 5, 5);
    bool reached = false;
    while (!(reached = done(context)) && harness_now_s() < end)
        uv_run(&h->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&wake, NULL);
    uv_run(&h->loop, UV_RUN_NOWAIT); /* the turn that closes it */
    return reached;
}

typedef struct {
    const harness *h;
    unsigned workers;
} ready_wait;

static bool is_ready(void *context) {
    const ready_wait *w = context;
    return harness_stats(w->h).workers_ready >= w->workers;
}

void harness_wait_ready(harness *h, unsigned workers) {
    ready_wait w = {h, workers};
    assert_true(harness_until(h, is_ready, &w, 20));
}

void harness_acquire(harness *h, const char *model, heard *s) {
    memset(s, 0, sizeof *s);
    diag d = DIAG_INIT;
    unsigned retry = 0;
    s->inside_call = true;
    status result = pool_acquire(h->pool, model, &engine_listen_default, &heard_events, s,
                                 &s->slot, &retry, &d);
    s->inside_call = false;
    if (result != OK)
        print_message("%s\n", d.text);
    assert_int_equal(result, OK);
}

status harness_mark(heard *s, int16_t mark, size_t n) {
    static int16_t samples[16000 * LIMIT_SLOT_AUDIO_S + 1];
    for (size_t i = 0; i < n; i++)
        samples[i] = mark;
    s->inside_call = true;
    status result = pool_audio(s->slot, samples, n);
    s->inside_call = false;
    return result;
}

void harness_release(heard *s) {
    s->inside_call = true;
    pool_release(s->slot);
    s->slot = NULL;
}

static void on_stop(void *context) {
    ((harness *)context)->stopped = true;
}

static bool is_stopped(void *context) {
    return ((harness *)context)->stopped;
}

void harness_end(harness *h) {
    pool_stop(h->pool, on_stop, h);
    assert_true(harness_until(h, is_stopped, h, 10));
    pool_destroy(h->pool);
    uv_run(&h->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&h->loop), 0); /* nothing was left open */
    memset(h, 0, sizeof *h);
}

pool_stats harness_stats(const harness *h) {
    pool_stats stats;
    pool_get_stats(h->pool, &stats);
    return stats;
}
