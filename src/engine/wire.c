#include "engine/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* One frame of the largest kind and what came with it. */
#define INPUT_BYTES (ENGINE_HEADER_BYTES + LIMIT_FRAME_BYTES + (64u << 10))

struct wire {
    int fd;
    int wake_fd;    /* rings when something was left unsent */
    uint8_t *input; /* [INPUT_BYTES] */
    size_t n_input;
    pthread_mutex_t lock;
    buf unsent;  /* under lock */
    bool broken; /* under lock: writing failed */
};

status wire_create(int fd, wire **out) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return ERR_IO;
    wire *w = calloc(1, sizeof *w);
    uint8_t *input = malloc(INPUT_BYTES);
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!w || !input || wake_fd < 0 || pthread_mutex_init(&w->lock, NULL) != 0) {
        if (wake_fd >= 0)
            close(wake_fd);
        free(input);
        free(w);
        return ERR_MEMORY;
    }
    w->fd = fd;
    w->wake_fd = wake_fd;
    w->input = input;
    buf_init(&w->unsent, WIRE_UNSENT_BYTES);
    *out = w;
    return OK;
}

void wire_destroy(wire *w) {
    if (!w)
        return;
    close(w->wake_fd);
    pthread_mutex_destroy(&w->lock);
    buf_deinit(&w->unsent);
    free(w->input);
    free(w);
}

/* Bytes the kernel took; what it did not take is no error unless the socket is dead. */
static size_t push(wire *w, const uint8_t *bytes, size_t n) {
    size_t sent = 0;
    while (sent < n) {
        ssize_t got = write(w->fd, bytes + sent, n - sent);
        if (got > 0) {
            sent += (size_t)got;
        } else if (errno != EINTR) {
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                w->broken = true;
            break;
        }
    }
    return sent;
}

void wire_send(wire *w, const uint8_t *frames, size_t n) {
    if (n == 0)
        return;
    pthread_mutex_lock(&w->lock);
    bool had_unsent = w->unsent.size > 0;
    size_t sent = had_unsent ? 0 : push(w, frames, n);
    buf_add(&w->unsent, frames + sent, n - sent);
    bool ring = (!had_unsent && w->unsent.size > 0) || w->unsent.failed || w->broken;
    pthread_mutex_unlock(&w->lock);
    uint64_t one = 1;
    if (ring && write(w->wake_fd, &one, sizeof one) < 0)
        return; /* it rings already */
}

static status flush(wire *w) {
    pthread_mutex_lock(&w->lock);
    if (w->unsent.size > 0)
        buf_drop(&w->unsent, push(w, w->unsent.data, w->unsent.size));
    status s = w->broken ? ERR_LOST : w->unsent.failed ? ERR_LIMIT : OK;
    pthread_mutex_unlock(&w->lock);
    return s;
}

/* Gives every whole frame to the handler. */
static status deliver(wire *w, wire_handler handler, void *context, bool *out_stop) {
    size_t at = 0;
    status s = OK;
    while (!*out_stop) {
        engine_header h;
        if (proto_frame_need(w->input + at, w->n_input - at, &h, &s) > 0 || s != OK)
            break;
        *out_stop = !handler(context, &h, w->input + at + ENGINE_HEADER_BYTES);
        at += ENGINE_HEADER_BYTES + h.bytes;
    }
    memmove(w->input, w->input + at, w->n_input - at);
    w->n_input -= at;
    return s;
}

static status receive(wire *w, wire_handler handler, void *context, bool *out_stop) {
    ssize_t got = read(w->fd, w->input + w->n_input, INPUT_BYTES - w->n_input);
    if (got == 0)
        return ERR_LOST;
    if (got < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return OK;
        return errno == ECONNRESET ? ERR_LOST : ERR_IO;
    }
    w->n_input += (size_t)got;
    return deliver(w, handler, context, out_stop);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool has_unsent(wire *w) {
    pthread_mutex_lock(&w->lock);
    bool has = w->unsent.size > 0;
    pthread_mutex_unlock(&w->lock);
    return has;
}

status wire_run(wire *w, int timeout_ms, wire_handler handler, void *context) {
    int64_t end_ms = now_ms() + timeout_ms;
    bool stop = false;
    status s = deliver(w, handler, context, &stop); /* left from a run that was stopped */
    while (s == OK && !stop) {
        int64_t left_ms = end_ms - now_ms();
        if (left_ms <= 0)
            break;
        struct pollfd fds[2] = {{.fd = w->fd, .events = POLLIN},
                                {.fd = w->wake_fd, .events = POLLIN}};
        if (has_unsent(w))
            fds[0].events |= POLLOUT;
        if (poll(fds, 2, (int)left_ms) < 0 && errno != EINTR)
            return ERR_IO;
        uint64_t rings;
        if (fds[1].revents && read(w->wake_fd, &rings, sizeof rings) < 0 &&
            errno != EAGAIN)
            return ERR_IO;
        s = flush(w);
        if (s == OK && fds[0].revents & (POLLIN | POLLHUP | POLLERR))
            s = receive(w, handler, context, &stop);
    }
    return s;
}
