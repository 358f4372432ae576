/* serve/session/listen.h: one speech-in session: client audio to a worker's words.
 *
 * Owns the way format -> decode -> resample -> level -> slot, the byte budget, the
 * utterance clocks and the session's telemetry. Knows no client protocol; serve/api
 * translates. Loop thread only. */
#ifndef ROSTRUM_SERVE_LISTEN_H
#define ROSTRUM_SERVE_LISTEN_H

#include "audio/format.h"
#include "base/diag.h"
#include "engine/proto.h"
#include "serve/app.h"

typedef struct listen_session listen_session;

typedef struct {
    const char *model;    /* registry name or alias; "" default */
    audio_format format;  /* what the client sends */
    engine_listen listen; /* endpointing, partials, second pass, language, prompt */
    const char *protocol; /* "realtime" | "listen" | "transcriptions": a metric label */
} listen_config;

/* Latencies the session measured for one utterance; ms; -1: not applicable.
 * first_partial: arrival of the first sample of speech -> first non-empty partial out.
 * finalise: arrival of the last sample of speech, or the commit that ended the
 * utterance, whichever was later -> final. */
typedef struct {
    float first_partial_ms;
    float finalise_ms;
    float first_pass_ms; /* as finalise, for the live words */
} listen_timing;

/* None is called from inside a listen_ function. A callback may call listen_close. */
typedef struct {
    void (*speech_started)(void *owner, const engine_mark *mark);
    void (*speech_stopped)(void *owner, const engine_mark *mark);
    void (*partial)(void *owner, uint8_t flags, const engine_text *text);
    /* The utterance is over unless flags has TEXT_FIRST_PASS. */
    void (*final)(void *owner, uint8_t flags, const engine_text *text,
                  const listen_timing *timing);
    /* after listen_audio took less than it was offered, or listen_keeps_up said no */
    void (*room)(void *owner);
    void (*lost)(void *owner, status why); /* the session is over; close it */
} listen_events;

/* The settings a session starts from: the server's configuration. */
void listen_defaults(const app *a, engine_listen *out);

/* ERR_CAPACITY, ERR_NOT_FOUND, ERR_UNSUPPORTED, ERR_INVALID: d says why. `how` is
 * copied; events is borrowed for the life of the session. */
MUST_CHECK status listen_open(app *a, const listen_config *how,
                              const listen_events *events, void *owner,
                              listen_session **out, unsigned *out_retry_after_s, diag *d);

/* Client bytes in the session's format. Takes bytes[0..*out_taken); fewer than n means
 * the slot is full: pause the connection and offer the rest after `room`. A raw Opus
 * packet must come whole and is taken whole or not at all.
 * ERR_SYNTAX: the container or packet is broken (d says where); close the session. */
MUST_CHECK status listen_audio(listen_session *s, const uint8_t *bytes, size_t n,
                               size_t *out_taken, diag *d);
/* End of a container stream: flushes decoder and resampler. No audio may follow. */
MUST_CHECK status listen_end(listen_session *s, diag *d);

/* Another format from the next byte on. The present one is flushed first.
 * ERR_INVALID, ERR_UNSUPPORTED: the present one stays. */
MUST_CHECK status listen_reformat(listen_session *s, const audio_format *format, diag *d);

/* All three take effect at the audio taken before them, however many of them there are:
 * what a worker may hold of them is bounded here. A commit is answered by one utterance
 * whose last final has TEXT_BY_COMMIT, empty when there was nothing; with many of them
 * unanswered nothing more is taken. Of several updates between two pieces of
 * audio the last one counts. listen_clear: ERR_QUOTA, nothing cleared: the worker has
 * come to none of the clears before. */
void listen_commit(listen_session *s);
/* false: audio or commits wait here already; better to go on after `room`. */
bool listen_keeps_up(listen_session *s);
MUST_CHECK status listen_clear(listen_session *s, diag *d);
void listen_update(listen_session *s, const engine_listen *listen);

/* ERR_UNSUPPORTED naming the model's languages; "" always fits. Compares the primary
 * subtag: "en-GB" fits a model of "en". */
MUST_CHECK status listen_language_fits(const model_manifest *m, const char *language,
                                       diag *d);

/* Milliseconds of audio taken so far. */
uint64_t listen_audio_ms(const listen_session *s);
const model_manifest *listen_model(const listen_session *s);
/* Gives back memory that only a talking session needs. Call when it has been quiet. */
void listen_trim(listen_session *s);
void listen_close(listen_session *s); /* takes NULL; nothing is called after it */

#endif
