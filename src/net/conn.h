/* net/conn.h: one client connection, from accept to close; private to src/net.
 *
 *   HEAD -> BODY -> WAIT -> (answered) HEAD ...          HTTP, kept alive
 *   HEAD -> FRAMES -> GOODBYE -> LINGER                  WebSocket
 *   any  -> LINGER                                       last answer sent, peer may talk
 *   any  -> DEAD                                         closed at the next turn
 *
 * Bytes come in through conn_receive and leave through conn_send. Nothing here closes a
 * connection while a callback of it runs: it is marked and the server's pump does it. */
#ifndef ROSTRUM_NET_CONN_H
#define ROSTRUM_NET_CONN_H

#include "net/openssl.h" /* before libwebsockets.h, which includes OpenSSL too */

#include <libwebsockets.h>
#include <uv.h>

#include "base/buf.h"
#include "net/http.h"
#include "net/server.h"
#include "net/websocket.h"

#define NET_READ_BYTES 16384 /* one read; holds a whole TLS record */
#define NET_HELD_BYTES 16384 /* of later requests kept before reading stops */
#define NET_SWEEP_MS 250     /* between looks at every deadline */
#define NET_SILENT_MS 750    /* of silence before a WebSocket is pinged */
#define NET_PING_MS 1000     /* between pings of a silent WebSocket */
#define NET_DISCARD_BYTES                                                                \
    65536 /* of an unwanted body that are read to keep a connection */
#define NET_BODY_BYTES                                                                   \
    (LIMIT_UPLOAD_BYTES + (1u << 20)) /* file and multipart around it */

typedef enum {
    CONN_HEAD,
    CONN_BODY,
    CONN_WAIT,
    CONN_FRAMES,
    CONN_GOODBYE,
    CONN_LINGER,
    CONN_DEAD
} conn_phase;

struct net_conn {
    net_server *server;
    struct lws *wsi;
    net_conn *next, *prev; /* all connections of the server */
    net_conn *pump_next;   /* those with something to do at the next turn */
    const net_handler *handler;
    void *state;       /* what open returned; NULL: nobody to tell */
    buf in;            /* received and not yet taken */
    buf out;           /* to send; empty nearly always */
    uint64_t since_ms; /* start of the phase */
    uint64_t received_ms, sent_ms, pinged_ms;
    size_t scanned;        /* of an incomplete head in `in` */
    const http_head *head; /* inside open only */
    union {
        struct {
            uint64_t body_left; /* unless chunked */
            uint64_t body_seen;
            http_chunks chunks;
        } http;
        ws_reader frames;
    } u;
    int fd;
    uint8_t phase;   /* conn_phase */
    bool pumped : 1; /* is in the pump's list */
    bool paused : 1; /* by net_pause */
    bool reading_off : 1;
    bool served : 1;    /* at least one request came before */
    bool websocket : 1; /* the present request asks to become one */
    bool keep_alive : 1;
    bool old_http : 1;  /* 1.0: no chunks */
    bool head_only : 1; /* HEAD: no body in the answer */
    bool chunked_in : 1;
    bool expects_continue : 1;
    bool answered : 1;    /* the status line is out */
    bool streaming : 1;   /* between net_stream_begin and net_stream_end */
    bool complete : 1;    /* the answer is whole; sent when `out` is empty */
    bool ended : 1;       /* the app is to be told `closed` */
    bool peer_closed : 1; /* a close frame came */
    bool slow : 1;        /* closed because it does not read */
};

struct net_server {
    uv_loop_t *loop;
    struct lws_context *context;
    struct lws_vhost *vhost;
    net_server_config config;
    int listen_fd, port;
    bool listening, accept_blocked, tls;
    uv_poll_t listener;
    uv_timer_t sweep;
    uv_idle_t pump;
    net_conn *conns, *pumped;
    net_conn *adopting; /* the one lws is being handed */
    net_stats stats;
    unsigned handles;                  /* ours that are not closed yet */
    const uv_handle_t *lws_handles[8]; /* of the plug-in; gone before its memory may go */
    size_t n_lws_handles;
    enum { SERVER_OPEN, SERVER_DESTROY, SERVER_WAIT, SERVER_GONE } closing;
    void (*done)(void *context);
    void *done_context;
    char subprotocol[64]; /* chosen inside the open that runs now */
    char date[40];        /* Date header of this second */
    uint64_t date_s;
};

/* server.c: makes the loop call conn_turn for every scheduled connection. */
void server_wake(net_server *s);

/* conn.c: the state machine */
void conn_receive(net_conn *c, uint8_t *data, size_t n);
void conn_sweep(net_conn *c, uint64_t now_ms);
/* Does what a callback left to be done; may free c. */
void conn_turn(net_conn *c);
/* The socket is gone: tells the app and frees c. */
void conn_gone(net_conn *c);
/* Marks c to be closed at the next turn. */
void conn_kill(net_conn *c);
void conn_schedule(net_conn *c);
void conn_tell_closed(net_conn *c);
/* Everything is sent: says goodbye to the transport and drops what still comes. */
void conn_linger(net_conn *c);

/* output.c: the way out */
/* Sends a[an] then b[bn]: as much as the kernel takes now, the rest later. budget: most
 * bytes that may wait. ERR_LIMIT: they would not fit; the connection is being closed. */
MUST_CHECK status conn_send(net_conn *c, const void *a, size_t an, const void *b,
                            size_t bn, size_t budget);
/* The socket takes bytes again. */
void conn_writable(net_conn *c);
/* Answers a request that never reached a handler; closes the connection after it. */
void conn_refuse(net_conn *c, int http_status, const char *headers, const char *message);
/* 101 with the chosen subprotocol. */
void conn_accept_websocket(net_conn *c, http_text key);
void conn_send_control(net_conn *c, uint8_t opcode, const void *data, size_t n);
/* The peer does not read: a WebSocket is told so behind what it has not read, and has
 * LIMIT_LINGER_S to find out; anything else is closed. */
void conn_give_up_reader(net_conn *c);
/* Queues a close frame; the app will be told. */
void conn_goodbye(net_conn *c, unsigned code, const char *reason, size_t n);

/* True when the peer does not answer: nothing came for silent_ms, bytes are on their way
 * and none was acknowledged for ack_ms. Pure. */
bool conn_vanished(uint64_t silent_ms, unsigned unacked, unsigned ack_ms);

#endif
