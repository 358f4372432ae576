/* net/server.h: HTTP/1.1 and WebSocket on one port: bytes, not speech.
 *
 * libwebsockets carries the bytes (sockets, TLS) on a libuv loop the caller owns, always
 * through its libuv plug-in; docs/decisions/002 says why HTTP and frames are read here.
 * Every connection has a byte budget for unsent output and reads can be paused, so that
 * TCP slows the sender.
 *
 * Loop thread only, all functions and callbacks. `closed` and, after net_resume, `body`
 * and `message` never run from inside a net_ call; `closed` may run from the loop right
 * after a callback that ended the exchange returned. */
#ifndef ROSTRUM_NET_SERVER_H
#define ROSTRUM_NET_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/diag.h"

typedef struct net_server net_server;
typedef struct net_conn net_conn; /* one HTTP exchange or one WebSocket */

typedef enum { NET_GET = 1, NET_POST = 2, NET_DELETE = 4, NET_OPTIONS = 8 } net_method;

/* A request whose headers are complete. Borrowed for the `open` callback. */
typedef struct {
    net_method method;
    bool websocket;
    const char *path;       /* decoded, without query */
    const char *query;      /* raw, without '?'; "" when there is none */
    int64_t content_length; /* -1: chunked or none */
    const char *peer;       /* numeric address, for limits; never logged with content */
} net_request;

/* What happens on one connection. `state` is what open returned. NULL entries are
 * allowed. After `closed` the conn is gone. */
typedef struct {
    /* Headers complete. Either answers at once (net_reply, or net_refuse for a
     * WebSocket) and returns NULL, or returns its state and goes on. One that returns
     * NULL without an answer is answered with 500. HEAD arrives as NET_GET; its body is
     * left out on the wire. */
    void *(*open)(net_conn *c, const net_request *request, void *app);
    void (*body)(void *state, const uint8_t *data, size_t n); /* HTTP body piece */
    void (*body_end)(void *state);    /* also after an empty body */
    void (*established)(void *state); /* WebSocket is up: may send from here on */
    /* A piece of a WebSocket message. first/last frame the message. Messages over
     * LIMIT_WS_MESSAGE_BYTES are closed with 1009 before this is called for the rest. */
    void (*message)(void *state, const uint8_t *data, size_t n, bool binary, bool first,
                    bool last);
    void (*drained)(void *state); /* all queued output was handed to the kernel */
    void (*closed)(void *state); /* for any reason; called once iff open returned state */
} net_handler;

typedef struct {
    unsigned methods; /* net_method bits; ignored for WebSocket */
    bool websocket;
    const char *path; /* exact, or ends in '*' for a prefix */
    const net_handler *handler;
} net_route;

typedef struct {
    const char *host;               /* numeric or name; default 127.0.0.1 */
    int port;                       /* 0: any free one, see net_server_port */
    const char *tls_cert, *tls_key; /* PEM files; both or neither; NULL: plain */
    /* [n_routes]; first match wins; borrowed for life. What none takes is answered with
     * 404, 405 or 426 and an error object in OpenAI's form. */
    const net_route *routes;
    size_t n_routes;
    void *app; /* passed to open and answered */
    unsigned max_connections;
    void (*answered)(void *app, int http_status); /* counts answers; may be NULL */
} net_server_config;

typedef struct {
    uint64_t connections, bytes_in, bytes_out, closed_slow_reader;
    unsigned open;
} net_stats;

MUST_CHECK status net_server_create(uv_loop_t *loop, const net_server_config *config,
                                    net_server **out, diag *d);
int net_server_port(const net_server *s);
void net_server_get_stats(const net_server *s, net_stats *out);
/* Stops accepting; open connections go on. */
void net_server_stop_accepting(net_server *s);
/* Closes everything; `done` runs when the last handle is closed. The loop is the
 * caller's. */
void net_server_close(net_server *s, void (*done)(void *context), void *context);

/* Whether every address of a host name or numeric address is of this machine only.
 * ERR_INVALID: the name cannot be resolved; d has field server.host. May ask DNS. */
MUST_CHECK status net_host_is_loopback(const char *host, bool *out, diag *d);

/* A request header by name, into out[size]; -1 when absent or too long, else its length.
 * Lines of the same name are joined with ", ". Valid only inside `open`. */
int net_header(net_conn *c, const char *name, char *out, size_t size);

/* Query parameter by name, percent-decoded, occurrence `nth` (0 first); as net_header. */
int net_query(const char *query, const char *name, unsigned nth, char *out, size_t size);

/* A whole answer. headers: "Name: value\r\n" lines or NULL. Copies body, whatever its
 * size; a reader that takes none of it for LIMIT_STALL_S is closed. */
void net_reply(net_conn *c, int http_status, const char *content_type,
               const char *headers, const void *body, size_t n);
/* A WebSocket that is not to be: plain HTTP answer at the upgrade. retry_after_s 0: no
 * such header. Call inside `open`, then return NULL. */
void net_refuse(net_conn *c, int http_status, unsigned retry_after_s,
                const char *json_body);
/* The subprotocol to select, from the client's list. Call inside `open`. */
void net_select_subprotocol(net_conn *c, const char *name);

/* A streamed answer: begin, any number of writes, end. ERR_LIMIT: the reader is too
 * slow and the budget (LIMIT_SEND_BYTES) is full; the connection is being closed. */
void net_stream_begin(net_conn *c, int http_status, const char *content_type,
                      const char *headers);
MUST_CHECK status net_stream_write(net_conn *c, const void *data, size_t n);
void net_stream_end(net_conn *c);

/* One WebSocket text message. ERR_LIMIT as above (closed without a close frame: there is
 * no room for one). ERR_STATE: not established, or closing. */
MUST_CHECK status net_ws_text(net_conn *c, const char *text, size_t n);
/* Sends what is queued, then a close frame; reason is cut at 123 bytes. `closed` follows
 * soon, before the peer has read it all. */
void net_ws_close(net_conn *c, int code, const char *reason);

/* Stops and resumes reading from the socket: TCP flow control to the sender. */
void net_pause(net_conn *c);
void net_resume(net_conn *c);

#endif
