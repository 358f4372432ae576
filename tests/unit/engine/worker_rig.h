/* A gateway for tests: starts a worker (a program, or an engine inside a fork of the
 * test), speaks the protocol with it, and keeps the frames it sends. */
#ifndef TESTS_ENGINE_WORKER_RIG_H
#define TESTS_ENGINE_WORKER_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/hello.h"
#include "engine/proto.h"
#include "rostrum/engine.h"

#define RIG_TIMEOUT_MS 20000 /* a deadline, not a pause: tests wait for frames */

typedef struct {
    pid_t pid;
    int fd;
    buf in; /* not yet read */
    engine_header header;
    uint8_t *payload; /* of the newest frame; freed with the next */
} rig;

static inline engine_hello rig_hello(unsigned threads, unsigned slots) {
    engine_hello hello = {.threads = threads, .slots = slots};
    snprintf(hello.model, sizeof hello.model, "test");
    snprintf(hello.model_dir, sizeof hello.model_dir, "/usr/share");
    return hello;
}

static inline void rig_send(rig *r, buf *b) {
    assert_false(b->failed);
    size_t sent = 0;
    while (sent < b->size) {
        ssize_t n = send(r->fd, b->data + sent, b->size - sent, MSG_NOSIGNAL);
        if (n < 0 &&
            (errno == EPIPE || errno == ECONNRESET)) /* the end is read, not sent */
            break;
        assert_true(n > 0);
        sent += (size_t)n;
    }
    buf_deinit(b);
}

/* program: a path, or NULL: `engine` runs in the fork. */
static inline rig rig_start(const char *program, const rostrum_engine *engine,
                            const engine_hello *hello) {
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    fflush(NULL);
    rig r = {.pid = fork(), .fd = pair[0]};
    assert_true(r.pid >= 0);
    if (r.pid == 0) {
        char name[] = "rostrum-engine-test";
        char *argv[] = {name, NULL};
        if (pair[1] == 3) /* dup2 would keep close-on-exec */
            fcntl(3, F_SETFD, 0);
        else
            dup2(pair[1], 3);
        for (int fd = 4; fd < 64; fd++)
            close(fd);
        if (program)
            execv(program, argv);
        else
            _exit(rostrum_engine_main(engine, 1, argv));
        _exit(127);
    }
    close(pair[1]);
    buf_init(&r.in, 4 * LIMIT_FRAME_BYTES);
    buf json, b;
    buf_init(&json, HELLO_BYTES_MAX);
    buf_init(&b, LIMIT_FRAME_BYTES);
    hello_encode(&json, hello);
    proto_put_bytes(&b, FRAME_HELLO, 0, 0, 0, 0, json.data, json.size);
    buf_deinit(&json);
    rig_send(&r, &b);
    return r;
}

static inline int64_t rig_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The next frame of any type into r->header and r->payload. False: end of file. */
static inline bool rig_next(rig *r) {
    int64_t end_ms = rig_now_ms() + RIG_TIMEOUT_MS;
    free(r->payload);
    r->payload = NULL;
    for (;;) {
        status s;
        if (r->in.size > 0 &&
            proto_frame_need(r->in.data, r->in.size, &r->header, &s) == 0) {
            assert_int_equal(s, OK);
            r->payload = malloc(r->header.bytes + 1u);
            assert_non_null(r->payload);
            memcpy(r->payload, r->in.data + ENGINE_HEADER_BYTES, r->header.bytes);
            r->payload[r->header.bytes] = 0;
            buf_drop(&r->in, ENGINE_HEADER_BYTES + r->header.bytes);
            return true;
        }
        struct pollfd p = {.fd = r->fd, .events = POLLIN};
        if (rig_now_ms() > end_ms || poll(&p, 1, RIG_TIMEOUT_MS) <= 0)
            fail_msg("no frame in time");
        uint8_t bytes[65536];
        ssize_t n = recv(r->fd, bytes, sizeof bytes, 0);
        if (n <= 0)
            return false;
        buf_add(&r->in, bytes, (size_t)n);
        assert_false(r->in.failed);
    }
}

/* Skips heartbeats and credits. */
static inline bool rig_event(rig *r) {
    do {
        if (!rig_next(r))
            return false;
    } while (r->header.type == FRAME_LOAD || r->header.type == FRAME_CREDIT);
    return true;
}

/* The next event but partials must be of this type. */
static inline void rig_expect(rig *r, uint8_t type) {
    do
        assert_true(rig_event(r));
    while (r->header.type == FRAME_PARTIAL && type != FRAME_PARTIAL);
    if (r->header.type == FRAME_ERROR || r->header.type == FRAME_FAILED)
        if (type != r->header.type)
            fail_msg("worker says: %s", (const char *)r->payload);
    assert_int_equal(r->header.type, type);
}

static inline engine_facts rig_ready(rig *r) {
    engine_facts facts;
    rig_expect(r, FRAME_READY);
    assert_int_equal(facts_decode(r->payload, r->header.bytes, &facts, NULL), OK);
    return facts;
}

static inline void rig_open(rig *r, uint16_t slot, uint32_t generation,
                            const engine_listen *listen) {
    buf b;
    buf_init(&b, LIMIT_FRAME_BYTES);
    proto_put_listen(&b, FRAME_OPEN, slot, generation, listen);
    rig_send(r, &b);
}

static inline void rig_empty(rig *r, uint8_t type, uint16_t slot, uint32_t generation) {
    buf b;
    buf_init(&b, 64);
    proto_put_empty(&b, type, 0, slot, generation);
    rig_send(r, &b);
}

/* ms of a 500 Hz square wave (root mean square = amplitude) or silence (0). */
static inline void rig_sound(rig *r, uint16_t slot, uint32_t generation, float amplitude,
                             unsigned ms) {
    static int16_t pcm[16 * 1000];
    while (ms > 0) {
        unsigned part = ms > 1000 ? 1000 : ms;
        for (unsigned i = 0; i < part * 16; i++)
            pcm[i] = (int16_t)(i / 16 % 2 ? amplitude * 32767 : -amplitude * 32767);
        buf b;
        buf_init(&b, LIMIT_FRAME_BYTES);
        proto_put_bytes(&b, FRAME_AUDIO, 0, slot, generation, 0, pcm, part * 32);
        rig_send(r, &b);
        ms -= part;
    }
}

static inline engine_text *rig_text(rig *r) {
    static engine_text text;
    assert_int_equal(proto_get_text(r->payload, r->header.bytes, &text), OK);
    return &text;
}

static inline unsigned rig_count(const engine_text *t, const char *word) {
    unsigned n = 0;
    for (uint32_t i = 0; i < t->n_words; i++)
        n += strcmp(t->words[i].text, word) == 0;
    return n;
}

/* Closes the socket and returns the exit status, or 1000 + signal. */
static inline int rig_stop(rig *r) {
    int how = 0;
    if (r->fd >= 0)
        close(r->fd);
    assert_int_equal(waitpid(r->pid, &how, 0), r->pid);
    buf_deinit(&r->in);
    free(r->payload);
    r->payload = NULL;
    return WIFEXITED(how) ? WEXITSTATUS(how) : 1000 + WTERMSIG(how);
}

#endif
