#include "net/conn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "base/assert.h"

/* libwebsockets' own lws_write is not used: it keeps what the kernel does not take in a
 * list without a ceiling, and stops reading while that list is not empty but leaves the
 * read event armed, so that a client that sends and does not read spins the loop. */
static ssize_t tls_send(SSL *ssl, const void *data, size_t n) {
    int sent = SSL_write(ssl, data, n > NET_READ_BYTES ? NET_READ_BYTES : (int)n);
    if (sent > 0)
        return sent;
    int why = SSL_get_error(ssl, sent);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

/* Bytes the kernel took, 0 when it takes none now, -1 when the connection is broken. */
static ssize_t send_some(net_conn *c, const void *a, size_t an, const void *b,
                         size_t bn) {
    SSL *ssl = lws_get_ssl(c->wsi);
    if (ssl)
        return an ? tls_send(ssl, a, an) : tls_send(ssl, b, bn);
    struct iovec parts[2] = {{(void *)a, an}, {(void *)b, bn}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;
    do
        sent = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    return sent;
}

void conn_give_up_reader(net_conn *c) {
    static const char reason[] = "what was sent to you is not being read";
    c->server->stats.closed_slow_reader++;
    if (c->phase != CONN_FRAMES) {
        conn_kill(c);
        return;
    }
    c->slow = true;
    c->sent_ms = uv_now(c->server->loop);
    conn_goodbye(c, 1008, reason, sizeof reason - 1);
}

status conn_send(net_conn *c, const void *a, size_t an, const void *b, size_t bn,
                 size_t budget) {
    if (c->phase == CONN_DEAD)
        return ERR_STATE;
    if (c->out.size > 0 && c->out.size + an + bn > budget) { /* none of it is sent */
        conn_give_up_reader(c);
        return ERR_LIMIT;
    }
    while (c->out.size == 0 && an + bn > 0) {
        ssize_t sent = send_some(c, a, an, b, bn);
        if (sent < 0) {
            conn_kill(c);
            return OK; /* as if the wire had lost it; `closed` tells the app */
        }
        if (sent == 0)
            break;
        c->server->stats.bytes_out += (uint64_t)sent;
        size_t of_a = (size_t)sent < an ? (size_t)sent : an;
        size_t of_b = (size_t)sent - of_a;
        a = (const char *)a + of_a;
        an -= of_a;
        if (of_b) /* b may be NULL */
            b = (const char *)b + of_b;
        bn -= of_b;
    }
    if (an + bn == 0)
        return OK;
    if (c->out.size == 0)
        c->sent_ms = uv_now(c->server->loop);
    c->out.ceiling = budget;
    buf_add(&c->out, a, an);
    buf_add(&c->out, b, bn);
    if (c->out.failed) {
        c->server->stats.closed_slow_reader++;
        conn_kill(c);
        return ERR_LIMIT;
    }
    lws_callback_on_writable(c->wsi);
    return OK;
}

void conn_writable(net_conn *c) {
    if (c->phase == CONN_DEAD || c->out.size == 0)
        return;
    while (c->out.size > 0) {
        ssize_t sent = send_some(c, c->out.data, c->out.size, NULL, 0);
        if (sent < 0) {
            conn_kill(c);
            return;
        }
        if (sent == 0) {
            lws_callback_on_writable(c->wsi);
            return;
        }
        c->server->stats.bytes_out += (uint64_t)sent;
        c->sent_ms = uv_now(c->server->loop);
        buf_drop(&c->out, (size_t)sent);
    }
    buf_deinit(&c->out); /* an idle connection holds no buffers */
    if (c->state && !c->complete && c->handler->drained &&
        (c->streaming || c->phase == CONN_FRAMES))
        c->handler->drained(c->state);
    conn_schedule(c);
}

/* Status line and the headers every answer has. */
static const char *date_header(net_server *s) {
    time_t now = time(NULL);
    if ((uint64_t)now != s->date_s) {
        struct tm utc;
        gmtime_r(&now, &utc);
        strftime(s->date, sizeof s->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
        s->date_s = (uint64_t)now;
    }
    return s->date;
}

/* Whether the connection can go on after the answer: what is left of the body must be
 * short, for it has to be read. A refused WebSocket is not kept: its client does not use
 * the connection again, and in an overload there would soon be thousands of them. */
static void decide_keep_alive(net_conn *c) {
    if (c->websocket)
        c->keep_alive = false;
    if (c->phase == CONN_BODY &&
        (c->chunked_in || c->expects_continue || c->u.http.body_left > NET_DISCARD_BYTES))
        c->keep_alive = false;
}

static void put_head(net_conn *c, buf *b, int http_status, const char *content_type,
                     const char *headers) {
    ASSERT(!c->answered);
    c->answered = true;
    decide_keep_alive(c);
    buf_addf(b, "HTTP/1.1 %d %s\r\n%s", http_status, http_status_phrase(http_status),
             date_header(c->server));
    if (content_type)
        buf_addf(b, "Content-Type: %s\r\n", content_type);
    if (headers)
        buf_add_text(b, headers);
    if (!c->keep_alive)
        buf_add_text(b, "Connection: close\r\n");
    else if (c->old_http)
        buf_add_text(b, "Connection: keep-alive\r\n");
    if (c->server->config.answered)
        c->server->config.answered(c->server->config.app, http_status);
}

static bool may_answer(const net_conn *c) {
    return !c->answered && c->phase != CONN_DEAD && c->phase != CONN_LINGER;
}

void net_reply(net_conn *c, int http_status, const char *content_type,
               const char *headers, const void *body, size_t n) {
    if (!may_answer(c))
        return;
    buf head;
    buf_init(&head, LIMIT_HTTP_HEADER_BYTES);
    put_head(c, &head, http_status, content_type, headers);
    if (http_status != 204 && http_status != 304)
        buf_addf(&head, "Content-Length: %zu\r\n", n);
    buf_add_text(&head, "\r\n");
    c->complete = true;
    /* One answer may be larger than the budget: it is bounded by what made it. */
    size_t body_n = c->head_only || http_status == 204 || http_status == 304 ? 0 : n;
    size_t budget = head.size + body_n + LIMIT_SEND_BYTES;
    if (head.failed || conn_send(c, head.data, head.size, body, body_n, budget) != OK)
        conn_kill(c);
    buf_deinit(&head);
    conn_schedule(c);
}

void net_refuse(net_conn *c, int http_status, unsigned retry_after_s,
                const char *json_body) {
    char headers[48] = "";
    if (retry_after_s)
        snprintf(headers, sizeof headers, "Retry-After: %u\r\n", retry_after_s);
    net_reply(c, http_status, "application/json", headers, json_body, strlen(json_body));
}

void conn_refuse(net_conn *c, int http_status, const char *headers, const char *message) {
    buf body;
    buf_init(&body, 1024);
    buf_add_text(&body, "{\"error\":{\"message\":");
    buf_add_json(&body, message);
    buf_add_text(&body, ",\"type\":\"invalid_request_error\",\"param\":null,\"code\":");
    if (http_status == 404)
        buf_add_text(&body, "\"unknown_url\"}}\n");
    else
        buf_addf(&body, "\"http_%d\"}}\n", http_status);
    net_reply(c, http_status, "application/json", headers, body.data, body.size);
    buf_deinit(&body);
}

void net_stream_begin(net_conn *c, int http_status, const char *content_type,
                      const char *headers) {
    if (!may_answer(c))
        return;
    if (c->old_http)
        c->keep_alive = false; /* without chunks only the close ends the body */
    buf head;
    buf_init(&head, LIMIT_HTTP_HEADER_BYTES);
    put_head(c, &head, http_status, content_type, headers);
    buf_add_text(&head, c->old_http ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n");
    c->streaming = true;
    if (head.failed ||
        conn_send(c, head.data, head.size, NULL, 0, LIMIT_SEND_BYTES) != OK)
        conn_kill(c);
    buf_deinit(&head);
}

status net_stream_write(net_conn *c, const void *data, size_t n) {
    if (!c->streaming)
        return c->phase == CONN_DEAD ? ERR_LIMIT : ERR_STATE;
    if (n == 0 || c->head_only)
        return OK; /* an empty chunk would end the body */
    if (c->old_http)
        return conn_send(c, data, n, NULL, 0, LIMIT_SEND_BYTES);
    char chunk[2048];
    int size_n = snprintf(chunk, sizeof chunk, "%zx\r\n", n);
    size_t head_n = (size_t)size_n;
    if (head_n + n + 2 <= sizeof chunk) { /* an event: one packet, not two */
        memcpy(chunk + head_n, data, n);
        memcpy(chunk + head_n + n, "\r\n", 2);
        return conn_send(c, chunk, head_n + n + 2, NULL, 0, LIMIT_SEND_BYTES);
    }
    status s = conn_send(c, chunk, head_n, data, n, LIMIT_SEND_BYTES);
    return s ? s : conn_send(c, "\r\n", 2, NULL, 0, LIMIT_SEND_BYTES);
}

void net_stream_end(net_conn *c) {
    if (!c->streaming)
        return;
    c->streaming = false;
    c->complete = true;
    if (!c->old_http && !c->head_only &&
        conn_send(c, "0\r\n\r\n", 5, NULL, 0, LIMIT_SEND_BYTES + 5) != OK)
        conn_kill(c);
    conn_schedule(c);
}

void conn_accept_websocket(net_conn *c, http_text key) {
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char joined[96];
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned hash_n = 0;
    char accept[64];
    int joined_n = snprintf(joined, sizeof joined, "%.*s%s", (int)key.n, key.at, magic);
    ASSERT(joined_n > 0 && (size_t)joined_n < sizeof joined);
    if (!EVP_Digest(joined, (size_t)joined_n, hash, &hash_n, EVP_sha1(), NULL)) {
        conn_kill(c);
        return;
    }
    EVP_EncodeBlock((unsigned char *)accept, hash, (int)hash_n);
    const char *chosen = c->server->subprotocol;
    char head[512];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
                     accept, *chosen ? "Sec-WebSocket-Protocol: " : "", chosen,
                     *chosen ? "\r\n" : "");
    ASSERT(n > 0 && (size_t)n < sizeof head);
    if (c->server->config.answered)
        c->server->config.answered(c->server->config.app, 101);
    if (conn_send(c, head, (size_t)n, NULL, 0, LIMIT_SEND_BYTES) != OK)
        conn_kill(c);
}

static void send_control(net_conn *c, uint8_t opcode, const void *data, size_t n,
                         size_t budget) {
    uint8_t header[WS_HEADER_BYTES];
    size_t header_n = ws_write_header(header, opcode, n);
    status sent = conn_send(c, header, header_n, data, n, budget);
    (void)sent; /* else it is closed already */
}

void conn_send_control(net_conn *c, uint8_t opcode, const void *data, size_t n) {
    send_control(c, opcode, data, n, LIMIT_SEND_BYTES);
}

status net_ws_text(net_conn *c, const char *text, size_t n) {
    if (c->phase != CONN_FRAMES)
        return ERR_STATE;
    uint8_t header[WS_HEADER_BYTES];
    size_t header_n = ws_write_header(header, WS_OP_TEXT, n);
    return conn_send(c, header, header_n, text, n, LIMIT_SEND_BYTES);
}

void conn_goodbye(net_conn *c, unsigned code, const char *reason, size_t n) {
    if (c->phase != CONN_FRAMES)
        return;
    uint8_t payload[WS_CONTROL_BYTES] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t cut = n < sizeof payload - 2 ? n : sizeof payload - 2;
    while (cut < n && cut > 0 && ((uint8_t)reason[cut] & 0xC0) == 0x80)
        cut--; /* a reason is UTF-8 and must not be cut inside a character */
    memcpy(payload + 2, reason, cut);
    send_control(c, WS_OP_CLOSE, payload, code == 1005 ? 0 : cut + 2,
                 LIMIT_SEND_BYTES + WS_HEADER_BYTES + sizeof payload);
    if (c->phase == CONN_DEAD)
        return;
    c->phase = CONN_GOODBYE;
    c->since_ms = uv_now(c->server->loop);
    c->ended = true;
    c->paused = false;
    conn_schedule(c);
}

void net_ws_close(net_conn *c, int code, const char *reason) {
    conn_goodbye(c, (unsigned)code, reason ? reason : "", reason ? strlen(reason) : 0);
}
