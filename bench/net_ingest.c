/* bench/net_ingest.c: CPU to take one 20 ms WebSocket frame of audio, our network layer
 * beside a bare epoll loop that only receives, reads frame headers and unmasks.
 *
 *   bench_net_ingest [SOCKETS [SECONDS [ROUNDS]]]      default 500 sockets, 4 s, 3 rounds
 *
 * The servers are processes of their own and take turns; 640 bytes (20 ms of 16 kHz
 * pcm16) a frame, 50 frames/s a socket, spread over time as callers are. Prints JSON; the
 * figure is CPU time of the server process over frames, load generation not counted. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/server.h"

#define GOAL 1.5 /* times the bare loop */

enum { FRAME_BYTES = 640, FRAMES_PER_S = 50, SLICES = 20 };

/* What a server process reports through its pipe when its last client has left. */
typedef struct {
    uint64_t frames, bytes;
    double cpu_s;
} tally;

static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void must(int good, const char *what) {
    if (!good) {
        perror(what);
        exit(3);
    }
}

static void say(int fd, const void *data, size_t n) {
    must(write(fd, data, n) == (ssize_t)n, "write");
}

/* ---- ours ---- */

static tally count;
static double begun_cpu_s;
static int report_fd;

static void *take_open(net_conn *c, const net_request *r, void *app) {
    (void)r;
    (void)app;
    return c;
}

static void take_message(void *state, const uint8_t *data, size_t n, bool binary,
                         bool first, bool last) {
    (void)state;
    (void)data;
    (void)binary;
    (void)first;
    if (count.frames == 0 && count.bytes == 0)
        begun_cpu_s = cpu_s(); /* not the handshakes */
    count.bytes += n;
    count.frames += last;
}

static void take_closed(void *state) {
    (void)state;
    static bool told;
    if (!told) { /* the first client leaves when all are done */
        count.cpu_s = cpu_s() - begun_cpu_s;
        say(report_fd, &count, sizeof count);
    }
    told = true;
}

static void run_ours(int port_fd) {
    static const net_handler handler = {
        .open = take_open, .message = take_message, .closed = take_closed};
    static const net_route route = {.websocket = true, .path = "/", .handler = &handler};
    uv_loop_t loop;
    net_server *server = NULL;
    diag d = DIAG_INIT;
    uv_loop_init(&loop);
    net_server_config config = {
        .routes = &route, .n_routes = 1, .max_connections = 20000};
    if (net_server_create(&loop, &config, &server, &d) != OK) {
        fprintf(stderr, "%s\n", d.text);
        exit(3);
    }
    int port = net_server_port(server);
    say(port_fd, &port, sizeof port);
    uv_run(&loop, UV_RUN_DEFAULT);
}

/* ---- the bare loop ---- */

typedef struct {
    int fd;
    bool upgraded;
    uint32_t have, mask_at;
    uint8_t head[8];
    uint64_t left;
} bare;

/* Frames of 126 to 65535 bytes, as the load has. */
static void bare_frames(bare *b, uint8_t *data, size_t n) {
    while (n > 0) {
        if (b->left == 0) {
            b->head[b->have++] = *data++;
            n--;
            if (b->have == 8) {
                b->left = (uint64_t)b->head[2] << 8 | b->head[3];
                b->mask_at = b->have = 0;
            }
            continue;
        }
        size_t take = n < b->left ? n : (size_t)b->left;
        uint8_t key[8];
        for (unsigned i = 0; i < 8; i++)
            key[i] = b->head[4 + ((b->mask_at + i) & 3)];
        uint64_t wide, eight;
        size_t i = 0;
        memcpy(&wide, key, 8);
        for (; take - i >= 8; i += 8) {
            memcpy(&eight, data + i, 8);
            eight ^= wide;
            memcpy(data + i, &eight, 8);
        }
        for (; i < take; i++)
            data[i] ^= key[i & 7];
        b->mask_at = (uint32_t)((b->mask_at + take) & 3);
        data += take;
        n -= take;
        take_message(b, data - take, take, true, false, (b->left -= take) == 0);
    }
}

static void bare_readable(int epoll, bare *b) {
    static uint8_t block[16384];
    ssize_t n = recv(b->fd, block, sizeof block, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, b->fd, NULL);
        close(b->fd);
        take_closed(b);
    } else if (n > 0 && !b->upgraded) {
        static const char hello[] = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
        b->upgraded = true;
        say(b->fd, hello, sizeof hello - 1);
    } else if (n > 0) {
        bare_frames(b, block, (size_t)n);
    }
}

