#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "serve/pool/pool_private.h"

/* ---- out ---- */

size_t link_ceiling(const worker *w) {
    /* every slot's window and control bytes with their headers, OPEN frames included */
    size_t slot =
        WINDOW_SAMPLES * sizeof(int16_t) + LIMIT_SLOT_CONTROL_BYTES + (32u << 10);
    return w->plan.ask * slot + LIMIT_FRAME_BYTES;
}

static void on_written(uv_write_t *write, int error) {
    worker_run *run = write->data;
    buf_clear(&run->inflight);
    if (!run->worker)
        return;
    if (error)
        worker_doom(run->worker, "write");
    else
        link_flush(run);
}

void link_flush(worker_run *run) {
    worker *w = run->worker;
    if (!w || run->doomed)
        return;
    if (run->pending
            .failed) { /* budgets of the slots add up to less: our mistake or no memory */
        worker_doom(w, "output_memory");
        return;
    }
    if (run->inflight.size > 0)
        return;
    if (run->pending.size > 0) {
        uv_buf_t bytes =
            uv_buf_init((char *)run->pending.data, (unsigned)run->pending.size);
        int n = uv_try_write((uv_stream_t *)&run->pipe, &bytes, 1);
        if (n > 0)
            buf_drop(&run->pending, (size_t)n);
        else if (n != UV_EAGAIN) {
            worker_doom(w, "write");
            return;
        }
    }
    if (run->pending.size == 0) {
        run->drains++;
        return;
    }
    buf rest = run->pending;
    run->pending = run->inflight;
    run->inflight = rest;
    run->write.data = run;
    uv_buf_t bytes = uv_buf_init((char *)rest.data, (unsigned)rest.size);
    if (uv_write(&run->write, (uv_stream_t *)&run->pipe, &bytes, 1, on_written) != 0) {
        buf_clear(&run->inflight);
        worker_doom(w, "write");
    }
}

/* ---- in ---- */

/* The open slot a frame is for, or NULL: another generation's (counted) or no slot. */
static pool_slot *addressee(worker *w, const engine_header *h) {
    pool_slot *slot = h->slot < w->n_slots ? &w->slots[h->slot] : NULL;
    if (slot && slot->state == SLOT_OPEN && slot->generation == h->generation)
        return slot;
    w->pool->counters.stale_frames++;
    return NULL;
}

static status take_text(pool_slot *slot, const engine_header *h, const uint8_t *payload) {
    engine_text text;
    status s = proto_get_text(payload, h->bytes, &text);
    if (s == OK && slot->events.text)
        slot->events.text(slot->session, h->type, h->flags, &text);
    return s;
}

static status take_mark(pool_slot *slot, const engine_header *h, const uint8_t *payload) {
    engine_mark mark;
    status s = proto_get_mark(payload, h->bytes, &mark);
    if (s != OK)
        return s;
    if (h->type == FRAME_SPEECH_STARTED && slot->events.speech_started)
        slot->events.speech_started(slot->session, &mark);
    if (h->type == FRAME_SPEECH_STOPPED && slot->events.speech_stopped)
        slot->events.speech_stopped(slot->session, &mark);
    return OK;
}

static status take_credit(pool_slot *slot, const engine_header *h,
                          const uint8_t *payload) {
    uint32_t samples = 0;
    status s = proto_get_credit(payload, h->bytes, &samples);
    if (s != OK || samples > slot->outstanding)
        return ERR_SYNTAX; /* credit for audio it never got */
    slot_credit(slot, samples);
    return OK;
}

static void take_closed(worker *w, const engine_header *h) {
    pool_slot *slot = h->slot < w->n_slots ? &w->slots[h->slot] : NULL;
    if (!slot || slot->generation != h->generation || slot->state == SLOT_FREE) {
        w->pool->counters.stale_frames++;
        return;
    }
    if (slot->state == SLOT_OPEN) { /* closed on its own accord: tell the session first */
        slot_end(slot, ERR_ENGINE);
    }
    slot->state = SLOT_FREE;
}

static void take_error(worker *w, const engine_header *h) {
    pool_slot *slot = addressee(w, h);
    if (!slot)
        return;
    log_event(LOG_WARN, "pool", "session_failed", "worker=%s/%u slot=%u",
              w->config.model->name, w->number, (unsigned)h->slot);
    slot_end(slot, ERR_ENGINE); /* FRAME_CLOSED follows by itself */
}

