#include "net/conn.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"

/* Kernel buffers of a connection: bounded, so that memory stays flat under overload, and
 * wide enough for 200 ms of 10 Mbit/s. */
#define SOCKET_BUFFER_BYTES (256 << 10)

/* ---- libwebsockets ---- */

static int lws_event(struct lws *wsi, enum lws_callback_reasons reason, void *user,
                     void *in, size_t len) {
    (void)user;
    if (reason != LWS_CALLBACK_RAW_RX && reason != LWS_CALLBACK_RAW_WRITEABLE &&
        reason != LWS_CALLBACK_RAW_CLOSE)
        return 0;
    net_conn *c = lws_get_opaque_user_data(wsi);
    if (!c)
        return reason == LWS_CALLBACK_RAW_CLOSE ? 0 : -1;
    c->wsi = wsi;
    switch (reason) {
    case LWS_CALLBACK_RAW_RX:
        conn_receive(c, in, len);
        break;
    case LWS_CALLBACK_RAW_WRITEABLE:
        conn_writable(c);
        break;
    default:
        lws_set_opaque_user_data(wsi, NULL);
        if (c->server->adopting == c)
            c->server->adopting = NULL;
        conn_gone(c);
        return 0;
    }
    return c->phase == CONN_DEAD ? -1 : 0;
}

static const struct lws_protocols protocols[] = {
    {.name = "rostrum", .callback = lws_event, .rx_buffer_size = NET_READ_BYTES},
    {0},
};

/* The last line libwebsockets printed while starting; afterwards it prints nothing, for
 * its lines may hold what a client sent. */
static char lws_complaint[200];

static void keep_complaint(int level, const char *line) {
    (void)level;
    size_t n = strcspn(line, "\n");
    if (n >= sizeof lws_complaint)
        n = sizeof lws_complaint - 1;
    memcpy(lws_complaint, line, n);
    lws_complaint[n] = '\0';
}

typedef struct {
    const uv_handle_t *seen[64];
    size_t n;
    net_server *collect; /* NULL: the first walk */
} handle_walk;

/* Counts the idle and timer handles; on the second walk, keeps the new ones. */
static void see_handle(uv_handle_t *handle, void *context) {
    handle_walk *walk = context;
    if (handle->type != UV_IDLE && handle->type != UV_TIMER)
        return;
    if (!walk->collect) {
        if (walk->n < sizeof walk->seen / sizeof walk->seen[0])
            walk->seen[walk->n++] = handle;
        return;
    }
    for (size_t i = 0; i < walk->n; i++)
        if (walk->seen[i] == handle)
            return;
    net_server *s = walk->collect;
    if (s->n_lws_handles < sizeof s->lws_handles / sizeof s->lws_handles[0])
        s->lws_handles[s->n_lws_handles++] = handle;
}

static void destroy_unstarted(net_server *s) {
    if (!s->context)
        return;
    lws_context_destroy(s->context);
    for (int i = 0; i < 16; i++)
        uv_run(s->loop, UV_RUN_NOWAIT);
    lws_context_destroy(s->context);
    s->context = NULL;
}

static status start_lws(net_server *s, diag *d) {
    handle_walk walk = {.n = 0};
    uv_walk(s->loop, see_handle, &walk);
    lws_complaint[0] = '\0';
    lws_set_log_level(LLL_ERR, keep_complaint);
    void *loops[1] = {s->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   (s->tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
        .foreign_loops = loops,
        .pt_serv_buf_size = NET_READ_BYTES + LWS_PRE,
        .uid = (uid_t)-1,
        .gid = (gid_t)-1,
    };
    s->context = lws_create_context(&info);
    walk.collect = s;
    uv_walk(s->loop, see_handle, &walk);
    if (!s->context || s->n_lws_handles < 2) {
        /* Without its handles on our loop it would run its own poll loop: never. */
        destroy_unstarted(s);
        lws_set_log_level(0, NULL);
        return diag_set(d, ERR_UNSUPPORTED,
                        "libwebsockets has no libuv event loop here: install "
                        "libwebsockets-evlib-uv (%s)",
                        lws_complaint);
    }
    struct lws_context_creation_info host = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .vhost_name = "rostrum",
        .alpn = "http/1.1",
        .ssl_cert_filepath = s->config.tls_cert,
        .ssl_private_key_filepath = s->config.tls_key,
        .ssl_options_set = s->tls ? (long)(SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1) : 0,
        .options = s->tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
    };
    s->vhost = lws_create_vhost(s->context, &host);
    lws_set_log_level(0, NULL);
    if (!s->vhost) {
        destroy_unstarted(s);
        return diag_set(d, ERR_INVALID, "libwebsockets refused to start: %s",
                        lws_complaint);
    }
    return OK;
}

