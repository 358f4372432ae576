/* bench/idle_sessions.c: memory a connected session takes while nobody speaks.
 *
 *   bench_idle_sessions URL SERVER_PID [SESSIONS [MODEL]]      default 100 sessions
 *
 * Opens Realtime sessions on a running server, lets each send 200 ms of silence, waits
 * until the server has given back what only a talking session needs (about 12 s), and
 * compares the anonymous memory (Pss_Anon of smaps_rollup) of the server process and of
 * its workers with what it was before. The kernel's socket buffers are not in it. The
 * server must have as many slots (--workers-slots). Prints JSON. Exit status: 0 within
 * the goal, 1 not, 2 usage, 3 no session. */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client_ws.h"

#define GOAL_KIB 24 /* of both, beyond the kernel's */
#define SESSIONS_MAX 4000
#define WARM_UP 8 /* sessions opened and closed before the first look: pools, tables */
#define SETTLE_MS 12000

typedef struct {
    unsigned wanted, open, failed, closed;
    client_ws *socket[SESSIONS_MAX];
} crowd;

static uv_loop_t loop;
static crowd all;

static void on_open(void *owner) {
    client_ws **socket = owner;
    static const uint8_t zeros[24000 / 5 * 2];
    static char message[32 + sizeof zeros / 3 * 4 + 64];
    int head = snprintf(message, sizeof message,
                        "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");
    size_t n = (size_t)head + client_base64(zeros, sizeof zeros, message + head);
    message[n++] = '"';
    message[n++] = '}';
    client_ws_send(*socket, FRAME_TEXT, (uint8_t *)message, n);
    all.open++;
}

static void on_text(void *owner, const char *text, size_t n) {
    (void)owner, (void)text, (void)n;
}

static void on_closed(void *owner, int code, const client_answer *refused,
                      const diag *d) {
    client_ws **socket = owner;
    (void)code;
    if (refused != NULL || d->code != OK) {
        if (all.failed++ == 0)
            fprintf(stderr, "bench_idle_sessions: %s\n", d->text);
    }
    all.closed++;
    *socket = NULL;
}

static const client_ws_events events = {on_open, on_text, on_closed};

static void on_wait_over(uv_timer_t *timer) {
    *(bool *)timer->data = true;
}

static void turn_for(uint64_t ms) {
    bool over = false;
    uv_timer_t timer;
    uv_timer_init(&loop, &timer);
    timer.data = &over;
    uv_timer_start(&timer, on_wait_over, ms, 0);
    while (!over)
        uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void open_sessions(const client_url *url, const char *path, unsigned n) {
    diag d = DIAG_INIT;
    all = (crowd){.wanted = n};
    for (unsigned i = 0; i < n; i++) {
        if (client_ws_create(&loop, url, path, "", &events, &all.socket[i],
                             &all.socket[i], &d) != OK)
            exit(3);
        turn_for(5); /* a crowd that comes at once measures the server's back-log */
    }
    turn_for(SETTLE_MS);
}

static void close_sessions(void) {
    for (unsigned i = 0; i < all.wanted; i++)
        if (all.socket[i] != NULL)
            client_ws_close(all.socket[i]);
    turn_for(3000);
}

/* KiB; 0 when the process is gone. */
static double anonymous_kib(int pid) {
    char path[64], line[256];
    double kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "Pss_Anon:", 9) == 0)
            kib = atof(line + 9);
    if (f != NULL)
        fclose(f);
    return kib;
}

static int parent_of(int pid) {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return 0;
    char *name_end = fgets(line, sizeof line, f) != NULL ? strrchr(line, ')') : NULL;
    fclose(f);
    return name_end != NULL ? atoi(name_end + 4) : 0;
}

/* Of the server's direct children: its workers. */
static double children_kib(int pid) {
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    double sum = 0;
    while (proc != NULL && (entry = readdir(proc)) != NULL) {
        int child = atoi(entry->d_name);
        if (child > 0 && parent_of(child) == pid)
            sum += anonymous_kib(child);
    }
    if (proc != NULL)
        closedir(proc);
    return sum;
}

int main(int argc, char **argv) {
    diag d = DIAG_INIT;
    client_url url;
    int pid = argc > 2 ? atoi(argv[2]) : 0;
    unsigned n = argc > 3 ? (unsigned)atoi(argv[3]) : 100;
    if (argc < 3 || client_url_parse(argv[1], &url, &d) != OK || pid <= 0 || n < 1 ||
        n > SESSIONS_MAX) {
        fprintf(stderr, "usage: bench_idle_sessions URL SERVER_PID [SESSIONS [MODEL]]\n");
        return 2;
    }
    char path[256];
    snprintf(path, sizeof path, "/v1/realtime?intent=transcription%s%.64s",
             argc > 4 ? "&model=" : "", argc > 4 ? argv[4] : "");
    uv_loop_init(&loop);
    open_sessions(&url, path, n < WARM_UP ? n : WARM_UP);
    close_sessions();
    double server_kib = anonymous_kib(pid), workers_kib = children_kib(pid);
    open_sessions(&url, path, n);
    unsigned open = all.open - all.failed;
    if (open == 0 || server_kib <= 0) {
        fprintf(stderr, "bench_idle_sessions: no session was opened\n");
        return 3;
    }
    double gateway = (anonymous_kib(pid) - server_kib) / open;
    double workers = (children_kib(pid) - workers_kib) / open;
    bool met = gateway + workers <= GOAL_KIB;
    printf("{\"sessions\":%u,\"refused\":%u,\"server_kib_per_session\":%.2f,"
           "\"workers_kib_per_session\":%.2f,\"kib_per_session\":%.2f,"
           "\"server_kib_before\":%.0f,\"workers_kib_before\":%.0f}\n",
           open, all.failed, gateway, workers, gateway + workers, server_kib,
           workers_kib);
    printf("figure\tidle session, gateway\t%.1f KiB\t-\t-\t-\t-\n"
           "figure\tidle session, worker\t%.1f KiB\t-\t-\t-\t-\n"
           "figure\tidle session, together\t%.1f KiB\t-\t-\t<= %d KiB\t%s\n",
           gateway, workers, gateway + workers, GOAL_KIB, met ? "yes" : "no");
    close_sessions();
    return met ? 0 : 1;
}
