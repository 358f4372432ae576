#include "cli/client_ws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/assert.h"
#include "cli/client_tls.h"

#define CONNECT_MS 10000 /* until the upgrade is answered */
#define GOODBYE_MS 2000
#define ANSWER_BYTES (64u << 10) /* head and body of a refused upgrade */
#define WIRE_BYTES (64u << 20)   /* sent and not taken: minutes of audio */

typedef enum { CONNECTING, ASKING, OPEN, REFUSED, CLOSING, CLOSED } ws_stage;

struct client_ws {
    uv_loop_t *loop;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_getaddrinfo_t lookup;
    uv_connect_t connect;
    const client_ws_events *events;
    void *owner;
    client_url url;
    client_tls *tls; /* NULL: plain */
    ws_stage stage;
    int handles;     /* still open */
    bool looking_up; /* lookup must come back before the memory goes */
    bool writing;
    char nonce[CLIENT_NONCE_CHARS + 1];
    buf request;  /* until sent */
    buf received; /* plain bytes not yet understood */
    buf message;  /* of a message in several frames */
    buf wire;     /* bytes the kernel did not take */
    buf flying;   /* being written */
    uv_write_t write;
    uint32_t mask; /* state of a xorshift generator */
    int close_code;
    client_answer answer;
    diag why;
};

static void finish(client_ws *w) {
    client_tls_destroy(w->tls);
    buf_deinit(&w->request);
    buf_deinit(&w->received);
    buf_deinit(&w->message);
    buf_deinit(&w->wire);
    buf_deinit(&w->flying);
    w->events->closed(w->owner, w->close_code, w->stage == REFUSED ? &w->answer : NULL,
                      &w->why);
    free(w);
}

static void on_handle_closed(uv_handle_t *handle) {
    client_ws *w = handle->data;
    if (--w->handles == 0 && !w->looking_up)
        finish(w);
}

/* Ends the connection; `closed` follows from the loop. */
static void drop(client_ws *w) {
    if (w->stage == CLOSED || uv_is_closing((uv_handle_t *)&w->timer))
        return;
    if (w->stage != REFUSED)
        w->stage = CLOSED;
    if (w->looking_up)
        uv_cancel((uv_req_t *)&w->lookup);
    uv_close((uv_handle_t *)&w->timer, on_handle_closed);
    if (w->handles == 2)
        uv_close((uv_handle_t *)&w->tcp, on_handle_closed);
}

static void fail(client_ws *w, status code, const char *what, int uv_code) {
    if (w->why.code == OK && w->stage != CLOSING && w->stage != CLOSED)
        (void)diag_set(&w->why, code, "%s%s%s", what, uv_code < 0 ? ": " : "",
                       uv_code < 0 ? uv_strerror(uv_code) : "");
    drop(w);
}

/* --- output --- */

static void flush_wire(client_ws *w);

static void on_written(uv_write_t *request, int result) {
    client_ws *w = request->data;
    w->writing = false;
    buf_clear(&w->flying);
    if (result < 0)
        fail(w, ERR_IO, "sending failed", result);
    else
        flush_wire(w);
}

static void flush_wire(client_ws *w) {
    if (w->writing || w->wire.size == 0 || w->stage == CLOSED)
        return;
    buf swap = w->flying;
    w->flying = w->wire;
    w->wire = swap;
    uv_buf_t piece = uv_buf_init((char *)w->flying.data, (unsigned)w->flying.size);
    w->write.data = w;
    int result = uv_write(&w->write, (uv_stream_t *)&w->tcp, &piece, 1, on_written);
    w->writing = result == 0;
    if (result < 0)
        fail(w, ERR_IO, "sending failed", result);
}