/* Reads certificate and key once on our own, for an error a person can use. */
static status check_tls_files(const net_server_config *config, diag *d) {
    if (!config->tls_cert && !config->tls_key)
        return OK;
    if (!config->tls_cert || !config->tls_key)
        return diag_field(d, ERR_INVALID,
                          config->tls_cert ? "server.tls.key" : "server.tls.cert",
                          "TLS needs a certificate and a key: this one is missing");
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    status s = OK;
    if (!ctx)
        return diag_set(d, ERR_MEMORY, "no memory for TLS");
    if (SSL_CTX_use_certificate_chain_file(ctx, config->tls_cert) != 1) {
        s = diag_field(d, ERR_INVALID, "server.tls.cert", "cannot read a PEM chain: %s",
                       ERR_reason_error_string(ERR_peek_last_error()));
        diag_at(d, config->tls_cert, 0, 0);
    } else if (SSL_CTX_use_PrivateKey_file(ctx, config->tls_key, SSL_FILETYPE_PEM) != 1 ||
               SSL_CTX_check_private_key(ctx) != 1) {
        s = diag_field(d, ERR_INVALID, "server.tls.key",
                       "cannot read a PEM key that fits the certificate: %s",
                       ERR_reason_error_string(ERR_peek_last_error()));
        diag_at(d, config->tls_key, 0, 0);
    }
    ERR_clear_error();
    SSL_CTX_free(ctx);
    return s;
}

/* ---- the listening socket ---- */

static bool is_loopback(const struct sockaddr *address) {
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return false;
}

static status resolve(const char *host, const char *port, struct addrinfo **out,
                      diag *d) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    int failed = getaddrinfo(host, port, &hints, out);
    if (failed)
        return diag_field(d, ERR_INVALID, "server.host",
                          "cannot resolve \"%s\": %s; give a name or address of this "
                          "machine, such as 127.0.0.1",
                          host, gai_strerror(failed));
    return OK;
}

status net_host_is_loopback(const char *host, bool *out, diag *d) {
    struct addrinfo *list = NULL;
    status result = resolve(host, NULL, &list, d);
    if (result)
        return result;
    bool all = true;
    for (const struct addrinfo *a = list; a; a = a->ai_next)
        all = all && is_loopback(a->ai_addr);
    freeaddrinfo(list);
    *out = all;
    return OK;
}

static int listen_on(const struct addrinfo *a) {
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int on = 1, size = SOCKET_BUFFER_BYTES;
    /* Accepted sockets inherit the buffer sizes, so that the window is right from SYN. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0 &&
        bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 1024) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static status open_listener(net_server *s, diag *d) {
    const char *host = s->config.host ? s->config.host : "127.0.0.1";
    char port[8];
    snprintf(port, sizeof port, "%d", s->config.port);
    struct addrinfo *list = NULL;
    status result = resolve(host, port, &list, d);
    if (result)
        return result;
    for (int family = AF_INET; s->listen_fd < 0; family = AF_INET6) {
        for (const struct addrinfo *a = list; a && s->listen_fd < 0; a = a->ai_next)
            if (a->ai_family == family) /* clients try a name's IPv4 address too */
                s->listen_fd = listen_on(a);
        if (family == AF_INET6)
            break;
    }
    int error = errno;
    freeaddrinfo(list);
    if (s->listen_fd < 0)
        return diag_field(d, ERR_IO, "server.port", "cannot listen on %s port %d: %s",
                          host, s->config.port, strerror(error));
    struct sockaddr_storage bound;
    socklen_t n = sizeof bound;
    if (getsockname(s->listen_fd, (struct sockaddr *)&bound, &n) != 0)
        return diag_set(d, ERR_IO, "getsockname: %s", strerror(errno));
    s->port =
        ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                          : ((struct sockaddr_in *)&bound)->sin_port);
    return OK;
}

/* A dead peer of a plain HTTP exchange sends nothing we could wait for and gets nothing
 * we could miss: the kernel probes it. WebSockets are pinged sooner (conn_sweep). */
static void set_keepalive(int fd) {
    int on = 1, idle_s = 1, between_s = 1, probes = 3;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_s, sizeof between_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static void turn_away(const net_server *s, int fd) {
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                               "Content-Length: 0\r\nConnection: close\r\n\r\n";
    if (!s->tls) {
        ssize_t sent = send(fd, full, sizeof full - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent; /* a courtesy */
        shutdown(fd, SHUT_WR);
    }
    close(fd);
}

static void adopt(net_server *s, int fd) {
    net_conn *c = s->stats.open < s->config.max_connections ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        turn_away(s, fd);
        return;
    }
    set_keepalive(fd);
    c->server = s;
    c->fd = fd;
    c->since_ms = uv_now(s->loop);
    buf_init(&c->in, LIMIT_HTTP_HEADER_BYTES + NET_HELD_BYTES + 2 * NET_READ_BYTES);
    buf_init(&c->out, LIMIT_SEND_BYTES);
    c->next = s->conns;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
    s->stats.open++;
    s->stats.connections++;
    s->adopting = c;
    lws_adopt_desc_t how = {.vh = s->vhost,
                            .type = LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL,
                            .fd.sockfd = fd,
                            .opaque = c};
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&how);
    if (wsi)
        c->wsi = wsi;
    else if (s->adopting == c)
        conn_gone(c); /* it failed before it had a close to report */
    s->adopting = NULL;
}

