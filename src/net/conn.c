#include "net/conn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"

static uint64_t now_of(const net_conn *c) {
    return uv_now(c->server->loop);
}

void conn_schedule(net_conn *c) {
    net_server *s = c->server;
    if (c->pumped)
        return;
    c->pumped = true;
    c->pump_next = s->pumped;
    s->pumped = c;
    server_wake(s);
}

void conn_kill(net_conn *c) {
    c->phase = CONN_DEAD;
    conn_schedule(c);
}

void conn_tell_closed(net_conn *c) {
    void *state = c->state;
    c->state = NULL;
    c->ended = false;
    if (state && c->handler->closed)
        c->handler->closed(state);
}

void conn_linger(net_conn *c) {
    SSL *ssl = lws_get_ssl(c->wsi);
    if (ssl)
        SSL_shutdown(ssl);
    shutdown(c->fd, SHUT_WR);
    buf_deinit(&c->in);
    c->phase = CONN_LINGER;
    c->since_ms = now_of(c);
    c->paused = false;
}

/* Nothing more is taken while the app asked for it, and while the peer does not read what
 * it was told: its next messages would be answered too. */
static bool held_back(const net_conn *c) {
    return c->paused || (c->phase == CONN_FRAMES && c->out.size > LIMIT_SEND_BYTES / 2);
}

/* Reading stops while nothing is taken, and while later requests pile up. */
static void set_reading(net_conn *c) {
    bool off = c->phase != CONN_DEAD &&
               (held_back(c) || (c->phase == CONN_WAIT && c->in.size >= NET_HELD_BYTES));
    if (off == c->reading_off)
        return;
    c->reading_off = off;
    lws_rx_flow_control(c->wsi, !off);
}

/* ---- requests ---- */

static net_method method_of(http_text name, bool *out_head_only) {
    static const struct {
        const char *name;
        net_method method;
    } methods[] = {{"GET", NET_GET},
                   {"HEAD", NET_GET},
                   {"POST", NET_POST},
                   {"DELETE", NET_DELETE},
                   {"OPTIONS", NET_OPTIONS}};
    *out_head_only = false;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strlen(methods[i].name) != name.n ||
            memcmp(methods[i].name, name.at, name.n) != 0)
            continue;
        *out_head_only = i == 1;
        return methods[i].method;
    }
    return 0;
}

static bool path_matches(const char *pattern, const char *path) {
    size_t n = strlen(pattern);
    if (n && pattern[n - 1] == '*')
        return strncmp(pattern, path, n - 1) == 0;
    return strcmp(pattern, path) == 0;
}

/* What a path offers, when none of its routes takes the request as it is. */
static void refuse_method(net_conn *c, const net_request *r, unsigned methods,
                          bool websocket) {
    char headers[96] = "Allow:";
    if (r->method == NET_OPTIONS || methods) {
        if (methods & NET_GET)
            strcat(headers, " GET, HEAD,");
        if (methods & NET_POST)
            strcat(headers, " POST,");
        if (methods & NET_DELETE)
            strcat(headers, " DELETE,");
        strcat(headers, " OPTIONS\r\n");
        if (r->method == NET_OPTIONS)
            net_reply(c, 204, NULL, headers, NULL, 0);
        else
            conn_refuse(c, 405, headers, "this path does not take that method");
    } else if (websocket) {
        conn_refuse(c, 426, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
                    "this path is a WebSocket: ask for an upgrade");
    } else {
        conn_refuse(c, 404, NULL, "there is nothing at this path");
    }
}

static const net_route *route_of(net_conn *c, const net_request *r) {
    const net_server_config *config = &c->server->config;
    unsigned methods = 0;
    bool websocket = false;
    for (size_t i = 0; i < config->n_routes; i++) {
        const net_route *route = &config->routes[i];
        if (!path_matches(route->path, r->path))
            continue;
        if (route->websocket ? r->websocket : (route->methods & r->method) != 0)
            return route;
        methods |= route->websocket ? 0 : route->methods;
        websocket |= route->websocket;
    }
    refuse_method(c, r, methods, websocket);
    return NULL;
}