static void send_wire(client_ws *w, const uint8_t *bytes, size_t n) {
    size_t sent = 0;
    if (!w->writing && w->wire.size == 0) {
        uv_buf_t piece = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)n);
        int result = uv_try_write((uv_stream_t *)&w->tcp, &piece, 1);
        if (result < 0 && result != UV_EAGAIN) {
            fail(w, ERR_IO, "sending failed", result);
            return;
        }
        sent = result > 0 ? (size_t)result : 0;
    }
    if (sent == n)
        return;
    buf_add(&w->wire, bytes + sent, n - sent);
    if (w->wire.failed)
        fail(w, ERR_LIMIT, "the server does not read", 0);
    else
        flush_wire(w);
}

static void send_plain(client_ws *w, const uint8_t *bytes, size_t n) {
    if (w->tls == NULL) {
        send_wire(w, bytes, n);
        return;
    }
    buf wire;
    buf_init(&wire, WIRE_BYTES);
    diag d = DIAG_INIT;
    if (client_tls_send(w->tls, bytes, n, &wire, &d) != OK)
        fail(w, d.code, d.text, 0);
    else if (wire.size > 0)
        send_wire(w, wire.data, wire.size);
    buf_deinit(&wire);
}

static uint32_t next_mask(client_ws *w) {
    w->mask ^= w->mask << 13;
    w->mask ^= w->mask >> 17;
    w->mask ^= w->mask << 5;
    return w->mask;
}

void client_ws_send(client_ws *w, frame_kind kind, uint8_t *bytes, size_t n) {
    if (w->stage != OPEN && w->stage != CLOSING)
        return;
    uint8_t frame[FRAME_HEAD_MAX + 8192], mask[4];
    uint32_t value = next_mask(w);
    memcpy(mask, &value, 4);
    frame_mask(bytes, n, mask);
    size_t head = frame_head(kind, n, mask, frame);
    if (head + n <= sizeof frame) {
        memcpy(frame + head, bytes, n);
        send_plain(w, frame, head + n);
    } else {
        send_plain(w, frame, head);
        send_plain(w, bytes, n);
    }
}

size_t client_ws_queued(const client_ws *w) {
    return w->wire.size + w->flying.size;
}

/* --- input --- */

static void take_message(client_ws *w, frame_kind kind, const uint8_t *data, size_t n) {
    if (kind == FRAME_BINARY || w->stage != OPEN)
        return;
    buf_clear(&w->message);
    buf_add(&w->message, data, n);
    const char *text = buf_text(&w->message);
    if (!w->message.failed)
        w->events->text(w->owner, text, w->message.size);
    buf_clear(&w->message);
}

static void take_close(client_ws *w, const uint8_t *data, size_t n) {
    w->close_code = n >= 2 ? data[0] << 8 | data[1] : 1005;
    if (w->stage == OPEN) {
        if (w->close_code != 1000 && w->close_code != 1005) {
            char reason[124];
            size_t reason_n = n > 2 ? n - 2 : 0;
            memcpy(reason, data + (n > 2 ? 2 : 0), reason_n);
            reason[reason_n] = '\0';
            (void)diag_set(&w->why, ERR_LOST, "the server closed the session: %d %s",
                           w->close_code, reason);
        }
        uint8_t code[2] = {(uint8_t)(w->close_code >> 8), (uint8_t)w->close_code};
        client_ws_send(w, FRAME_CLOSE, code, n >= 2 ? 2 : 0);
    }
    drop(w);
}

static void take_frame(client_ws *w, const frame_info *f, uint8_t *data) {
    size_t n = (size_t)f->n;
    switch (f->kind) {
    case FRAME_PING:
        client_ws_send(w, FRAME_PONG, data, n);
        break;
    case FRAME_CLOSE:
        take_close(w, data, n);
        break;
    case FRAME_PONG:
        break;
    case FRAME_TEXT:
    case FRAME_BINARY:
    case FRAME_CONTINUE:
        if (f->last && w->message.size == 0) {
            take_message(w, f->kind, data, n);
        } else {
            buf_add(&w->message, data, n);
            if (f->last) {
                buf whole = w->message;
                buf_init(&w->message, CLIENT_MESSAGE_BYTES);
                take_message(w, FRAME_TEXT, whole.data, whole.size);
                buf_deinit(&whole);
            }
        }
        break;
    }
}

