/* serve/session/utterances.h: what a session remembers of its utterances in progress.
 *
 * Clocks: when speech began and ended, in wall time, from which the latencies a person
 * feels are computed. And the promise on partials: a committed word never changes while
 * its utterance is live; only a hash of them is kept, so that checking costs 16 bytes.
 * Pure. One thread at a time. */
#ifndef ROSTRUM_SERVE_UTTERANCES_H
#define ROSTRUM_SERVE_UTTERANCES_H

#include "engine/proto.h"
#include "serve/session/arrivals.h"

/* Utterances whose last final may be outstanding; a second pass lags by one or two. */
#define UTTERANCES_LIVE 8

typedef struct {
    uint32_t utterance;
    bool used;
    bool started;           /* started_at_ms is known */
    uint32_t started_at_ms; /* arrival of the first sample of speech */
    float first_partial_ms; /* -1: none yet */
    float first_pass_ms;    /* -1: none yet */
    uint32_t committed;     /* words committed so far */
    uint64_t hash;          /* of those words */
} utterance_clock;

typedef struct {
    utterance_clock clock[UTTERANCES_LIVE];
} utterances;

/* The clock of an utterance; a new one when it is not there (the oldest gives way). */
utterance_clock *utterances_at(utterances *u, uint32_t utterance);

void utterance_started(utterance_clock *c, const arrivals *a, uint32_t at_ms);

/* Milliseconds from the first sample of speech to now_ms, remembered; -1 when this is
 * not the first partial, or it has no words, or the start is not known. */
float utterance_first_partial(utterance_clock *c, const arrivals *a,
                              const engine_text *text, uint32_t now_ms);

/* Milliseconds from the end of speech, or from committed_at_ms (the last commit) for an
 * utterance that a commit ended, to now_ms. -1: not known. */
float utterance_finalise(const arrivals *a, const engine_text *text, uint8_t flags,
                         uint32_t committed_at_ms, uint32_t now_ms);

/* Checks the live words of a partial or first-pass final against those committed
 * before and remembers them. false: a committed word was changed or taken back. */
bool utterance_keeps_promise(utterance_clock *c, const engine_text *text);

#endif