/* A key is 16 bytes in base64: 22 digits and "==". */
static bool key_is_valid(http_text key) {
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (key.n != 24 || memcmp(key.at + 22, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < 22; i++)
        if (!memchr(digits, key.at[i], sizeof digits - 1))
            return false;
    return true;
}

/* The WebSocket part of a request: true when the upgrade is asked for properly. */
static bool check_upgrade(net_conn *c, const http_head *head, http_text *out_key) {
    const http_field *version = http_field_find(head, "sec-websocket-version", 0);
    const http_field *key = http_field_find(head, "sec-websocket-key", 0);
    if (!version || version->value.n != 2 || memcmp(version->value.at, "13", 2) != 0) {
        conn_refuse(c, 426, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
                    "WebSocket version 13 is the one spoken here");
        return false;
    }
    if (!key || !key_is_valid(key->value)) {
        conn_refuse(c, 400, NULL, "Sec-WebSocket-Key must be 16 bytes in base64");
        return false;
    }
    *out_key = key->value;
    return true;
}

static void peer_address(const net_conn *c, char *out, size_t size) {
    struct sockaddr_storage address;
    socklen_t n = sizeof address;
    out[0] = '\0';
    if (getpeername(c->fd, (struct sockaddr *)&address, &n) != 0)
        return;
    if (address.ss_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)&address)->sin_addr, out,
                  (socklen_t)size);
    else if (address.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&address)->sin6_addr, out,
                  (socklen_t)size);
}

static void begin_exchange(net_conn *c, const http_head *head) {
    c->handler = NULL;
    c->state = NULL;
    c->keep_alive = head->keep_alive;
    c->old_http = head->minor == 0;
    c->expects_continue = head->expects_continue;
    c->chunked_in = head->chunked;
    c->answered = c->streaming = c->complete = c->ended = c->peer_closed = false;
    c->served = true;
    memset(&c->u, 0, sizeof c->u);
    c->u.http.body_left = head->content_length > 0 ? (uint64_t)head->content_length : 0;
    c->phase = c->u.http.body_left || head->chunked ? CONN_BODY : CONN_WAIT;
    c->since_ms = now_of(c);
    c->server->subprotocol[0] = '\0';
}

static void body_over(net_conn *c) {
    c->phase = CONN_WAIT;
    if (c->state && !c->complete && c->handler->body_end)
        c->handler->body_end(c->state);
}

/* After open: the request is answered, or goes on with its state. */
static void after_open(net_conn *c, http_text key) {
    if (c->phase == CONN_DEAD)
        return;
    if (c->state && c->websocket) {
        ASSERT(!c->answered);
        conn_accept_websocket(c, key);
        memset(&c->u, 0, sizeof c->u);
        if (c->phase == CONN_DEAD)
            return;
        c->phase = CONN_FRAMES;
        if (c->handler->established)
            c->handler->established(c->state);
        return;
    }
    if (!c->state && !c->answered)
        conn_refuse(c, 500, NULL, "the server could not take this request");
    if (c->phase == CONN_WAIT)
        body_over(c);
    else if (c->state && c->expects_continue && !c->answered) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        if (conn_send(c, go_on, sizeof go_on - 1, NULL, 0, LIMIT_SEND_BYTES) != OK)
            conn_kill(c);
    }
}

/* bytes: what was announced; -1: at least what has come. */
static void refuse_body(net_conn *c, int64_t bytes) {
    char text[160];
    if (bytes >= 0)
        snprintf(text, sizeof text,
                 "the body has %lld bytes; a file may have at most %u bytes (25 MiB)",
                 (long long)bytes, LIMIT_UPLOAD_BYTES);
    else
        snprintf(text, sizeof text,
                 "the body has more than %u bytes; a file may have at most %u (25 MiB)",
                 NET_BODY_BYTES, LIMIT_UPLOAD_BYTES);
    conn_refuse(c, 413, NULL, text);
}

static void open_request(net_conn *c, const http_head *head) {
    char path[1024], query[LIMIT_HTTP_HEADER_BYTES + 1], peer[INET6_ADDRSTRLEN];
    http_text key = {"", 0};
    bool head_only;
    begin_exchange(c, head);
    net_request request = {.method = method_of(head->method, &head_only),
                           .websocket = head->upgrade_websocket,
                           .path = path,
                           .query = query,
                           .content_length = head->content_length,
                           .peer = peer};
    c->head_only = head_only;
    c->websocket = request.websocket;
    if (http_decode(head->path, false, path, sizeof path) < 0) {
        conn_refuse(c, 400, NULL, "the path is too long or has a broken escape");
        return;
    }
    if (head->content_length > (int64_t)NET_BODY_BYTES) {
        refuse_body(c, head->content_length);
        return;
    }
    memcpy(query, head->query.at, head->query.n);
    query[head->query.n] = '\0';
    peer_address(c, peer, sizeof peer);
    const net_route *route = route_of(c, &request);
    if (!route)
        return;
    if (request.websocket &&
        (request.method != NET_GET || head_only || c->phase == CONN_BODY)) {
        conn_refuse(c, 400, NULL, "a WebSocket is asked for with GET and no body");
        return;
    }
    if (!route->websocket)
        c->websocket = request.websocket = false; /* an upgrade nobody needs is ignored */
    else if (!check_upgrade(c, head, &key))
        return;
    c->handler = route->handler;
    c->head = head;
    c->state = c->handler->open(c, &request, c->server->config.app);
    c->head = NULL;
    after_open(c, key);
}