static void take_frames(client_ws *w) {
    size_t at = 0;
    while (w->stage == OPEN || w->stage == CLOSING) {
        frame_info f;
        bool complete = false;
        diag d = DIAG_INIT;
        status s =
            frame_read(w->received.data + at, w->received.size - at, &complete, &f, &d);
        if (s == OK && complete && f.n > CLIENT_MESSAGE_BYTES)
            s = diag_set(&d, ERR_LIMIT, "the server sent a message of more than %u MiB",
                         CLIENT_MESSAGE_BYTES >> 20);
        if (s != OK) {
            fail(w, s, d.text, 0);
            return;
        }
        if (!complete || w->received.size - at - f.head < f.n)
            break;
        take_frame(w, &f, w->received.data + at + f.head);
        at += f.head + (size_t)f.n;
    }
    buf_drop(&w->received, at);
}

static void take_answer(client_ws *w) {
    bool complete = false;
    diag d = DIAG_INIT;
    status s = client_answer_parse(w->received.data, w->received.size, w->nonce,
                                   &complete, &w->answer, &d);
    if (s != OK || (!complete && w->received.size > ANSWER_BYTES)) {
        fail(w, ERR_SYNTAX, "the server does not speak HTTP", 0);
        return;
    }
    if (!complete)
        return;
    buf_drop(&w->received, w->answer.bytes);
    if (!w->answer.accepted) {
        bool later = w->answer.retry_after_s > 0;
        (void)diag_set(&w->why,
                       w->answer.http_status == 429   ? ERR_QUOTA
                       : w->answer.http_status == 503 ? ERR_CAPACITY
                       : w->answer.http_status == 401 ? ERR_AUTH
                                                      : ERR_INVALID,
                       later
                           ? "the server refused the session: HTTP %d, try again in %u s"
                           : "the server refused the session: HTTP %d",
                       w->answer.http_status, w->answer.retry_after_s);
        w->stage = REFUSED;
        drop(w);
        return;
    }
    w->stage = OPEN;
    uv_timer_stop(&w->timer);
    w->events->open(w->owner);
    take_frames(w);
}

static void understand(client_ws *w) {
    if (w->received.failed)
        fail(w, ERR_LIMIT, "the server sent too much at once", 0);
    else if (w->stage == ASKING)
        take_answer(w);
    else
        take_frames(w);
}

static void take_wire_bytes(client_ws *w, const uint8_t *bytes, size_t n) {
    if (w->tls == NULL) {
        buf_add(&w->received, bytes, n);
    } else {
        bool was_ready = client_tls_ready(w->tls);
        buf wire;
        buf_init(&wire, WIRE_BYTES);
        diag d = DIAG_INIT;
        status s = client_tls_receive(w->tls, bytes, n, &w->received, &wire, &d);
        if (wire.size > 0)
            send_wire(w, wire.data, wire.size);
        buf_deinit(&wire);
        if (s != OK) {
            fail(w, s, d.text, 0);
            return;
        }
        if (!was_ready && client_tls_ready(w->tls))
            send_plain(w, w->request.data, w->request.size);
    }
    if (w->received.size > 0)
        understand(w);
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *out) {
    static char piece[65536]; /* one loop, one read at a time */
    (void)handle, (void)wanted;
    *out = uv_buf_init(piece, sizeof piece);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes) {
    client_ws *w = stream->data;
    if (n > 0)
        take_wire_bytes(w, (uint8_t *)bytes->base, (size_t)n);
    else if (n == UV_EOF)
        fail(w, ERR_LOST, "the server closed the connection", 0);
    else if (n < 0)
        fail(w, ERR_LOST, "the connection broke", (int)n);
}

/* --- connecting --- */

