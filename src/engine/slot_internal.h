/* engine/slot_internal.h: what slot.c, slot_audio.c and slot_text.c share. For no one
 * else. Unless said otherwise a field belongs to whoever runs the slot. */
#ifndef ROSTRUM_ENGINE_SLOT_INTERNAL_H
#define ROSTRUM_ENGINE_SLOT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/endpoint.h"
#include "engine/sched.h"
#include "engine/slot.h"
#include "engine/tape.h"

typedef enum {
    UTTERANCE_FREE,
    UTTERANCE_LIVE,     /* fed and stepped */
    UTTERANCE_WAITING,  /* for the second-pass thread */
    UTTERANCE_SECOND,   /* on the second-pass thread */
    UTTERANCE_ANSWERED, /* by the second pass, well or badly */
    UTTERANCE_OVER      /* its final is known and waits for its turn */
} utterance_state;

typedef struct {
    utterance_state state; /* under the slot's lock where a second pass may touch it */
    slot *owner;
    atomic_bool given_up;
    uint32_t number;
    uint8_t flags; /* of its finals: TEXT_BY_COMMIT, TEXT_BY_LIMIT, TEXT_DEGRADED */
    bool silent;   /* cleared: no final */
    bool sent;     /* its last final is out; only the second-pass thread keeps it */
    rostrum_utterance *engine;
    uint64_t from, fed_to, stepped_to, speech_end; /* stream positions */
    uint32_t live_committed;                       /* words that partials had committed */
    bool announced;                                /* SPEECH_STARTED was sent */
    uint64_t compute_us, queue_us;                 /* since the last text */
    uint64_t second_due_us;
    rostrum_hypothesis second; /* engine memory, valid until close */
    int second_result;         /* of the call; valid with `second` when ANSWERED */
    uint64_t second_compute_us, second_queue_us;
    word_list *words; /* of the newest text */
} utterance;

typedef enum { WANT_NOTHING, WANT_STEP, WANT_FINISH } slot_want;

struct slot {
    const slot_host *host;
    uint16_t index;
    void *memory; /* one mapping for all that follows by pointer */
    size_t memory_bytes;
    size_t rest_from, rest_bytes; /* of memory: what slot_rest gives back */

    pthread_mutex_t lock;
    inbox in;            /* under lock */
    bool in_use;         /* under lock */
    uint32_t generation; /* under lock to change; constant while in use */
    const char *broken;  /* under lock: how the gateway broke the protocol, or NULL */
    atomic_bool ending;  /* engine calls give up, nothing more is sent but CLOSED */

    engine_listen listen;
    endpoint ends;
    tape recent;
    vad_energy energy;
    void *vad_state; /* [engine->vad_state_bytes] */
    uint32_t credit;

    utterance utterances[SLOT_UTTERANCES];
    utterance *live;      /* or NULL */
    uint32_t next_number; /* of the next utterance that starts */
    uint32_t next_final;  /* number whose last final is sent next */
    bool continues;       /* speech goes on: the next utterance starts at once */
    endpoint_event start; /* then: where */

    slot_want want;
    uint64_t want_due_us;
    bool failed; /* the engine or the gateway broke; nothing more is decoded */
    bool error_sent;
};

/* One call of slot_run. */
typedef struct {
    slot *s;
    slot_scratch *scratch;
    buf *out;
    uint64_t now_us;
    uint64_t waited_us;
} slot_unit;

/* slot.c: FRAME_ERROR, and the stream ends. text may be NULL. */
void slot_fail(slot_unit *u, const char *text);

/* slot_audio.c: reads the inbox until there is something to decode, or enough was done.
 */
void slot_take_audio(slot_unit *u);

/* slot_text.c */
bool slot_can_begin(slot *s); /* a record is free */
void slot_begin(slot_unit *u, const endpoint_event *start);
void slot_feed_until(slot_unit *u, uint64_t to);
/* Feeds n zeros after the last sample, as far as an utterance may be long. Times stay
 * those of the audio: only the engine hears them. */
void slot_pad(slot_unit *u, uint64_t n);
bool slot_step_due(const slot *s);
void slot_step(slot_unit *u);
void slot_finish(slot_unit *u);
void slot_drop_live(slot_unit *u);      /* CLEAR: no final */
void slot_answer_commit(slot_unit *u);  /* nothing to commit: an empty final */
void slot_send_finals(slot_unit *u);    /* those whose turn it is */
bool slot_release_utterances(slot *s);  /* at the end; false: a second pass runs */
uint64_t slot_second_deadline(slot *s); /* earliest, or SCHED_NEVER */

static inline uint32_t slot_ms(uint64_t position) {
    return (uint32_t)(position / SAMPLES_PER_MS);
}

#endif
