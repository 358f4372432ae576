/* serve/pool/pool.h: the gateway's side of its workers.
 *
 * Starts worker processes, keeps them alive, hands out slots, carries audio there
 * and events back. Admission is decided here: a slot is offered only by a warmed
 * worker, and never more of them than this machine was measured to sustain.
 * Loop thread only. */
#ifndef ROSTRUM_SERVE_POOL_H
#define ROSTRUM_SERVE_POOL_H

#include <uv.h>

#include "base/diag.h"
#include "engine/proto.h"
#include "serve/registry/manifest.h"

typedef struct pool pool;
typedef struct pool_slot pool_slot;

/* What a slot tells its session. All run on the loop thread, none from inside a
 * pool_ call. After `lost` or after pool_release nothing more is called. */
typedef struct {
    void (*speech_started)(void *session, const engine_mark *mark);
    void (*speech_stopped)(void *session, const engine_mark *mark);
    /* type is FRAME_PARTIAL or FRAME_FINAL; text is borrowed for the call. */
    void (*text)(void *session, uint8_t type, uint8_t flags, const engine_text *text);
    void (*credit)(void *session); /* room for audio again after ERR_LIMIT */
    /* The worker is gone or reported an error; the slot is already released. */
    void (*lost)(void *session, status why);
} pool_events;

/* One kind of worker to run. */
typedef struct {
    const model_manifest *model; /* borrowed; outlives the pool */
    bool batch;                  /* low priority, separate from live traffic */
    unsigned workers;            /* processes */
    unsigned threads;            /* compute threads in each; 0: number of cores */
    unsigned slots;              /* per worker; 0: what calibration measured */
    unsigned memory_mb;          /* address-space free memory limit per worker; 0: default */
} pool_worker_config;

/* Counters and gauges for /metrics and /readyz, all since start. */
typedef struct {
    uint64_t admitted, refused_capacity, released, lost;
    uint64_t worker_starts, worker_restarts;
    uint64_t stale_frames; /* of an old generation, dropped */
    unsigned slots, open;  /* now, over all ready workers */
    unsigned workers_ready, workers_wanted;
    uint32_t queue_us;     /* oldest waiting work of any worker */
    float pressure;        /* highest of any worker */
} pool_stats;

MUST_CHECK status pool_create(uv_loop_t *loop, const char *engine_dir,
                              const pool_worker_config *workers, size_t n_workers,
                              pool **out, diag *d);
/* Starts asking workers to leave; `done` runs when all have exited (or were killed
 * after 2 s). Then pool_destroy may be called. */
void pool_stop(pool *p, void (*done)(void *context), void *context);
void pool_destroy(pool *p);

/* A free slot for the model. ERR_NOT_FOUND: no such model. ERR_CAPACITY: none free
 * (d says how many there are); *out_retry_after_s is a guess for Retry-After. */
MUST_CHECK status pool_acquire(pool *p, const char *model, const engine_listen *listen,
                               const pool_events *events, void *session, pool_slot **out,
                               unsigned *out_retry_after_s, diag *d);

/* Audio for the slot, n samples of s16 mono 16 kHz. ERR_LIMIT: it would hold more than
 * LIMIT_SLOT_AUDIO_S seconds; nothing was taken; `credit` is called when there is room. */
MUST_CHECK status pool_audio(pool_slot *slot, const int16_t *samples, size_t n);

/* Samples that could be taken now. */
size_t pool_room(const pool_slot *slot);

void pool_commit(pool_slot *slot);
void pool_clear(pool_slot *slot);
void pool_update(pool_slot *slot, const engine_listen *listen);

/* Stops the slot's work at once. No event of it comes after this call. Takes NULL. */
void pool_release(pool_slot *slot);

void pool_get_stats(const pool *p, pool_stats *out);

/* Models that have at least one worker, in config order; NULL past the end. */
const model_manifest *pool_model(const pool *p, size_t i);

#endif
