#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "rostrum/engine.h"
#include "serve/pool/pool_private.h"

#define STEADY_MS 10000 /* ready this long: its earlier failures are forgotten */

/* Pause before the next start. A first death costs nothing; one that had been ready
 * comes back within LIMIT_WORKER_RESTART_S however often it dies; one that cannot even
 * load is tried ever more rarely. */
static uint64_t pause_ms(const worker *w, bool was_ready) {
    if (w->failures <= 1 && was_ready)
        return 0;
    unsigned doublings = w->failures < 8 ? w->failures : 8;
    uint64_t pause = UINT64_C(125) << doublings; /* 250 ms after one, 500 after two ... */
    uint64_t most = was_ready ? 500 : 30000;
    return pause < most ? pause : most;
}

unsigned worker_open(const worker *w) {
    unsigned n = 0;
    for (unsigned i = 0; i < w->n_slots; i++)
        n += w->slots[i].state == SLOT_OPEN;
    return n;
}

unsigned worker_closing(const worker *w) {
    unsigned n = 0;
    for (unsigned i = 0; i < w->n_slots; i++)
        n += w->slots[i].state == SLOT_CLOSING;
    return n;
}

/* ---- the handles of a run ---- */

static void on_handle_closed(uv_handle_t *handle) {
    worker_run *run = handle->data;
    if (--run->handles > 0)
        return;
    pool *p = run->pool;
    buf_deinit(&run->in);
    buf_deinit(&run->pending);
    buf_deinit(&run->inflight);
    free(run);
    p->runs--;
    pool_run_closed(p);
}

static void close_handle(uv_handle_t *handle) {
    if (!uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void on_process_exit(uv_process_t *process, int64_t code, int signal) {
    worker_run *run = process->data;
    run->exited = true;
    worker *w = run->worker;
    if (w) {
        if (w->failure[0] == '\0')
            snprintf(w->failure, sizeof w->failure, "it ended with status %d, signal %d",
                     (int)code, signal);
        worker_fail(w, ERR_LOST, "exit");
    }
    close_handle((uv_handle_t *)process);
}

/* The worker lets go: the process is killed, the handles close in their own time. */
static void abandon(worker_run *run) {
    run->worker->run = NULL;
    run->worker = NULL;
    close_handle((uv_handle_t *)&run->pipe);
    if (!run->process_started)
        close_handle((uv_handle_t *)&run->process);
    else if (!run->exited)
        uv_process_kill(&run->process, SIGKILL); /* on_process_exit closes the handle */
}

/* ---- start ---- */

static uv_stdio_container_t inherit(int fd) {
    return (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = fd};
}

/* The worker's environment: nothing of ours. Sanitizers need their options passed. */
static char **environment(void) {
    static char locale[] = "LC_ALL=C.UTF-8";
    static char *list[5] = {locale};
#ifdef ROSTRUM_SANITIZED
    static char values[3][512];
    static const char *const names[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};
    size_t n = 1;
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (!value)
            continue;
        snprintf(values[i], sizeof values[i], "%s=%s", names[i], value);
        list[n++] = values[i];
    }
    list[n] = NULL;
#endif
    return list;
}

static int spawn(worker *w, worker_run *run, int fd) {
    char program[384];
    snprintf(program, sizeof program, "%s/rostrum-engine-%s", w->pool->engine_dir,
             w->config.model->engine);
    char *arguments[] = {program, NULL};
    /* descriptors 0 and 1 are /dev/null; 2 is our log; 3 is the protocol */
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE}, {.flags = UV_IGNORE}, inherit(STDERR_FILENO), inherit(fd)};
    uv_process_options_t options = {.exit_cb = on_process_exit,
                                    .file = program,
                                    .args = arguments,
                                    .env = environment(),
                                    .cwd = "/",
                                    .stdio_count = 4,
                                    .stdio = stdio};
    return uv_spawn(w->pool->loop, &run->process, &options);
}

static void fill_hello(const worker *w, engine_hello *hello) {
    const model_manifest *m = w->config.model;
    memset(hello, 0, sizeof *hello);
    snprintf(hello->model, sizeof hello->model, "%s", m->name);
    snprintf(hello->model_dir, sizeof hello->model_dir, "%s", m->model_dir);
    for (size_t i = 0; i < m->n_settings; i++) {
        hello_setting *s = &hello->settings[i];
        snprintf(s->key, sizeof s->key, "%s", m->settings[i].key);
        if (strcmp(m->settings[i].value, "$slots") == 0)
            snprintf(s->value, sizeof s->value, "%u", w->plan.ask);
        else
            snprintf(s->value, sizeof s->value, "%s", m->settings[i].value);
    }
    hello->n_settings = m->n_settings;
    hello->threads = w->config.threads;
    hello->slots = w->plan.ask;
    hello->batch = w->config.batch;
    hello->memory_mb = w->config.memory_mb;
}