static status take_load(worker *w, const engine_header *h, const uint8_t *payload) {
    engine_load load;
    status s = proto_get_load(payload, h->bytes, &load);
    if (s != OK)
        return s;
    w->load = load;
    w->loads++;
    if (w->state == WORKER_READY && !w->config.measuring &&
        admission_report(&w->gate, &load))
        log_event(LOG_INFO, "pool",
                  w->gate.closed ? "admission_closed" : "admission_open",
                  "worker=%s/%u pressure=%.2f queue_us=%u late_permille=%u",
                  w->config.model->name, w->number, (double)load.pressure, load.queue_us,
                  load.late_permille);
    return OK;
}

static void take_failed(worker *w, const engine_header *h, const uint8_t *payload) {
    size_t n = h->bytes < sizeof w->failure ? h->bytes : sizeof w->failure - 1;
    memcpy(w->failure, payload, n);
    w->failure[n] = '\0';
    for (size_t i = 0; i < n; i++) /* one line, whatever the worker says */
        if ((unsigned char)w->failure[i] < 0x20 || w->failure[i] == 0x7f)
            w->failure[i] = ' ';
    if (h->flags & FAILED_BY_SETTING) {
        char text[sizeof w->failure];
        memcpy(text, w->failure, sizeof text);
        manifest_place(w->config.model, text, w->failure, sizeof w->failure);
    }
    worker_fail(w, ERR_ENGINE, "load");
}

/* One frame. Afterwards the worker may have let go of its run. ERR_SYNTAX: broken. */
static status dispatch(worker *w, const engine_header *h, const uint8_t *payload) {
    pool_slot *slot;
    switch (h->type) {
    case FRAME_READY:
        if (w->state != WORKER_LOADING)
            return ERR_SYNTAX;
        worker_ready(w, payload, h->bytes);
        return OK;
    case FRAME_FAILED:
        take_failed(w, h, payload);
        return OK;
    case FRAME_LOAD:
        return take_load(w, h, payload);
    case FRAME_CREDIT:
        return (slot = addressee(w, h)) ? take_credit(slot, h, payload) : OK;
    case FRAME_SPEECH_STARTED:
    case FRAME_SPEECH_STOPPED:
        return (slot = addressee(w, h)) ? take_mark(slot, h, payload) : OK;
    case FRAME_PARTIAL:
    case FRAME_FINAL:
        return (slot = addressee(w, h)) ? take_text(slot, h, payload) : OK;
    case FRAME_ERROR:
        take_error(w, h);
        return OK;
    case FRAME_CLOSED:
        take_closed(w, h);
        return OK;
    default:
        return ERR_SYNTAX; /* the handshake agreed on one version: no unknown frames */
    }
}

/* Takes all whole frames out of run->in. */
static void take_frames(worker_run *run) {
    size_t at = 0;
    while (run->worker && !run->doomed && at < run->in.size) {
        engine_header h;
        status s = OK;
        size_t need = proto_frame_need(run->in.data + at, run->in.size - at, &h, &s);
        if (s == OK && need > 0)
            break;
        if (s == OK)
            s = dispatch(run->worker, &h, run->in.data + at + ENGINE_HEADER_BYTES);
        if (s != OK) {
            if (run->worker)
                worker_fail(run->worker, ERR_LOST, "protocol");
            return;
        }
        at += ENGINE_HEADER_BYTES + h.bytes;
    }
    buf_drop(&run->in, at);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
    (void)suggested;
    worker_run *run = handle->data;
    *out = uv_buf_init(run->piece, sizeof run->piece);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes) {
    worker_run *run = stream->data;
    if (!run->worker || n == 0)
        return;
    if (n < 0) {
        worker_fail(run->worker, ERR_LOST, n == UV_EOF ? "end" : "read");
        return;
    }
    run->worker->heard_ms = uv_now(run->pool->loop);
    buf_add(&run->in, bytes->base, (size_t)n);
    if (run->in.failed)
        worker_fail(run->worker, ERR_LOST, "input_memory");
    else
        take_frames(run);
}

void link_read_start(worker_run *run) {
    run->pipe.data = run;
    int error = uv_read_start((uv_stream_t *)&run->pipe, on_alloc, on_read);
    ASSERT(error == 0); /* only fails for a stream that is closing or not open */
}
