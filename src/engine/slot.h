/* engine/slot.h: one listen stream inside a worker, from samples to words.
 *
 *   audio -> inbox -> 512-sample frames -> voice detector -> endpoint -> utterance
 *   utterance: engine open, feed, step (partials), finish (final), second pass (final)
 *
 * Between utterances only the detector runs. Work is done in units of at most one
 * engine call that decodes, so that a worker can give the next unit to whoever is more
 * urgent. In silence the engine is not fed past a short tail: what comes after is held
 * on the tape and fed only if speech goes on, so the end of an utterance finds little
 * left to decode.
 *
 * Several utterances of a slot can be in flight: one that is live and SLOT_UTTERANCES - 1
 * that wait for their second pass. When all are taken the slot stops reading its inbox,
 * which stops its credit, which stops the gateway. A second pass that does not come in
 * time is given up and the first pass sent as TEXT_DEGRADED.
 *
 * Threads. slot_open .. slot_rest: the I/O thread. slot_run: any compute thread, one at
 * a time (the scheduler sees to that). slot_second: the second-pass thread. They meet in
 * the slot's lock, which is never held while an engine works.
 * No allocation after slot_create. */
#ifndef ROSTRUM_ENGINE_SLOT_H
#define ROSTRUM_ENGINE_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "engine/inbox.h"
#include "engine/words.h"
#include "rostrum/engine.h"

#define SLOT_UTTERANCES 4

typedef struct slot slot;

/* What slots need from their worker. */
typedef struct {
    const rostrum_engine *engine;
    rostrum_model *model;
    bool second_pass; /* this model has one */
    void *context;
    uint64_t (*now_us)(void *context); /* monotonic */
    uint64_t (*cpu_us)(void *context); /* used by the calling thread */
    float (*pressure)(void *context);
    /* Queues slot_second(slot, utterance). False: the queue is full. Called from
     * slot_run with no lock held. */
    bool (*want_second)(void *context, uint16_t slot, unsigned utterance,
                        uint64_t due_us);
} slot_host;

/* Working memory of one compute thread. */
typedef struct {
    word_list words;
    engine_text text;
    int16_t samples[FRAME_SAMPLES];
    float pcm[FRAME_SAMPLES];
} slot_scratch;

/* What is next after slot_run. */
typedef struct {
    uint64_t due_us;  /* more work, wanted by then; SCHED_NEVER: none now */
    uint64_t wake_us; /* run it then in any case; SCHED_NEVER: no need */
    bool stepped;     /* this unit decoded */
    bool late;        /* and ended after it was wanted */
} slot_next;

/* host is borrowed until slot_destroy. ERR_MEMORY. */
MUST_CHECK status slot_create(const slot_host *host, uint16_t index, slot **out);
void slot_destroy(slot *s); /* takes NULL; nothing may run */

/* ERR_STATE: in use. */
MUST_CHECK status slot_open(slot *s, uint32_t generation, const engine_listen *listen);

/* Audio or a command for the stream. ERR_NOT_FOUND: it is of another generation, or its
 * stream is ending: dropped. ERR_LIMIT, ERR_SYNTAX: the gateway broke the protocol; the
 * stream fails with FRAME_ERROR at its next run. */
MUST_CHECK status slot_audio(slot *s, uint32_t generation, const uint8_t *bytes,
                             size_t n);
MUST_CHECK status slot_command(slot *s, uint32_t generation, uint8_t type,
                               const engine_listen *update);

/* Ends the stream: engine work stops within one unit, the next run frees the slot.
 * False: another generation, nothing done. */
bool slot_close(slot *s, uint32_t generation);

bool slot_in_use(slot *s);

/* When its inbox is wanted; SCHED_NEVER: nothing to do. */
uint64_t slot_due_us(slot *s);

/* Gives memory back that a stream without audio on its way does not need. Cheap: for
 * every slot, twice a second. */
void slot_rest(slot *s);

/* Does one unit of work; frames for the gateway are appended to out.
 * waited_us: how long it waited for this thread. */
slot_next slot_run(slot *s, uint64_t waited_us, slot_scratch *scratch, buf *out);

/* Runs the second pass of one utterance, if it is still wanted. True: the slot must be
 * run to send what came out. */
bool slot_second(slot *s, unsigned utterance, uint64_t waited_us);

#endif
