/* engine/crew.h: the threads of a worker, and what they do next.
 *
 * `threads` compute threads run slots, most urgent first (sched.h). One more runs second
 * passes, at low priority (SCHED_BATCH, nice 10), earliest deadline first, from a queue
 * of CREW_SECONDS_MAX: what does not fit is answered with the first pass.
 *
 * All threads exist after crew_create, so that the process can be confined before the
 * first of them touches audio; crew_start lets them go, each with a dummy utterance to
 * warm its caches and to show what the model can do. */
#ifndef ROSTRUM_ENGINE_CREW_H
#define ROSTRUM_ENGINE_CREW_H

#include "base/diag.h"
#include "engine/slot.h"
#include "engine/wire.h"

#define CREW_SECONDS_MAX 32

/* Units of work that do not end: heartbeats after which the worker is called stuck. */
#define CREW_STUCK_MS 20000
#define CREW_STUCK_SECOND_MS 60000

typedef struct crew crew;

typedef struct {
    const rostrum_engine *engine; /* borrowed */
    rostrum_model *model;         /* borrowed */
    unsigned threads, slots;
    wire *out; /* borrowed */
} crew_config;

/* ERR_MEMORY: also when a thread could not be started. */
MUST_CHECK status crew_create(const crew_config *config, crew **out, diag *d);
void crew_destroy(crew *c); /* stops and joins; takes NULL */

/* What the warm-up found. */
typedef struct {
    bool vad, second_pass;
} crew_facts;

/* Warms all threads up and lets them work. ERR_ENGINE: d has the engine's reason. */
MUST_CHECK status crew_start(crew *c, crew_facts *out, diag *d);

/* I/O thread only: */
slot *crew_slot(crew *c, unsigned i); /* i < slots */
void crew_post(crew *c, unsigned i);  /* the slot got something */

/* Slots, pressure, lateness and queue age since the last call; rss and cpu are left.
 * Call it every LIMIT_HEARTBEAT_MS: it also watches for units that do not end, and
 * returns false when one is stuck. */
bool crew_report(crew *c, engine_load *out);

#endif