static void send_hello(worker *w) {
    engine_hello *hello = malloc(sizeof *hello);
    buf json;
    buf_init(&json, HELLO_BYTES_MAX);
    if (hello) {
        fill_hello(w, hello);
        hello_encode(&json, hello);
    }
    if (!hello || json.failed)
        worker_doom(w, "memory");
    else
        proto_put_bytes(&w->run->pending, FRAME_HELLO, 0, 0, 0, 0, json.data, json.size);
    link_flush(w->run);
    buf_deinit(&json);
    free(hello);
}

/* A run with its handles initialised and the socket in pipe; NULL: out of something. */
static worker_run *open_run(worker *w, int *out_child_fd) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return NULL;
    worker_run *run = calloc(1, sizeof *run);
    if (!run) {
        close(pair[0]);
        close(pair[1]);
        return NULL;
    }
    run->worker = w;
    run->pool = w->pool;
    size_t ceiling = link_ceiling(w);
    buf_init(&run->in, LIMIT_FRAME_BYTES + ENGINE_HEADER_BYTES + sizeof run->piece);
    buf_init(&run->pending, ceiling);
    buf_init(&run->inflight, ceiling);
    uv_pipe_init(w->pool->loop, &run->pipe, 0);
    memset(&run->process, 0, sizeof run->process);
    run->handles = 1;
    run->pipe.data = run;
    run->process.data = run;
    w->pool->runs++;
    fcntl(pair[0], F_SETFL, fcntl(pair[0], F_GETFL) | O_NONBLOCK);
    int error = uv_pipe_open(&run->pipe, pair[0]);
    ASSERT(error == 0); /* a fresh socket of a kind it knows */
    *out_child_fd = pair[1];
    return run;
}

static void start_failed(worker *w, const char *reason, const char *what) {
    w->failures++;
    w->state = WORKER_DOWN;
    w->restart_ms = uv_now(w->pool->loop) + pause_ms(w, false);
    if (what != w->failure)
        snprintf(w->failure, sizeof w->failure, "%s", what);
    log_event(LOG_ERROR, "pool", "worker_start_failed", "worker=%s/%u reason=%s",
              w->config.model->name, w->number, reason);
}

void worker_start(worker *w) {
    ASSERT(w->run == NULL);
    diag d = DIAG_INIT;
    if (manifest_verify(w->config.model, &d) != OK) {
        start_failed(w, status_name(d.code),
                     diag_format(&d, w->failure, sizeof w->failure));
        return;
    }
    int child_fd = -1;
    worker_run *run = open_run(w, &child_fd);
    if (!run) {
        start_failed(w, "resources", "no socket or memory for it");
        return;
    }
    w->run = run;
    w->failure[0] = '\0';
    w->pool->counters.worker_starts++;
    int error = spawn(w, run, child_fd);
    close(child_fd);
    run->handles++; /* uv_spawn initialised the handle, whether or not it worked */
    run->process_started = error == 0;
    if (error) {
        abandon(run);
        start_failed(w, "spawn", uv_strerror(error));
        return;
    }
    w->state = WORKER_LOADING;
    w->started_ms = w->heard_ms = uv_now(w->pool->loop);
    w->n_slots = w->offered = 0;
    w->gate = (admission_gate){0};
    w->load = (engine_load){0};
    w->loads = 0;
    link_read_start(run);
    send_hello(w);
}

/* ---- ready ---- */

/* What READY says must be what the manifest promises; NULL: it is. */
static const char *disagreement(const worker *w, const engine_facts *f) {
    const model_manifest *m = w->config.model;
    if (f->abi != ROSTRUM_ENGINE_ABI)
        return "its engine was built against another rostrum/engine.h";
    if (strcmp(f->engine, m->engine) != 0)
        return "the program is another engine than the manifest names";
    if (f->sample_rate_hz != m->sample_rate_hz)
        return "its sample rate is not the manifest's";
    if (m->two_pass && !f->second_pass)
        return "the manifest promises a second pass and it has none";
    if (f->slots < 1 || f->slots > w->plan.ask)
        return "it offers more slots than it was asked for, or none";
    return NULL;
}

