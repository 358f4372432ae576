/* serve/pool/pool.h: the gateway's side of its workers.
 *
 * Starts worker processes, keeps them alive, hands out slots, carries audio there
 * and events back. Admission is decided here: a slot is offered only by a warmed
 * worker, and never more of them than this machine was measured to sustain.
 *
 * A slot that was released is not given out again before its worker confirmed it free,
 * and each session on it has a generation of its own: what an earlier session's audio
 * says can reach nobody. A worker that dies, hangs or breaks the protocol is killed and
 * started again: at once after a first death, later with growing pauses.
 * Loop thread only. */
#ifndef ROSTRUM_SERVE_POOL_H
#define ROSTRUM_SERVE_POOL_H

#include <uv.h>

#include "base/diag.h"
#include "engine/hello.h"
#include "engine/proto.h"
#include "serve/registry/manifest.h"

typedef struct pool pool;
typedef struct pool_slot pool_slot;

/* What a slot tells its session. All run on the loop thread, none from inside a
 * pool_ call. After `lost` or after pool_release nothing more is called. Any member
 * may be NULL. */
typedef struct {
    void (*speech_started)(void *session, const engine_mark *mark);
    void (*speech_stopped)(void *session, const engine_mark *mark);
    /* type is FRAME_PARTIAL or FRAME_FINAL; text is borrowed for the call. */
    void (*text)(void *session, uint8_t type, uint8_t flags, const engine_text *text);
    void (*credit)(void *session); /* room for audio again after ERR_LIMIT */
    /* The slot is already released. ERR_LOST: the worker is gone; ERR_ENGINE: the engine
     * failed on this session; ERR_LIMIT: LIMIT_SLOT_CONTROL_BYTES; ERR_CANCELLED: the
     * pool stopped. */
    void (*lost)(void *session, status why);
} pool_events;

/* One kind of worker to run. A setting of the manifest whose value is "$slots" is given
 * to the engine as the number of slots. */
typedef struct {
    const model_manifest *model; /* borrowed; outlives the pool */
    bool batch;                  /* low priority; keep live and batch in two pools */
    unsigned workers;            /* processes */
    unsigned threads;            /* compute threads in each; 0: number of cores */
    unsigned slots;     /* per worker; 0: what calibration measured, else a guess */
    unsigned memory_mb; /* writable memory limit per worker; 0: 4096 */
    bool measuring;     /* admit whatever the pressure: `engine calibrate` */
} pool_worker_config;

/* Counters and gauges for /metrics and /readyz, all since start. */
typedef struct {
    uint64_t admitted, refused_capacity, released, lost;
    uint64_t worker_starts, worker_restarts;
    uint64_t stale_frames; /* of an old generation, dropped */
    unsigned slots, open;  /* now, over all ready workers */
    unsigned workers_ready, workers_wanted;
    unsigned workers_pressed; /* ready, but admitting nobody until pressure falls */
    uint32_t queue_us;        /* oldest waiting work of any worker */
    float pressure;           /* highest of any worker */
} pool_stats;

/* Verifies each model's files and that its engine program is there. ERR_NOT_FOUND,
 * ERR_INTEGRITY, ERR_MEMORY. Workers load while the loop runs. The process ignores
 * SIGPIPE from here on. */
MUST_CHECK status pool_create(uv_loop_t *loop, const char *engine_dir,
                              const pool_worker_config *workers, size_t n_workers,
                              pool **out, diag *d);
/* Ends open slots (lost: ERR_CANCELLED) and asks workers to leave; `done` runs when all
 * have exited (or were killed after 2 s). Then pool_destroy may be called. Once only. */
void pool_stop(pool *p, void (*done)(void *context), void *context);
/* After `done`, not from inside another event. Takes NULL. */
void pool_destroy(pool *p);

/* A free slot for the model. ERR_NOT_FOUND: no such model. ERR_CAPACITY: none free
 * (d says how many there are); *out_retry_after_s is a guess for Retry-After. */
MUST_CHECK status pool_acquire(pool *p, const char *model, const engine_listen *listen,
                               const pool_events *events, void *session, pool_slot **out,
                               unsigned *out_retry_after_s, diag *d);

/* Audio for the slot, n samples of s16 mono 16 kHz. ERR_LIMIT: it would hold more than
 * LIMIT_SLOT_AUDIO_S seconds; nothing was taken; `credit` is called when there is room.
 * ERR_INVALID: n alone is more than that. */
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

/* One worker as it is now; false past the end. For `engine check`, calibration, tests. */
typedef struct {
    const model_manifest *model;
    int pid; /* 0: not running */
    bool ready;
    unsigned slots; /* offered */
    unsigned open;
    unsigned closing;   /* released, not confirmed free yet */
    engine_facts facts; /* of the last time it was ready */
    engine_load load;   /* last report */
    uint64_t loads;     /* reports since it was ready */
    char failure[512];  /* why it last ended, or "" */
} pool_worker_view;

bool pool_get_worker(const pool *p, size_t i, pool_worker_view *out);

#endif
