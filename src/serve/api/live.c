#include "serve/api/live.h"

#include <stdlib.h>

#define TICK_MS 5000u /* how often a socket looks at itself */

/* --- out --- */

buf live_message_begin(void) {
    buf b;
    buf_init(&b, LIVE_EVENT_BYTES);
    return b;
}

void live_say(live_socket *l, buf *message) {
    if (!l->over && !message->failed &&
        net_ws_text(l->conn, buf_text(message), message->size) != OK)
        l->over = true; /* it did not read; the connection is being closed */
    buf_deinit(message);
}

void live_close(live_socket *l, int code, const char *reason) {
    if (l->over)
        return;
    net_ws_close(l->conn, code, reason);
    l->over = true;
}

/* --- in --- */

static status take(void *owner, const uint8_t *data, size_t n, bool binary) {
    live_socket *l = owner;
    return l->over ? OK : l->protocol->take(owner, data, n, binary);
}

/* Acts on what the backlog said. */
static void settle(live_socket *l, status st) {
    if (st == OK) {
        l->heard_ms = uv_now(l->app->loop); /* the silence was ours */
        net_resume(l->conn);
    } else if (st == ERR_LIMIT)
        net_pause(l->conn);
    else
        live_close(l, 1009, "too much was sent at once");
}

void live_hear(void *owner, const uint8_t *data, size_t n, bool binary, bool first,
               bool last) {
    live_socket *l = owner;
    l->heard_ms = uv_now(l->app->loop);
    if (l->over)
        return;
    status st = backlog_push(&l->in, data, n, binary, first, last);
    if (st != OK)
        settle(l, st);
}

void live_room(void *owner) {
    live_socket *l = owner;
    if (!l->over)
        settle(l, backlog_run(&l->in));
}

/* --- life --- */

static void on_tick(uv_timer_t *timer) {
    live_socket *l = timer->data;
    uint64_t quiet_ms = uv_now(l->app->loop) - l->heard_ms;
    if (quiet_ms >= TICK_MS) {
        backlog_trim(&l->in);
        if (l->listen)
            listen_trim(l->listen);
    }
    if (quiet_ms >= (uint64_t)l->app->config->idle_s * 1000 && !backlog_waiting(&l->in) &&
        !l->over)
        l->protocol->idle(l);
}

void *live_create(size_t bytes, app *a, net_conn *c, const live_protocol *protocol) {
    live_socket *l = calloc(1, bytes);
    if (!l)
        return NULL;
    l->app = a;
    l->conn = c;
    l->protocol = protocol;
    l->heard_ms = uv_now(a->loop);
    backlog_init(&l->in, take, l);
    uv_timer_init(a->loop, &l->tick);
    l->tick.data = l;
    return l;
}

void live_start(live_socket *l) {
    uint64_t idle_ms = (uint64_t)l->app->config->idle_s * 1000;
    uint64_t tick_ms = idle_ms < TICK_MS ? idle_ms : TICK_MS;
    uv_timer_start(&l->tick, on_tick, tick_ms, tick_ms);
}

static void on_timer_closed(uv_handle_t *handle) {
    free(handle->data);
}

void live_closed(void *owner) {
    live_socket *l = owner;
    listen_close(l->listen);
    l->listen = NULL;
    admission_leave(&l->admitted);
    l->protocol->deinit(owner);
    backlog_deinit(&l->in);
    uv_close((uv_handle_t *)&l->tick, on_timer_closed);
}