void worker_ready(worker *w, const uint8_t *json, size_t n) {
    engine_facts facts;
    diag d = DIAG_INIT;
    status s = facts_decode(json, n, &facts, &d);
    const char *wrong = s == OK ? disagreement(w, &facts) : d.text;
    if (wrong) {
        snprintf(w->failure, sizeof w->failure, "%.*s", (int)sizeof w->failure - 1,
                 wrong);
        worker_fail(w, ERR_INTEGRITY, "handshake");
        return;
    }
    w->facts = facts;
    w->n_slots = facts.slots;
    w->offered = facts.slots;
    if (w->plan.source == SLOTS_CALIBRATED &&
        strcmp(facts.version, w->plan.engine_version) != 0 && w->offered > w->plan.guess)
        w->offered = w->plan.guess; /* what was measured was another engine */
    for (unsigned i = 0; i < w->n_slots; i++)
        w->slots[i] = (pool_slot){.worker = w, .index = (uint16_t)i};
    w->state = WORKER_READY;
    w->ready_ms = uv_now(w->pool->loop);
    log_event(LOG_INFO, "pool", "worker_ready",
              "worker=%s/%u pid=%d slots=%u source=%s load_ms=%u rss_kib=%u",
              w->config.model->name, w->number, (int)w->run->process.pid, w->offered,
              slots_source_name(w->plan.source), facts.load_ms, facts.rss_kib);
}

/* ---- the end of a run ---- */

void worker_doom(worker *w, const char *reason) {
    worker_run *run = w->run;
    if (!run || run->doomed)
        return;
    run->doomed = true;
    log_event(LOG_ERROR, "pool", "worker_killed", "worker=%s/%u reason=%s",
              w->config.model->name, w->number, reason);
    if (w->failure[0] == '\0')
        snprintf(w->failure, sizeof w->failure, "it was killed: %s", reason);
    if (!run->exited)
        uv_process_kill(&run->process, SIGKILL);
}

void worker_fail(worker *w, status why, const char *reason) {
    pool *p = w->pool;
    bool was_ready = w->state == WORKER_READY;
    uint64_t now = uv_now(p->loop);
    if (!p->stopping)
        log_event(LOG_WARN, "pool", "worker_lost", "worker=%s/%u reason=%s open=%u",
                  w->config.model->name, w->number, reason, worker_open(w));
    if (w->failure[0] == '\0')
        snprintf(w->failure, sizeof w->failure, "it ended: %s", reason);
    if (was_ready && now - w->ready_ms >= STEADY_MS)
        w->failures = 0;
    w->failures++;
    w->state = WORKER_DOWN;
    w->restart_ms = now + pause_ms(w, was_ready);
    abandon(w->run);
    /* The state above keeps sessions that react from getting a slot here again. */
    for (unsigned i = 0; i < w->n_slots; i++)
        if (w->slots[i].state == SLOT_OPEN)
            slot_end(&w->slots[i], p->stopping ? ERR_CANCELLED : why);
    w->n_slots = w->offered = 0;
    if (!p->stopping && w->restart_ms <= now) {
        p->counters.worker_restarts++;
        worker_start(w);
    }
}

void worker_drain(worker *w) {
    for (unsigned i = 0; i < w->n_slots; i++)
        if (w->slots[i].state == SLOT_OPEN)
            slot_evict(&w->slots[i], ERR_CANCELLED);
    if (!w->run || w->run->doomed)
        return;
    if (w->state == WORKER_LOADING) { /* nothing to finish, and it does not listen yet */
        w->run->doomed = true;
        uv_process_kill(&w->run->process, SIGKILL);
        return;
    }
    proto_put_empty(&w->run->pending, FRAME_DRAIN, 0, 0, 0);
    link_flush(w->run);
}

/* ---- time ---- */

/* A slot not confirmed free in time is out of use; when no session is left beside such
 * slots the worker starts afresh. */
static void check_closing(worker *w, uint64_t now_ms) {
    bool stuck = false;
    for (unsigned i = 0; i < w->n_slots; i++)
        stuck = stuck || (w->slots[i].state == SLOT_CLOSING &&
                          now_ms - w->slots[i].closing_ms > LIMIT_SLOT_CLOSE_S * 1000);
    if (stuck && worker_open(w) == 0)
        worker_doom(w, "slot_not_closed");
}

void worker_spare(worker *w, uint64_t now_ms) {
    uint64_t silence_ms = LIMIT_HEARTBEAT_LOST_MS - 2 * LIMIT_HEARTBEAT_MS;
    if (now_ms > w->heard_ms + silence_ms)
        w->heard_ms = now_ms - silence_ms;
}

void worker_tick(worker *w, uint64_t now_ms) {
    if (w->state == WORKER_DOWN) {
        if (now_ms >= w->restart_ms && !w->pool->stopping) {
            w->pool->counters.worker_restarts++;
            worker_start(w);
        }
        return;
    }
    for (unsigned i = 0; i < w->n_slots; i++) {
        if (w->slots[i].state == SLOT_OPEN && w->slots[i].overflowed)
            slot_evict(&w->slots[i], ERR_LIMIT);
    }
    if (w->state == WORKER_LOADING && now_ms - w->started_ms > LIMIT_WORKER_LOAD_S * 1000)
        worker_doom(w, "load_deadline");
    else if (w->state == WORKER_READY && now_ms - w->heard_ms > LIMIT_HEARTBEAT_LOST_MS)
        worker_doom(w, "heartbeat");
    else
        check_closing(w, now_ms);
}