static void on_connected(uv_connect_t *request, int result) {
    client_ws *w = request->data;
    if (result < 0) {
        fail(w, ERR_IO, "cannot connect", result);
        return;
    }
    w->stage = ASKING;
    uv_tcp_nodelay(&w->tcp, 1);
    uv_read_start((uv_stream_t *)&w->tcp, on_alloc, on_read);
    if (w->tls != NULL)
        take_wire_bytes(w, NULL, 0);
    else
        send_plain(w, w->request.data, w->request.size);
}

static void fail_lookup(client_ws *w, int result) {
    char what[sizeof w->url.host + 64];
    bool unknown = result == UV_EAI_NONAME || result == UV_EAI_NODATA;
    snprintf(what, sizeof what, "%s \"%s\"",
             unknown ? "there is no host called" : "cannot look up the host",
             w->url.host);
    fail(w, ERR_IO, what, unknown ? 0 : result);
}

static void on_found(uv_getaddrinfo_t *request, int result, struct addrinfo *found) {
    client_ws *w = request->data;
    w->looking_up = false;
    if (w->handles == 0) { /* closed while looking up */
        uv_freeaddrinfo(found);
        finish(w);
        return;
    }
    if (result < 0) {
        fail_lookup(w, result);
    } else if (w->stage == CONNECTING) {
        w->connect.data = w;
        result = uv_tcp_connect(&w->connect, &w->tcp, found->ai_addr, on_connected);
        if (result < 0)
            fail(w, ERR_IO, "cannot connect", result);
    }
    uv_freeaddrinfo(found);
}

static void on_timer(uv_timer_t *timer) {
    client_ws *w = timer->data;
    fail(w, ERR_TIMEOUT, "the server did not answer in time", 0);
}

status client_ws_create(uv_loop_t *loop, const client_url *url, const char *path_query,
                        const char *key, const client_ws_events *events, void *owner,
                        client_ws **out, diag *d) {
    client_ws *w = calloc(1, sizeof *w);
    if (w == NULL)
        return diag_set(d, ERR_MEMORY, "no memory for a connection");
    w->loop = loop;
    w->url = *url;
    w->events = events;
    w->owner = owner;
    buf_init(&w->request, 4096);
    buf_init(&w->received, CLIENT_MESSAGE_BYTES + FRAME_HEAD_MAX + 65536);
    buf_init(&w->message, CLIENT_MESSAGE_BYTES);
    buf_init(&w->wire, WIRE_BYTES);
    buf_init(&w->flying, WIRE_BYTES);
    uint8_t random[20];
    status s = getrandom(random, sizeof random, 0) == sizeof random
                   ? OK
                   : diag_set(d, ERR_IO, "no random numbers");
    if (s == OK && url->tls)
        s = client_tls_create(url->host, &w->tls, d);
    if (s != OK) {
        free(w);
        return s;
    }
    w->nonce[client_base64(random, 16, w->nonce)] = '\0';
    memcpy(&w->mask, random + 16, 4);
    w->mask |= 1;
    client_request(url, path_query, w->nonce, key, &w->request);
    uv_timer_init(loop, &w->timer);
    uv_tcp_init(loop, &w->tcp);
    w->timer.data = w->tcp.data = w->lookup.data = w;
    w->handles = 2;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    int result = uv_getaddrinfo(loop, &w->lookup, on_found, url->host, url->port, &hints);
    w->looking_up = result == 0;
    uv_timer_start(&w->timer, on_timer, CONNECT_MS, 0);
    if (result < 0)
        fail_lookup(w, result);
    *out = w;
    return OK;
}

void client_ws_close(client_ws *w) {
    if (w->stage == CLOSED || w->stage == CLOSING || w->stage == REFUSED)
        return;
    if (w->stage != OPEN) {
        drop(w);
        return;
    }
    uint8_t code[2] = {1000 >> 8, 1000 & 255};
    client_ws_send(w, FRAME_CLOSE, code, 2);
    if (w->stage != OPEN)
        return;
    w->stage = CLOSING;
    uv_timer_start(&w->timer, on_timer, GOODBYE_MS, 0);
}
