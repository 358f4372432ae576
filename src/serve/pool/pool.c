#include "serve/pool/pool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "serve/pool/pool_private.h"
#include "serve/registry/calibration.h"

#define MEMORY_MB_DEFAULT 4096 /* what config.def says of workers.memory_mb */

static unsigned machine_cores(void) {
    unsigned n = uv_available_parallelism();
    return n ? n : 1;
}

/* What was measured for the model, shared among its workers; 0: nothing that holds. */
static unsigned calibrated_slots(const pool_worker_config *c, calibration *out) {
    if (c->slots || !calibration_read(c->model, out) || out->threads == 0)
        return 0;
    double threads = (double)c->threads * c->workers / out->threads;
    double slots = out->slots * (threads < 1 ? threads : 1) / c->workers;
    return slots < 1 ? 1 : (unsigned)slots;
}

static status init_worker(pool *p, const pool_worker_config *config, unsigned number,
                          worker *w) {
    w->pool = p;
    w->config = *config;
    w->number = number;
    if (w->config.threads == 0)
        w->config.threads = machine_cores();
    if (w->config.threads > HELLO_THREADS_MAX)
        w->config.threads = HELLO_THREADS_MAX;
    if (w->config.memory_mb == 0)
        w->config.memory_mb = MEMORY_MB_DEFAULT;
    calibration measured = {0};
    unsigned slots = calibrated_slots(&w->config, &measured);
    w->plan = admission_choose(config->slots, slots, config->model->slots_per_thread,
                               config->model->slots_max, w->config.threads);
    memcpy(w->plan.engine_version, measured.engine_version,
           sizeof measured.engine_version);
    w->slots = calloc(w->plan.ask, sizeof *w->slots);
    return w->slots ? OK : ERR_MEMORY;
}

static status check_program(const char *engine_dir, const model_manifest *m, diag *d) {
    char program[384];
    snprintf(program, sizeof program, "%s/rostrum-engine-%s", engine_dir, m->engine);
    if (m->engine[0] != '\0' && access(program, X_OK) == 0)
        return OK;
    diag_at(d, program, 0, 0);
    return diag_set(d, ERR_NOT_FOUND,
                    "model %s needs this engine program, which is not here", m->name);
}

static void on_tick_closed(uv_handle_t *handle) {
    pool *p = handle->data;
    p->stopped = true;
    if (p->done)
        p->done(p->done_context);
}

static void close_when_over(pool *p) {
    if (p->drained && p->runs == 0 && !uv_is_closing((uv_handle_t *)&p->tick))
        uv_close((uv_handle_t *)&p->tick, on_tick_closed);
}

void pool_run_closed(pool *p) {
    close_when_over(p);
}

static void on_tick(uv_timer_t *timer) {
    pool *p = timer->data;
    uint64_t now = uv_now(p->loop);
    if (p->stopping && !p->drained) { /* here, because it tells sessions */
        p->drained = true;
        for (size_t i = 0; i < p->n_workers; i++)
            worker_drain(&p->workers[i]);
        close_when_over(p);
        return;
    }
    /* If this loop itself stood still, what the workers said meanwhile is not read yet:
     * they have time for two heartbeats more, whatever their silence was before. */
    bool stood_still = now - p->tick_ms > 1000;
    p->tick_ms = now;
    for (size_t i = 0; i < p->n_workers; i++) {
        if (stood_still)
            worker_spare(&p->workers[i], now);
        worker_tick(&p->workers[i], now);
    }
    if (p->stopping && now - p->stop_ms > LIMIT_WORKER_STOP_S * 1000)
        for (size_t i = 0; i < p->n_workers; i++)
            worker_doom(&p->workers[i], "stop_deadline");
}

static void free_pool(pool *p) {
    if (p->workers)
        for (size_t i = 0; i < p->n_workers; i++)
            free(p->workers[i].slots);
    free(p->workers);
    free(p);
}

