#include <string.h>

#include "base/assert.h"
#include "serve/pool/pool_private.h"

/* ---- choosing ---- */

static unsigned cores(void) {
    unsigned n = uv_available_parallelism();
    return n ? n : 1;
}

/* Share of the machine one session of this worker takes, by its measured or guessed
 * capacity; 0 where the operator set the number. Models share the cores: what one was
 * measured to sustain alone it cannot sustain beside another that is busy. */
static double session_cost(const worker *w) {
    if (w->plan.source == SLOTS_CONFIGURED || w->config.measuring || w->offered == 0)
        return 0;
    double threads = (double)w->config.threads * w->config.workers / cores();
    return (threads < 1 ? threads : 1) / w->config.workers / w->offered;
}

static double machine_use(const pool *p) {
    double use = 0;
    for (size_t i = 0; i < p->n_workers; i++)
        use += session_cost(&p->workers[i]) * worker_open(&p->workers[i]);
    return use;
}

static bool takes_one(const worker *w, double use) {
    if (w->state != WORKER_READY || w->run->doomed || w->gate.closed)
        return false;
    if (worker_open(w) + worker_closing(w) >= w->offered)
        return false;
    double cost = session_cost(w);
    return cost <= 0 || use + cost <= 1.0 + 1e-9;
}

/* The least filled worker of the model that takes one, or NULL. */
static worker *choose(pool *p, const char *model, bool *out_known) {
    double use = machine_use(p);
    worker *best = NULL;
    double best_fill = 0;
    *out_known = false;
    for (size_t i = 0; i < p->n_workers; i++) {
        worker *w = &p->workers[i];
        if (strcmp(w->config.model->name, model) != 0)
            continue;
        *out_known = true;
        if (!takes_one(w, use))
            continue;
        double fill = (double)worker_open(w) / w->offered;
        if (!best || fill < best_fill) {
            best = w;
            best_fill = fill;
        }
    }
    return best;
}

static pool_slot *free_slot(worker *w) {
    for (unsigned i = 0; i < w->n_slots; i++)
        if (w->slots[i].state == SLOT_FREE)
            return &w->slots[i];
    return NULL;
}

static status refuse(pool *p, const char *model, unsigned *out_retry_after_s, diag *d) {
    unsigned offered = 0, open = 0;
    bool ready = false, pressed = false;
    for (size_t i = 0; i < p->n_workers; i++) {
        const worker *w = &p->workers[i];
        if (strcmp(w->config.model->name, model) != 0)
            continue;
        ready = ready || w->state == WORKER_READY;
        pressed = pressed || w->gate.closed;
        offered += w->state == WORKER_READY ? w->offered : 0;
        open += worker_open(w);
    }
    p->counters.refused_capacity++;
    /* a worker that is loading is back within LIMIT_WORKER_RESTART_S */
    *out_retry_after_s =
        ready ? admission_retry_after_s(p->session_ms, offered) : LIMIT_WORKER_RESTART_S;
    if (!ready)
        return diag_set(d, ERR_CAPACITY,
                        "no worker of model %s is ready; try again in %u s", model,
                        *out_retry_after_s);
    return diag_set(d, ERR_CAPACITY,
                    "%u of %u slots of model %s are in use%s; try again in %u s", open,
                    offered, model, pressed ? " and the machine is behind" : "",
                    *out_retry_after_s);
}

status pool_acquire(pool *p, const char *model, const engine_listen *listen,
                    const pool_events *events, void *session, pool_slot **out,
                    unsigned *out_retry_after_s, diag *d) {
    bool known = false;
    worker *w = p->stopping ? NULL : choose(p, model, &known);
    if (!w && !known && !p->stopping)
        return diag_set(d, ERR_NOT_FOUND, "no worker serves the model of that name");
    pool_slot *slot = w ? free_slot(w) : NULL;
    if (!slot)
        return refuse(p, model, out_retry_after_s, d);
    if (++p->generation == 0) /* 0 is the generation of frames that concern no slot */
        p->generation = 1;
    *slot = (pool_slot){.worker = w,
                        .index = slot->index,
                        .state = SLOT_OPEN,
                        .generation = p->generation,
                        .opened_ms = uv_now(p->loop),
                        .events = *events,
                        .session = session};
    p->counters.admitted++;
    proto_put_listen(&w->run->pending, FRAME_OPEN, slot->index, slot->generation, listen);
    link_flush(w->run);
    *out = slot;
    return OK;
}

/* ---- to the worker ---- */