static void refuse_head(net_conn *c, int http_status, const char *wrong) {
    c->handler = NULL;
    c->state = NULL;
    c->keep_alive = c->answered = c->complete = c->head_only = c->old_http = false;
    c->phase = CONN_WAIT;
    conn_refuse(c, http_status, NULL, wrong);
}

/* Takes one request head; returns its bytes, 0 while it is incomplete. */
static size_t take_head(net_conn *c, const uint8_t *data, size_t n) {
    size_t blank = 0;
    while (c->scanned == 0 && n - blank >= 2 && memcmp(data + blank, "\r\n", 2) == 0)
        blank += 2; /* RFC 9112 2.2: some clients end a body with one line too many */
    if (blank)
        return blank;
    size_t end = http_head_end((const char *)data, n, &c->scanned);
    if (end == 0 && n < LIMIT_HTTP_HEADER_BYTES) {
        if (c->in.size == 0)
            c->since_ms =
                now_of(c); /* the clock of a slow head starts with its first byte */
        return 0;
    }
    c->scanned = 0;
    if (end == 0 || end > LIMIT_HTTP_HEADER_BYTES) {
        refuse_head(c, 431, "the request headers are larger than 8 KiB");
        return n;
    }
    http_head head;
    int refusal = http_head_read((const char *)data, end, &head);
    if (refusal)
        refuse_head(c, refusal, head.wrong);
    else
        open_request(c, &head);
    return end;
}

static bool deliver_body(net_conn *c, const uint8_t *data, size_t n) {
    c->u.http.body_seen += n;
    if (c->u.http.body_seen > NET_BODY_BYTES) {
        if (c->answered) {
            conn_kill(c);
        } else {
            c->keep_alive = false;
            c->ended = true;
            refuse_body(c, -1);
        }
        return false;
    }
    if (c->state && !c->complete && c->handler->body)
        c->handler->body(c->state, data, n);
    return c->phase == CONN_BODY;
}

static size_t take_chunked(net_conn *c, const uint8_t *data, size_t n) {
    size_t used = 0;
    const uint8_t *piece = NULL;
    size_t piece_n = 0;
    switch (http_chunks_read(&c->u.http.chunks, data, n, &used, &piece, &piece_n)) {
    case CHUNKS_DATA:
        deliver_body(c, piece, piece_n);
        return used;
    case CHUNKS_END:
        body_over(c);
        return used;
    case CHUNKS_MORE:
        return used;
    default:
        break;
    }
    c->keep_alive = false;
    c->ended = true;
    if (c->answered)
        conn_kill(c);
    else
        conn_refuse(c, 400, NULL, "the chunked body is broken");
    return n;
}

static size_t take_body(net_conn *c, const uint8_t *data, size_t n) {
    if (c->complete && !c->keep_alive)
        return n; /* answered and about to close: what still comes is dropped */
    if (c->chunked_in)
        return take_chunked(c, data, n);
    size_t take = n < c->u.http.body_left ? n : (size_t)c->u.http.body_left;
    c->u.http.body_left -= take;
    if (deliver_body(c, data, take) && c->u.http.body_left == 0)
        body_over(c);
    return take;
}

/* The answer is whole and sent: the next request, or the end. */
static void finish_exchange(net_conn *c) {
    conn_tell_closed(c);
    if (c->phase == CONN_DEAD)
        return;
    if (!c->keep_alive) {
        conn_linger(c);
    } else if (c->phase == CONN_WAIT) {
        c->phase = CONN_HEAD;
        c->complete = c->answered = false;
        c->since_ms = now_of(c);
    }
    /* else the rest of an unwanted body is on its way and is read first */
}

/* ---- frames ---- */