static status build(pool *p, const pool_worker_config *configs, size_t n, diag *d) {
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += configs[i].workers;
    p->workers = calloc(total ? total : 1, sizeof *p->workers);
    if (!p->workers)
        return diag_set(d, ERR_MEMORY, "no memory for the workers");
    for (size_t i = 0; i < n; i++) {
        status s = check_program(p->engine_dir, configs[i].model, d);
        if (s == OK)
            s = manifest_verify(configs[i].model, d);
        for (unsigned k = 0; s == OK && k < configs[i].workers; k++) {
            s = init_worker(p, &configs[i], k, &p->workers[p->n_workers++]);
            if (s != OK)
                diag_set(d, s, "no memory for the slots");
        }
        if (s != OK)
            return s;
    }
    return OK;
}

status pool_create(uv_loop_t *loop, const char *engine_dir,
                   const pool_worker_config *workers, size_t n_workers, pool **out,
                   diag *d) {
    if (strlen(engine_dir) >= sizeof((pool *)0)->engine_dir)
        return diag_field(d, ERR_INVALID, "models.engine_dir", "the path is too long");
    pool *p = calloc(1, sizeof *p);
    if (!p)
        return diag_set(d, ERR_MEMORY, "no memory for the pool");
    p->loop = loop;
    snprintf(p->engine_dir, sizeof p->engine_dir, "%s", engine_dir);
    status s = build(p, workers, n_workers, d);
    if (s != OK) {
        free_pool(p);
        return s;
    }
    signal(SIGPIPE, SIG_IGN); /* a write to a worker that just died is an error code */
    uv_update_time(loop);     /* reading the weights took a while */
    uv_timer_init(loop, &p->tick);
    p->tick.data = p;
    p->tick_ms = uv_now(loop);
    uv_timer_start(&p->tick, on_tick, TICK_MS, TICK_MS);
    for (size_t i = 0; i < p->n_workers; i++)
        worker_start(&p->workers[i]);
    *out = p;
    return OK;
}

/* ---- stop ---- */

void pool_stop(pool *p, void (*done)(void *context), void *context) {
    ASSERT(!p->stopping);
    p->stopping = true;
    p->stop_ms = uv_now(p->loop);
    p->done = done;
    p->done_context = context;
    uv_timer_start(&p->tick, on_tick, 0, TICK_MS);
}

void pool_destroy(pool *p) {
    if (!p)
        return;
    ASSERT(p->stopped);
    free_pool(p);
}

/* ---- looking ---- */

void pool_get_stats(const pool *p, pool_stats *out) {
    *out = p->counters;
    out->workers_wanted = (unsigned)p->n_workers;
    for (size_t i = 0; i < p->n_workers; i++) {
        const worker *w = &p->workers[i];
        if (w->state != WORKER_READY)
            continue;
        out->workers_ready++;
        out->workers_pressed += w->gate.closed;
        out->slots += w->offered;
        out->open += worker_open(w);
        if (w->load.queue_us > out->queue_us)
            out->queue_us = w->load.queue_us;
        if (w->load.pressure > out->pressure)
            out->pressure = w->load.pressure;
    }
}

const model_manifest *pool_model(const pool *p, size_t i) {
    for (size_t k = 0; k < p->n_workers; k++)
        if (p->workers[k].number == 0 && i-- == 0)
            return p->workers[k].config.model;
    return NULL;
}

bool pool_get_worker(const pool *p, size_t i, pool_worker_view *out) {
    if (i >= p->n_workers)
        return false;
    const worker *w = &p->workers[i];
    *out = (pool_worker_view){.model = w->config.model,
                              .pid = w->run ? (int)w->run->process.pid : 0,
                              .ready = w->state == WORKER_READY,
                              .slots = w->offered,
                              .open = worker_open(w),
                              .closing = worker_closing(w),
                              .facts = w->facts,
                              .load = w->load,
                              .loads = w->loads};
    memcpy(out->failure, w->failure, sizeof out->failure);
    return true;
}