static void run_bare(int port_fd) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
    must(bind(listener, (struct sockaddr *)&at, n) == 0 && listen(listener, 1024) == 0,
         "listen");
    getsockname(listener, (struct sockaddr *)&at, &n);
    int port = ntohs(at.sin_port);
    say(port_fd, &port, sizeof port);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr) {
                bare_readable(epoll, events[i].data.ptr);
                continue;
            }
            bare *b = calloc(1, sizeof *b);
            b->fd = accept(listener, NULL, NULL);
            e.data.ptr = b;
            epoll_ctl(epoll, EPOLL_CTL_ADD, b->fd, &e);
        }
    }
}

/* ---- the load ---- */

static int join(int port) {
    static const char hello[] =
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char answer[512];
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    must(connect(fd, (struct sockaddr *)&to, sizeof to) == 0, "connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    say(fd, hello, sizeof hello - 1);
    must(recv(fd, answer, sizeof answer, 0) > 12 && !memcmp(answer + 9, "101", 3), "101");
    return fd;
}

static void speak(const int *fds, int n, int seconds) {
    uint8_t frame[8 + FRAME_BYTES] = {
        0x82, 0xFE, FRAME_BYTES >> 8, FRAME_BYTES & 0xFF, 1, 2, 3, 4};
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (int tick = 0; tick < seconds * FRAMES_PER_S * SLICES; tick++) {
        for (int i = tick % SLICES; i < n; i += SLICES)
            say(fds[i], frame, sizeof frame);
        next.tv_nsec += 1000000000 / (FRAMES_PER_S * SLICES);
        if (next.tv_nsec >= 1000000000) {
            next.tv_nsec -= 1000000000;
            next.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
}

/* Microseconds of server CPU a frame. */
static double measure(void (*run)(int), int sockets, int seconds) {
    int report[2], port_pipe[2], port = 0;
    must(pipe(report) == 0 && pipe(port_pipe) == 0, "pipe");
    pid_t server = fork();
    must(server >= 0, "fork");
    if (server == 0) {
        report_fd = report[1];
        run(port_pipe[1]);
        exit(0);
    }
    must(read(port_pipe[0], &port, sizeof port) == sizeof port, "port");
    int *fds = calloc((size_t)sockets, sizeof *fds);
    for (int i = 0; i < sockets; i++)
        fds[i] = join(port);
    speak(fds, sockets, seconds);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL); /* the last ones arrive */
    for (int i = 0; i < sockets; i++)
        close(fds[i]);
    tally got;
    must(read(report[0], &got, sizeof got) == sizeof got, "report");
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    for (int i = 0; i < 2; i++) {
        close(report[i]);
        close(port_pipe[i]);
    }
    free(fds);
    uint64_t wanted = (uint64_t)sockets * (unsigned)(seconds * FRAMES_PER_S);
    if (got.frames != wanted)
        fprintf(stderr, "%llu of %llu frames arrived\n", (unsigned long long)got.frames,
                (unsigned long long)wanted);
    return got.cpu_s * 1e6 / (double)got.frames;
}

int main(int argc, char **argv) {
    int sockets = argc > 1 ? atoi(argv[1]) : 500, seconds = argc > 2 ? atoi(argv[2]) : 4;
    int rounds = argc > 3 ? atoi(argv[3]) : 3;
    double ours = 1e9, epoll = 1e9; /* the least disturbed round of each */
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < rounds; i++) {
        double a = measure(run_ours, sockets, seconds);
        double b = measure(run_bare, sockets, seconds);
        ours = a < ours ? a : ours;
        epoll = b < epoll ? b : epoll;
    }
    printf(
        "{\"bench\":\"net_ingest\",\"sockets\":%d,\"frame_bytes\":%d,\"frames_per_s\":%d,"
        "\"rounds\":%d,\"ours_us\":%.2f,\"bare_epoll_us\":%.2f,\"ratio\":%.2f}\n",
        sockets, FRAME_BYTES, FRAMES_PER_S, rounds, ours, epoll, ours / epoll);
    printf(
        "figure\tCPU of taking in a frame of 20 ms\t%.1f us\t%.1f us bare epoll\t%.2f\t"
        "<= %.1f times\t%s\n",
        ours, epoll, ours / epoll, GOAL, ours <= GOAL * epoll ? "yes" : "no");
    return 0;
}
