#include "serve/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define WATCH_MS 50     /* between looks while workers load, and while sessions drain */
#define QUIET_TICKS 4   /* without a session, so that last words leave their buffers */
#define WORKERS_TOLD 64 /* whose failure is told once */

typedef struct {
    app *app;
    const char *ready_file;
    uv_signal_t term, interrupt;
    uv_timer_t watch;
    diag failure; /* code OK: none */
    bool told_failure[WORKERS_TOLD];
    uint64_t begun_ms, drain_until_ms;
    unsigned quiet;
} run;

/* Opens the file that will take the place of `path`; d says what is wrong. */
static status open_beside(const char *path, char temporary[CONFIG_TEXT], FILE **out,
                          diag *d) {
    diag_at(d, path, 0, 0);
    int n = snprintf(temporary, CONFIG_TEXT, "%s.%d", path, (int)getpid());
    if (n < 0 || n >= CONFIG_TEXT)
        return diag_field(d, ERR_LIMIT, "--ready-file", "the path is too long");
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return diag_field(d, ERR_IO, "--ready-file", "this is a folder; name a file");
    *out = fopen(temporary, "we");
    if (!*out)
        return diag_field(d, ERR_IO, "--ready-file", "cannot be written: %s",
                          strerror(errno));
    return OK;
}

status serve_check_ready_file(const char *path, diag *d) {
    char temporary[CONFIG_TEXT];
    FILE *file = NULL;
    diag why = DIAG_INIT;
    status s = open_beside(path, temporary, &file, &why);
    if (s != OK) {
        *d = why;
        return s;
    }
    fclose(file);
    unlink(temporary);
    return OK;
}

/* Replaces the file in one step, so that a reader finds all of the port or nothing. */
static status write_ready_file(const char *path, int port, diag *d) {
    char temporary[CONFIG_TEXT];
    FILE *file = NULL;
    status s = open_beside(path, temporary, &file, d);
    if (s != OK)
        return s;
    bool good = fprintf(file, "%d\n", port) > 0;
    good = fclose(file) == 0 && good;
    if (!good || rename(temporary, path) != 0)
        return diag_field(d, ERR_IO, "--ready-file", "cannot be written: %s",
                          strerror(errno));
    return OK;
}

static void tell_failures(run *r) {
    pool_worker_view view;
    for (size_t i = 0; i < WORKERS_TOLD && pool_get_worker(r->app->pool, i, &view); i++) {
        if (view.ready || !view.failure[0] || r->told_failure[i])
            continue;
        r->told_failure[i] = true;
        printf("model %s does not start: %s\n", view.model->name, view.failure);
        fflush(stdout);
    }
}

static void tell_ready(run *r) {
    pool_stats stats;
    pool_get_stats(r->app->pool, &stats);
    const model_manifest *m = app_default_model(r->app);
    printf("ready: %u of %u workers, %u slots, default model %s (%.1f s)\n",
           stats.workers_ready, stats.workers_wanted, stats.slots, m ? m->name : "none",
           (double)(uv_now(r->app->loop) - r->begun_ms) / 1e3);
    fflush(stdout);
}

static void on_pool_stopped(void *context) {
    run *r = context;
    uv_close((uv_handle_t *)&r->term, NULL);
    uv_close((uv_handle_t *)&r->interrupt, NULL);
    uv_close((uv_handle_t *)&r->watch, NULL);
}

static void on_server_closed(void *context) {
    run *r = context;
    r->app->server = NULL;
    pool_stop(r->app->pool, on_pool_stopped, r);
}

static void stop(run *r) {
    uv_timer_stop(&r->watch);
    net_server_close(r->app->server, on_server_closed, r);
}

static void watch_drain(run *r) {
    pool_stats stats;
    pool_get_stats(r->app->pool, &stats);
    r->quiet = stats.open ? 0 : r->quiet + 1;
    bool late = uv_now(r->app->loop) >= r->drain_until_ms;
    if (r->quiet < QUIET_TICKS && !late)
        return;
    if (stats.open)
        log_event(LOG_WARN, "serve", "drain_deadline", "sessions_cut=%u", stats.open);
    stop(r);
}

static void on_watch(uv_timer_t *timer) {
    run *r = timer->data;
    if (r->app->draining) {
        watch_drain(r);
        return;
    }
    tell_failures(r);
    diag d = DIAG_INIT;
    if (app_ready(r->app, &d) != OK)
        return;
    uv_timer_stop(timer);
    int port = net_server_port(r->app->server);
    if (r->ready_file && write_ready_file(r->ready_file, port, &r->failure) != OK)
        stop(r); /* whoever waits for the file would wait for ever */
    else
        tell_ready(r);
}

static void on_signal(uv_signal_t *handle, int signal_number) {
    run *r = handle->data;
    if (r->app->draining)
        _exit(128 + signal_number);
    pool_stats stats;
    pool_get_stats(r->app->pool, &stats);
    printf("draining: %u sessions may go on for up to %" PRId64 " s\n", stats.open,
           r->app->config->drain_s);
    fflush(stdout);
    r->app->draining = true;
    r->drain_until_ms = uv_now(r->app->loop) + (uint64_t)r->app->config->drain_s * 1000;
    uv_timer_start(&r->watch, on_watch, 0, WATCH_MS);
}

int serve_run(app *a, const char *ready_file, diag *d) {
    run *r = calloc(1, sizeof *r);
    if (!r)
        return EXIT_FAILED;
    r->app = a;
    r->ready_file = ready_file;
    r->failure = (diag)DIAG_INIT;
    r->begun_ms = uv_now(a->loop);
    uv_signal_init(a->loop, &r->term);
    uv_signal_init(a->loop, &r->interrupt);
    uv_timer_init(a->loop, &r->watch);
    r->term.data = r->interrupt.data = r->watch.data = r;
    uv_signal_start(&r->term, on_signal, SIGTERM);
    uv_signal_start(&r->interrupt, on_signal, SIGINT);
    uv_timer_start(&r->watch, on_watch, 0, WATCH_MS);
    uv_run(a->loop, UV_RUN_DEFAULT);
    diag failure = r->failure;
    free(r);
    if (failure.code != OK) {
        *d = failure;
        return EXIT_FAILED;
    }
    printf("stopped\n");
    return EXIT_GOOD;
}