static size_t take_frames(net_conn *c, uint8_t *data, size_t n) {
    ws_event event;
    size_t used = ws_read(&c->u.frames, data, n, &event);
    switch (event.kind) {
    case WS_DATA:
        if (c->phase == CONN_FRAMES && c->state && c->handler->message)
            c->handler->message(c->state, event.data, event.n, event.binary, event.first,
                                event.last);
        break;
    case WS_PING:
        if (c->phase == CONN_FRAMES)
            conn_send_control(c, WS_OP_PONG, event.data, event.n);
        break;
    case WS_CLOSE:
        c->peer_closed = true;
        conn_goodbye(c, event.code == 1005 ? 1005 : event.code, "", 0);
        conn_schedule(c);
        return n; /* nothing counts after it */
    case WS_FAIL:
        c->peer_closed = true;
        conn_goodbye(c, event.code,
                     event.code == 1009   ? "message larger than 1 MiB"
                     : event.code == 1007 ? "text is not UTF-8"
                                          : "broken frame",
                     event.code == 1009   ? 25
                     : event.code == 1007 ? 17
                                          : 12);
        conn_schedule(c);
        return n;
    default:
        break;
    }
    return used;
}

/* ---- bytes in ---- */

/* Takes what can be taken of data[n] now. */
static size_t consume(net_conn *c, uint8_t *data, size_t n) {
    size_t used = 0;
    while (used < n && !held_back(c)) {
        size_t step = 0;
        if (c->phase == CONN_HEAD)
            step = take_head(c, data + used, n - used);
        else if (c->phase == CONN_BODY)
            step = take_body(c, data + used, n - used);
        else if (c->phase == CONN_FRAMES || (c->phase == CONN_GOODBYE && !c->peer_closed))
            step = take_frames(c, data + used, n - used);
        else if (c->phase != CONN_WAIT)
            step = n - used; /* nothing counts any more */
        used += step;
        if (c->complete && c->phase == CONN_WAIT && c->out.size == 0)
            finish_exchange(c); /* a request answered in open needs no turn of the loop */
        else if (step == 0)
            break;
    }
    return used;
}

static void drain_held(net_conn *c) {
    size_t used = consume(c, c->in.data, c->in.size);
    if (c->phase == CONN_LINGER || c->phase == CONN_DEAD || used == c->in.size)
        buf_deinit(&c->in);
    else
        buf_drop(&c->in, used);
}

void conn_receive(net_conn *c, uint8_t *data, size_t n) {
    if (c->received_ms == 0)
        lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0); /* of the TLS handshake */
    c->received_ms = now_of(c);
    c->server->stats.bytes_in += n;
    if (c->in.size == 0) {
        size_t used = consume(c, data, n);
        if (used < n && c->phase != CONN_DEAD && c->phase != CONN_LINGER)
            buf_add(&c->in, data + used, n - used);
    } else {
        buf_add(&c->in, data, n);
        if (!c->in.failed)
            drain_held(c);
    }
    if (c->in.failed)
        conn_kill(c);
    set_reading(c);
}

void conn_turn(net_conn *c) {
    if (c->phase == CONN_DEAD) {
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
        return; /* c is gone: the close callback ran */
    }
    if (c->ended)
        conn_tell_closed(c);
    if (c->phase == CONN_GOODBYE && c->peer_closed && c->out.size == 0)
        conn_linger(c);
    if (c->complete && c->out.size == 0 &&
        (c->phase == CONN_WAIT ||
         (c->phase == CONN_BODY && (c->state || !c->keep_alive))))
        finish_exchange(c);
    if (c->in.size > 0 && !held_back(c) && c->phase != CONN_WAIT)
        drain_held(c);
    if (c->phase == CONN_DEAD)
        conn_schedule(c);
    set_reading(c);
}

void conn_gone(net_conn *c) {
    c->phase = CONN_DEAD;
    conn_tell_closed(c);
    net_server *s = c->server;
    for (net_conn **at = &s->pumped; *at; at = &(*at)->pump_next) {
        if (*at == c) {
            *at = c->pump_next;
            break;
        }
    }
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->stats.open--;
    buf_deinit(&c->in);
    buf_deinit(&c->out);
    free(c);
}

/* ---- deadlines ---- */

bool conn_vanished(uint64_t silent_ms, unsigned unacked, unsigned ack_ms) {
    return silent_ms + NET_SWEEP_MS >= LIMIT_VANISHED_S * 1000 && unacked > 0 &&
           ack_ms + NET_SWEEP_MS >= NET_PING_MS;
}

/* Is somebody still there? TCP knows better than a pong, which waits for a busy client's
 * event loop. A user timeout on the socket is not used: it also counts the time a slow
 * reader's window is closed, though his audio still arrives. */
