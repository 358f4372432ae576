/* serve/pool/pool_private.h: what the files of this folder share.
 *
 *   pool.c       the pool: create, stop, the tick, statistics
 *   worker.c     one worker's life: start, ready, fail, start again
 *   link.c       bytes to and from a worker: framing, bounded output, dispatch
 *   slots.c      a session's slot: acquire, audio, release
 *   admission.c  how many and when; pure
 *
 * A worker is a place that outlives processes; a run is one process and its socket.
 * When a worker fails it lets go of its run, which closes its handles in its own time
 * while the next run may already start. */
#ifndef ROSTRUM_SERVE_POOL_PRIVATE_H
#define ROSTRUM_SERVE_POOL_PRIVATE_H

#include "base/buf.h"
#include "base/limits.h"
#include "serve/pool/admission.h"
#include "serve/pool/pool.h"

#define WINDOW_SAMPLES ((size_t)LIMIT_SLOT_AUDIO_S * LIMIT_SAMPLE_RATE_HZ)
#define TICK_MS 100 /* granularity of restarts, heartbeat and close deadlines */

typedef struct worker worker;

typedef enum {
    SLOT_FREE,
    SLOT_OPEN,   /* a session has it */
    SLOT_CLOSING /* nobody has it and the worker has not confirmed that it is free */
} slot_state;

struct pool_slot {
    worker *worker;
    uint16_t index;
    slot_state state;
    uint32_t generation;
    uint32_t sequence;
    size_t outstanding;   /* samples sent and not credited */
    size_t wanted;        /* samples of the audio last refused; 0: nobody waits */
    size_t control_bytes; /* of commits, clears and updates since the output was empty */
    uint64_t control_epoch; /* the run's `drains` they were counted in */
    bool overflowed;        /* too many of them: the tick ends the session */
    uint64_t opened_ms, closing_ms;
    pool_events events;
    void *session;
};

/* One process. */
typedef struct {
    worker *worker; /* NULL: let go of; only its handles are left */
    pool *pool;
    uv_process_t process;
    uv_pipe_t pipe;
    unsigned handles; /* open ones; the last to close frees the run */
    bool exited, process_started, doomed;
    buf in;       /* a frame that is not whole yet */
    buf pending;  /* bytes not given to the kernel yet */
    buf inflight; /* bytes of the one write under way */
    uv_write_t write;
    uint64_t drains;     /* times the output was empty */
    char piece[1 << 16]; /* of one read */
} worker_run;

typedef enum { WORKER_DOWN, WORKER_LOADING, WORKER_READY } worker_state;

struct worker {
    pool *pool;
    pool_worker_config config; /* threads and memory filled in */
    unsigned number;           /* of its model, for logs */
    admission_plan plan;
    worker_state state;
    worker_run *run; /* NULL when WORKER_DOWN */
    uint64_t started_ms, ready_ms, heard_ms, restart_ms;
    unsigned failures; /* in a row, without a long ready time between */
    pool_slot *slots;  /* [plan.ask] */
    unsigned n_slots;  /* that the running worker has */
    unsigned offered;  /* of those, how many sessions may have */
    admission_gate gate;
    engine_facts facts;
    engine_load load;
    uint64_t loads;
    char failure[512];
};

struct pool {
    uv_loop_t *loop;
    char engine_dir[256];
    worker *workers; /* [n_workers] */
    size_t n_workers;
    uint32_t generation; /* the last one given; never the same twice in a run */
    pool_stats counters; /* the counters of it only */
    double session_ms;   /* running mean of recent session lengths; 0: none yet */
    uv_timer_t tick;
    uint64_t tick_ms;
    unsigned runs; /* processes whose handles are not all closed */
    bool stopping, drained, stopped;
    uint64_t stop_ms;
    void (*done)(void *context);
    void *done_context;
};

/* worker.c */
void worker_start(worker *w);
void worker_ready(worker *w, const uint8_t *json, size_t n);
/* Kills the process soon; its end is reported from the loop. Any pool_ call. */
void worker_doom(worker *w, const char *reason);
/* From the loop only: tells sessions, lets go of the run, plans the next start. */
void worker_fail(worker *w, status why, const char *reason);
void worker_tick(worker *w, uint64_t now_ms);
/* Makes sure that two heartbeats more are waited for. */
void worker_spare(worker *w, uint64_t now_ms);
void worker_drain(worker *w);
unsigned worker_open(const worker *w);    /* sessions */
unsigned worker_closing(const worker *w); /* slots not confirmed free */

/* link.c */
void link_read_start(worker_run *run);
/* Appends to run->pending with the proto_ writers first; then this. */
void link_flush(worker_run *run);
size_t link_ceiling(const worker *w);

/* slots.c: events of one slot, called by link.c with a matching generation. */
/* The session of an OPEN slot is told `lost`. end: the worker knows already; evict: it
 * is sent FRAME_CLOSE. */
void slot_end(pool_slot *slot, status why);
void slot_evict(pool_slot *slot, status why);
void slot_credit(pool_slot *slot, size_t samples);

/* pool.c */
void pool_run_closed(pool *p);

#endif
