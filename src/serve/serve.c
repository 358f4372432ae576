#include "serve/serve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/paths.h"
#include "serve/api/api.h"

#define OTHER_DESCRIPTORS 256 /* workers, store, logs, the loop itself */

static void forbid_core_dumps(void) {
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        log_event(LOG_WARN, "serve", "core_limit_not_set", "limit=0");
#ifndef ROSTRUM_SANITIZED /* the leak checker attaches to its own process */
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        log_event(LOG_WARN, "serve", "dumpable_not_cleared", "wanted=0");
#endif
}

/* Exactly what the connections need: the event library sizes a table by this limit, which
 * in a container may be a billion. */
static void limit_descriptors(int64_t connections) {
    struct rlimit now;
    rlim_t wanted = (rlim_t)connections + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &now) != 0)
        return;
    if (now.rlim_max != RLIM_INFINITY && wanted > now.rlim_max) {
        printf("server.max_connections needs %llu open files, the system allows %llu: "
               "connections past that wait\n",
               (unsigned long long)wanted, (unsigned long long)now.rlim_max);
        wanted = now.rlim_max;
    }
    now.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &now) != 0)
        log_event(LOG_WARN, "serve", "file_limit_not_set", "wanted=%llu",
                  (unsigned long long)wanted);
}

/* A server that strangers can reach has TLS and keys, or was told in words to have none.
 */
static status check_exposure(const config *c, diag *d) {
    bool loopback = false;
    status s = net_host_is_loopback(c->host, &loopback, d);
    if (s != OK || loopback || c->allow_insecure)
        return s;
    if (c->tls_cert[0] && c->tls_key[0] && c->keys_file[0])
        return OK;
    return diag_field(d, ERR_INVALID, "server.host",
                      "%s can be reached from other machines: give server.tls.cert, "
                      "server.tls.key and server.keys_file, or say "
                      "--server-allow-insecure",
                      c->host);
}

static void count_answer(void *context, int http_status) {
    app *a = context;
    char code[16];
    snprintf(code, sizeof code, "%d", http_status);
    metric_add(a->metrics, M_REQUESTS, code, 1);
}

static status open_port(app *a, diag *d) {
    const config *c = a->config;
    net_server_config server = {
        .host = c->host,
        .port = (int)c->port,
        .tls_cert = c->tls_cert[0] ? c->tls_cert : NULL,
        .tls_key = c->tls_key[0] ? c->tls_key : NULL,
        .routes = api_routes,
        .n_routes = api_route_count,
        .app = a,
        .max_connections = (unsigned)c->max_connections,
        .answered = count_answer,
    };
    return net_server_create(a->loop, &server, &a->server, d);
}

static void tell_start(const app *a) {
    const config *c = a->config;
    bool v6 = strchr(c->host, ':') != NULL;
    bool loopback = false;
    diag d = DIAG_INIT;
    if (keyring_is_open(a->keys))
        printf(net_host_is_loopback(c->host, &loopback, &d) == OK && loopback
                   ? "open: no API key needed (loopback development)\n"
                   : "open: no API key needed, AND REACHABLE from other machines\n");
    printf("listening on %s://%s%s%s:%d\n", c->tls_cert[0] ? "https" : "http",
           v6 ? "[" : "", c->host, v6 ? "]" : "", net_server_port(a->server));
    fflush(stdout);
}

static void close_port(app *a) {
    net_server_close(a->server, NULL, NULL);
    uv_run(a->loop, UV_RUN_DEFAULT);
    a->server = NULL;
}

/* The port and the ready file come before the workers: that one is taken, that the other
 * cannot be written or that TLS is set up wrongly shows at once. Nobody is answered
 * before the loop runs. */
static status start(app *a, const char *ready_file, serve_models *models, diag *d) {
    config_paths paths;
    const config *c = a->config;
    status s = check_exposure(c, d);
    if (s == OK && ready_file)
        s = serve_check_ready_file(ready_file, d);
    if (s == OK)
        s = config_find_paths(c, &paths, d);
    if (s == OK)
        s = keyring_load(c->keys_file, &a->keys, d);
    if (s == OK)
        s = open_port(a, d);
    if (s != OK)
        return s;
    s = serve_pick_models(c, paths.manifest_dir, paths.engine_dir, paths.cache_dir,
                          models, d);
    if (s == OK) {
        a->models = models->list;
        a->n_models = models->n;
        s = pool_create(a->loop, paths.engine_dir, models->workers, models->n, &a->pool,
                        d);
    }
    if (s != OK)
        close_port(a);
    return s;
}

static int serve(config *c, const char *ready_file, diag *d) {
    uv_loop_t loop;
    serve_models models = {.list = NULL};
    app a = {.loop = &loop, .config = c, .started_unix_s = (uint64_t)time(NULL)};
    if (uv_loop_init(&loop) != 0 || !(a.metrics = metrics_create())) {
        (void)diag_set(d, ERR_MEMORY, "no memory for the event loop");
        return EXIT_FAILED;
    }
    int exit_status = EXIT_FAILED;
    status s = start(&a, ready_file, &models, d);
    if (s == OK) {
        tell_start(&a);
        exit_status = serve_run(&a, ready_file, d);
    } else if (s == ERR_INVALID || s == ERR_SYNTAX) {
        exit_status = EXIT_USAGE;
    }
    pool_destroy(a.pool);
    keyring_destroy(a.keys);
    metrics_destroy(a.metrics);
    free(models.list);
    if (uv_loop_close(&loop) != 0)
        log_event(LOG_WARN, "serve", "loop_left_open", "exit_status=%d", exit_status);
    return exit_status;
}

static int run_serve(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    config *c = malloc(sizeof *c);
    if (!c) {
        (void)diag_set(&d, ERR_MEMORY, "no memory for the configuration");
        return args_fail(self, &d, a.json, EXIT_FAILED);
    }
    status s = OK;
    if (a.n_positional > 0)
        s = diag_field(&d, ERR_INVALID, a.positional[0], "serve takes flags only");
    if (s == OK)
        s = config_load(environ, &a, c, &d);
    log_level level = LOG_INFO;
    if (s == OK && log_level_parse(c->log_level, &level) != 0)
        s = diag_field(&d, ERR_INVALID, "log.level", "one of error, warn, info, debug");
    exit_status = EXIT_USAGE;
    if (s == OK) {
        log_set_level(level);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* a log that may not grow is no reason to end */
        forbid_core_dumps();
        limit_descriptors(c->max_connections);
        exit_status = serve(c, args_text(&a, "ready-file", NULL), &d);
        config_place(c, &d);
    }
    free(c);
    return d.code == OK ? exit_status : args_fail(self, &d, a.json, exit_status);
}

static const arg_option serve_options[] = {
#include "conf/config_flags.def"
    {"ready-file", ARG_TEXT, "FILE", 0, 0,
     "write the port into this file once sessions are taken"},
};

const command serve_command = {
    .name = "serve",
    .positional = "",
    .summary = "run the server",
    .details =
        "Starts a worker for each model, listens, and serves OpenAI's audio and realtime "
        "protocols and Deepgram's listen protocol until a signal. Without models.serve "
        "it "
        "runs what is installed of moonshine-two-pass, moonshine-tiny and "
        "pocketsphinx.\n\n"
        "SIGTERM or SIGINT: no new sessions, running ones may finish for server.drain_s; "
        "a second signal ends the process at once. Exit status 0 after a drain.",
    .options = serve_options,
    .n_options = sizeof serve_options / sizeof serve_options[0],
    .run = run_serve};