static void look_for_peer(net_conn *c, uint64_t now_ms, uint64_t silent_ms) {
    struct tcp_info info;
    socklen_t n = sizeof info;
    if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0)
        return;
    bool over = info.tcpi_state == TCP_CLOSE ||
                (info.tcpi_state == TCP_CLOSE_WAIT && c->phase == CONN_FRAMES);
    if (over || conn_vanished(silent_ms, info.tcpi_unacked, info.tcpi_last_ack_recv)) {
        conn_kill(c);
        return;
    }
    if (c->phase == CONN_FRAMES && c->out.size == 0 &&
        now_ms - c->pinged_ms >= NET_PING_MS) {
        c->pinged_ms = now_ms;
        conn_send_control(c, WS_OP_PING, NULL, 0);
    }
}

static void sweep_head(net_conn *c, uint64_t waited_ms) {
    if (c->in.size == 0 && c->served) {
        if (waited_ms > LIMIT_HTTP_IDLE_S * 1000)
            conn_linger(c);
    } else if (waited_ms > LIMIT_HTTP_HEAD_S * 1000) {
        if (c->in.size == 0) {
            conn_kill(c);
        } else {
            buf_deinit(&c->in);
            c->scanned = 0;
            refuse_head(c, 408, "the request headers took longer than 10 s");
        }
    }
}

void conn_sweep(net_conn *c, uint64_t now_ms) {
    uint64_t in_phase_ms = now_ms - c->since_ms;
    uint64_t silent_ms = now_ms - (c->received_ms ? c->received_ms : c->since_ms);
    if (c->out.size > 0 && now_ms - c->sent_ms > LIMIT_STALL_S * 1000) {
        conn_give_up_reader(c);
        return;
    }
    switch (c->phase) {
    case CONN_HEAD:
        sweep_head(c, in_phase_ms);
        break;
    case CONN_BODY:
        if (!c->paused && silent_ms > LIMIT_STALL_S * 1000)
            conn_kill(c);
        else if (silent_ms >= NET_SILENT_MS)
            look_for_peer(c, now_ms, silent_ms);
        break;
    case CONN_WAIT:
    case CONN_FRAMES:
        if (silent_ms >= NET_SILENT_MS)
            look_for_peer(c, now_ms, silent_ms);
        break;
    case CONN_GOODBYE:
    case CONN_LINGER:
        if (c->out.size > 0) /* a slow reader has less patience left than others */
            in_phase_ms = c->slow ? now_ms - c->sent_ms : 0;
        if (in_phase_ms > LIMIT_LINGER_S * 1000)
            conn_kill(c);
        break;
    default:
        break;
    }
}

/* ---- for handlers ---- */

void net_pause(net_conn *c) {
    if (c->phase == CONN_DEAD || c->phase == CONN_LINGER || c->phase == CONN_GOODBYE)
        return;
    c->paused = true;
    set_reading(c);
}

void net_resume(net_conn *c) {
    if (!c->paused)
        return;
    c->paused = false;
    c->received_ms = now_of(c); /* the silence was ours */
    conn_schedule(c);
}

void net_select_subprotocol(net_conn *c, const char *name) {
    ASSERT(c->head);
    net_server *s = c->server;
    size_t n = strlen(name);
    ASSERT(n < sizeof s->subprotocol);
    memcpy(s->subprotocol, name, n + 1);
}

int net_header(net_conn *c, const char *name, char *out, size_t size) {
    ASSERT(c->head);
    size_t n = 0;
    const http_field *f;
    for (unsigned i = 0; (f = http_field_find(c->head, name, i)); i++) {
        size_t gap = i ? 2 : 0;
        if (n + gap + f->value.n + 1 > size)
            return -1;
        memcpy(out + n, ", ", gap);
        memcpy(out + n + gap, f->value.at, f->value.n);
        n += gap + f->value.n;
    }
    if (!http_field_find(c->head, name, 0))
        return -1;
    out[n] = '\0';
    return (int)n;
}

int net_query(const char *query, const char *name, unsigned nth, char *out, size_t size) {
    char key[128];
    while (*query) {
        size_t n = strcspn(query, "&");
        const char *equals = memchr(query, '=', n);
        http_text left = {query, equals ? (size_t)(equals - query) : n};
        http_text right = {query + left.n + (equals ? 1 : 0),
                           n - left.n - (equals ? 1u : 0u)};
        if (http_decode(left, true, key, sizeof key) >= 0 && strcmp(key, name) == 0 &&
            nth-- == 0)
            return http_decode(right, true, out, size);
        query += n + (query[n] == '&');
    }
    return -1;
}
