/* tests/fault/pool_harness.h: a pool on a loop of its own, and sessions that remember
 * what they were told. One thread. */
#ifndef ROSTRUM_TESTS_POOL_HARNESS_H
#define ROSTRUM_TESTS_POOL_HARNESS_H

#include <uv.h>

#include "serve/pool/pool.h"

typedef struct {
    uv_loop_t loop;
    pool *pool;
    model_manifest models[4];
    pool_worker_config configs[4];
    size_t n;
    bool stopped;
} harness;

/* What a session was told. */
typedef struct {
    pool_slot *slot; /* NULL: none */
    unsigned partials, finals, credits, losts, started, stopped;
    status why;
    bool inside_call; /* set around pool_ calls: an event then is a fault */
    unsigned faults;
    char words[4096]; /* of the last partial or final */
    void (*on_text)(void *session);
} heard;

extern const pool_events heard_events;

/* Adds a kind of worker running engine `engine`; act is its setting, may be "". */
model_manifest *harness_add(harness *h, const char *name, const char *engine,
                            const char *act, unsigned workers, unsigned slots);
/* Starts the pool with programs of folder; asserts success. */
void harness_start(harness *h, const char *folder);
/* Runs the loop until done(context) or seconds passed; returns whether it was done. */
bool harness_until(harness *h, bool (*done)(void *context), void *context,
                   double seconds);
void harness_wait_ready(harness *h, unsigned workers);
/* Acquires, or asserts. */
void harness_acquire(harness *h, const char *model, heard *s);
/* n samples that all have the value mark. */
status harness_mark(heard *s, int16_t mark, size_t n);
void harness_release(heard *s);
/* Stops the pool, asserts that it did in time, frees everything. */
void harness_end(harness *h);
pool_stats harness_stats(const harness *h);

double harness_now_s(void);

#endif
