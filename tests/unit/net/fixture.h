/* A real server on a thread of its own and a raw client with deadlines, for the tests of
 * src/net. What handlers saw is kept in atomics the test reads. */
#ifndef ROSTRUM_TEST_NET_FIXTURE_H
#define ROSTRUM_TEST_NET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "net/server.h"

typedef struct {
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t stop;
    net_server *server;
    const net_server_config *config;
    sem_t ready, stats_ready;
    atomic_bool running;
    uv_async_t ask_stats;
    net_stats stats;
} fixture;

static fixture box;

static void fixture_server_gone(void *context) {
    fixture *f = context;
    uv_close((uv_handle_t *)&f->stop, NULL);
    uv_close((uv_handle_t *)&f->ask_stats, NULL);
}

static void fixture_stop(uv_async_t *handle) {
    fixture *f = handle->data;
    net_server_close(f->server, fixture_server_gone, f);
}

static void fixture_stats(uv_async_t *handle) {
    fixture *f = handle->data;
    net_server_get_stats(f->server, &f->stats);
    sem_post(&f->stats_ready);
}

static void *fixture_run(void *context) {
    fixture *f = context;
    diag d = DIAG_INIT;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_async_init(&f->loop, &f->stop, fixture_stop);
    uv_async_init(&f->loop, &f->ask_stats, fixture_stats);
    f->stop.data = f->ask_stats.data = f;
    if (net_server_create(&f->loop, f->config, &f->server, &d) != OK) {
        fprintf(stderr, "server: %s\n", d.text);
        abort();
    }
    sem_post(&f->ready);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    atomic_store(&f->running, false);
    /* Nothing of ours or of libwebsockets may be left on the loop. */
    if (uv_loop_close(&f->loop) != 0)
        abort();
    return NULL;
}

static void fixture_start(const net_server_config *config) {
    memset(&box, 0, sizeof box);
    box.config = config;
    atomic_store(&box.running, true);
    sem_init(&box.ready, 0, 0);
    sem_init(&box.stats_ready, 0, 0);
    pthread_create(&box.thread, NULL, fixture_run, &box);
    sem_wait(&box.ready);
}

static void fixture_end(void) {
    uv_async_send(&box.stop);
    pthread_join(box.thread, NULL);
}

static inline net_stats fixture_get_stats(void) {
    uv_async_send(&box.ask_stats);
    sem_wait(&box.stats_ready);
    return box.stats;
}

/* ---- client ---- */

static int client_connect(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)net_server_port(box.server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void client_send(int fd, const void *data, size_t n) {
    const char *at = data;
    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the server may have closed: the answer tells */
        at += sent;
        n -= (size_t)sent;
    }
}

static inline void client_say(int fd, const char *text) {
    client_send(fd, text, strlen(text));
}

/* Reads until `until` was seen (NULL: until the end of the stream), at most size - 1
 * bytes. Returns the count; out is terminated. A deadline fails the test. */
static size_t client_read(int fd, char *out, size_t size, const char *until) {
    size_t n = 0;
    out[0] = '\0';
    while (n + 1 < size) {
        if (until && memmem(out, n, until, strlen(until)))
            break;
        ssize_t got = recv(fd, out + n, until ? 1 : size - 1 - n, 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            break;
        if (got < 0)
            fail_msg("no bytes within 5 s; so far: %s", out);
        n += (size_t)got;
        out[n] = '\0';
    }
    return n;
}

/* Exactly n bytes; false when the stream ends first. */
static inline bool client_take(int fd, void *out, size_t n) {
    char *at = out;
    while (n > 0) {
        ssize_t got = recv(fd, at, n, 0);
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

/* One answer: head into out, and its body by Content-Length. Returns the status. */
static inline int client_answer(int fd, char *out, size_t size) {
    size_t n = client_read(fd, out, size, "\r\n\r\n");
    int http_status = 0;
    if (sscanf(out, "HTTP/1.1 %d", &http_status) != 1)
        return 0;
    const char *length = strstr(out, "Content-Length: ");
    size_t body = length ? (size_t)atol(length + 16) : 0;
    if (body && n + body < size && client_take(fd, out + n, body))
        out[n + body] = '\0';
    return http_status;
}

/* Waits, at most 5 s, for what the server's thread does. */
static inline bool eventually(atomic_int *value, int wanted) {
    for (int i = 0; i < 5000; i++) {
        if (atomic_load(value) == wanted)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

#endif