/* The run to write to, or NULL when the worker is going down: `lost` is on its way. */
static worker_run *route(pool_slot *slot) {
    ASSERT(slot->state == SLOT_OPEN);
    worker_run *run = slot->worker->run;
    return run && !run->doomed && !slot->overflowed ? run : NULL;
}

status pool_audio(pool_slot *slot, const int16_t *samples, size_t n) {
    if (n > WINDOW_SAMPLES)
        return ERR_INVALID;
    worker_run *run = route(slot);
    if (!run || n == 0)
        return OK; /* nothing to hear it */
    if (n > WINDOW_SAMPLES - slot->outstanding) {
        slot->wanted = n;
        return ERR_LIMIT;
    }
    slot->outstanding += n;
    proto_put_bytes(&run->pending, FRAME_AUDIO, 0, slot->index, slot->generation,
                    slot->sequence++, samples, n * sizeof *samples);
    link_flush(run);
    return OK;
}

size_t pool_room(const pool_slot *slot) {
    return WINDOW_SAMPLES - slot->outstanding;
}

/* Counts n control bytes; false when the session sent more of them than a worker that
 * does not read can be owed. The tick ends it: no event runs inside a pool_ call. */
static bool control_fits(pool_slot *slot, const worker_run *run, size_t n) {
    if (slot->control_epoch != run->drains) {
        slot->control_epoch = run->drains;
        slot->control_bytes = 0;
    }
    slot->control_bytes += n;
    slot->overflowed = slot->control_bytes > LIMIT_SLOT_CONTROL_BYTES;
    return !slot->overflowed;
}

static void send_empty(pool_slot *slot, uint8_t type) {
    worker_run *run = route(slot);
    if (!run || !control_fits(slot, run, ENGINE_HEADER_BYTES))
        return;
    proto_put_empty(&run->pending, type, 0, slot->index, slot->generation);
    link_flush(run);
}

void pool_commit(pool_slot *slot) {
    send_empty(slot, FRAME_COMMIT);
}

void pool_clear(pool_slot *slot) {
    send_empty(slot, FRAME_CLEAR);
}

void pool_update(pool_slot *slot, const engine_listen *listen) {
    worker_run *run = route(slot);
    if (!run || !control_fits(slot, run, ENGINE_HEADER_BYTES + sizeof *listen))
        return;
    proto_put_listen(&run->pending, FRAME_UPDATE, slot->index, slot->generation, listen);
    link_flush(run);
}

/* ---- the end of a session ---- */

static void send_close(pool_slot *slot) {
    worker *w = slot->worker;
    slot->state = SLOT_CLOSING;
    slot->closing_ms = uv_now(w->pool->loop);
    if (w->run && !w->run->doomed) {
        proto_put_empty(&w->run->pending, FRAME_CLOSE, 0, slot->index, slot->generation);
        link_flush(w->run);
    }
}

static void session_over(pool_slot *slot) {
    pool *p = slot->worker->pool;
    double length_ms = (double)(uv_now(p->loop) - slot->opened_ms);
    /* the mean remembers about the last 16 sessions */
    p->session_ms =
        p->session_ms > 0 ? p->session_ms + (length_ms - p->session_ms) / 16 : length_ms;
    slot->session = NULL;
}

void pool_release(pool_slot *slot) {
    if (!slot)
        return;
    ASSERT(slot->state == SLOT_OPEN);
    slot->worker->pool->counters.released++;
    session_over(slot);
    send_close(slot);
}

/* ---- from the worker ---- */

static void lose(pool_slot *slot, status why, bool tell_worker) {
    ASSERT(slot->state == SLOT_OPEN);
    pool *p = slot->worker->pool;
    pool_events events = slot->events;
    void *session = slot->session;
    p->counters.lost++;
    session_over(slot);
    if (tell_worker)
        send_close(slot);
    slot->state = SLOT_CLOSING;
    slot->closing_ms = uv_now(p->loop);
    if (events.lost)
        events.lost(session, why);
}

void slot_end(pool_slot *slot, status why) {
    lose(slot, why, false);
}

void slot_evict(pool_slot *slot, status why) {
    lose(slot, why, true);
}

void slot_credit(pool_slot *slot, size_t samples) {
    ASSERT(samples <= slot->outstanding);
    slot->outstanding -= samples;
    if (slot->wanted == 0 || slot->wanted > pool_room(slot))
        return;
    slot->wanted = 0;
    if (slot->events.credit)
        slot->events.credit(slot->session);
}