static void on_connection(uv_poll_t *handle, int failed, int events) {
    net_server *s = handle->data;
    (void)events;
    for (int i = 0; !failed && i < 64; i++) { /* then let the others have a turn */
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            adopt(s, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
                   errno == ENOMEM) {
            log_event(LOG_WARN, "net", "accept_blocked", "errno=%d open=%u", errno,
                      s->stats.open);
            uv_poll_stop(&s->listener); /* the sweep tries again */
            s->accept_blocked = true;
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

/* ---- turns and deadlines ---- */

static void on_pump(uv_idle_t *handle) {
    net_server *s = handle->data;
    uv_idle_stop(handle);
    net_conn *list = s->pumped;
    s->pumped = NULL;
    /* A turn may free its own connection only, and schedule any. */
    while (list) {
        net_conn *c = list;
        list = c->pump_next;
        c->pumped = false;
        c->pump_next = NULL;
        conn_turn(c);
    }
}

void server_wake(net_server *s) {
    if (s->closing < SERVER_WAIT)
        uv_idle_start(&s->pump, on_pump);
}

static void on_sweep(uv_timer_t *timer) {
    net_server *s = timer->data;
    uint64_t now_ms = uv_now(s->loop);
    for (net_conn *c = s->conns; c; c = c->next)
        conn_sweep(c, now_ms);
    if (s->accept_blocked && s->listening) {
        s->accept_blocked = false;
        uv_poll_start(&s->listener, UV_READABLE, on_connection);
    }
}

/* ---- life ---- */

status net_server_create(uv_loop_t *loop, const net_server_config *config,
                         net_server **out, diag *d) {
    status result = check_tls_files(config, d);
    if (result)
        return result;
    net_server *s = calloc(1, sizeof *s);
    if (!s)
        return diag_set(d, ERR_MEMORY, "no memory for the server");
    s->loop = loop;
    s->config = *config;
    s->tls = config->tls_cert != NULL;
    s->listen_fd = -1;
    result = open_listener(s, d);
    if (!result)
        result = start_lws(s, d);
    if (result) {
        if (s->listen_fd >= 0)
            close(s->listen_fd);
        free(s);
        return result;
    }
    uv_poll_init(loop, &s->listener, s->listen_fd);
    uv_timer_init(loop, &s->sweep);
    uv_idle_init(loop, &s->pump);
    s->handles = 3;
    s->listener.data = s->sweep.data = s->pump.data = s;
    s->listening = true;
    uv_poll_start(&s->listener, UV_READABLE, on_connection);
    uv_timer_start(&s->sweep, on_sweep, NET_SWEEP_MS, NET_SWEEP_MS);
    *out = s;
    return OK;
}

int net_server_port(const net_server *s) {
    return s->port;
}

void net_server_get_stats(const net_server *s, net_stats *out) {
    *out = s->stats;
}

static void on_handle_closed(uv_handle_t *handle) {
    net_server *s = handle->data;
    if (handle == (uv_handle_t *)&s->listener) {
        close(s->listen_fd);
        s->listen_fd = -1;
    }
    if (--s->handles > 0 || s->closing != SERVER_GONE)
        return;
    void (*done)(void *) = s->done;
    void *context = s->done_context;
    free(s);
    if (done)
        done(context);
}

void net_server_stop_accepting(net_server *s) {
    if (!s->listening)
        return;
    s->listening = false;
    uv_poll_stop(&s->listener);
    uv_close((uv_handle_t *)&s->listener, on_handle_closed);
}

static void find_lws_handle(uv_handle_t *handle, void *context) {
    net_server *s = context;
    for (size_t i = 0; i < s->n_lws_handles; i++)
        if (s->lws_handles[i] == handle)
            s->closing = SERVER_WAIT;
}

/* libwebsockets on a loop of ours is destroyed in two steps: the first closes sockets and
 * handles, which the loop has to carry out; the second frees its memory, in which those
 * handles lie. Only one step leaks the rest, and a loop left running spins. */
static void on_closing(uv_timer_t *timer) {
    net_server *s = timer->data;
    if (s->closing == SERVER_DESTROY) {
        s->closing = SERVER_WAIT;
        uv_idle_stop(&s->pump);
        lws_context_destroy(s->context);
        ASSERT(!s->conns);
        return;
    }
    s->closing = SERVER_GONE;
    uv_walk(s->loop, find_lws_handle, s);
    if (s->closing != SERVER_GONE)
        return;
    lws_context_destroy(s->context);
    uv_timer_stop(&s->sweep);
    uv_close((uv_handle_t *)&s->sweep, on_handle_closed);
    uv_close((uv_handle_t *)&s->pump, on_handle_closed);
}

void net_server_close(net_server *s, void (*done)(void *context), void *context) {
    ASSERT(s->closing == SERVER_OPEN);
    net_server_stop_accepting(s);
    s->done = done;
    s->done_context = context;
    s->closing = SERVER_DESTROY;
    for (net_conn *c = s->conns; c; c = c->next)
        if (c->phase == CONN_FRAMES)
            net_ws_close(c, 1001, "the server is going away");
    uv_timer_stop(&s->sweep);
    uv_timer_start(&s->sweep, on_closing, 0, 5);
}
