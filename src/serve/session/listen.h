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
 * finalise: arrival of the last sample of speech -> final. */
typedef struct {
    float first_partial_ms;
    float finalise_ms;
    float first_pass_ms; /* as finalise, for the live words */
} listen_timing;

typedef struct {
    void (*speech_started)(void *owner, const engine_mark *mark);
    void (*speech_stopped)(void *owner, const engine_mark *mark);
    void (*partial)(void *owner, uint8_t flags, const engine_text *text);
    void (*final)(void *owner, uint8_t flags, const engine_text *text,
                  const listen_timing *timing);
    void (*room)(void *owner);             /* after listen_audio said ERR_LIMIT */
    void (*lost)(void *owner, status why); /* the session is over; close it */
} listen_events;

/* ERR_CAPACITY, ERR_NOT_FOUND, ERR_UNSUPPORTED, ERR_INVALID: d says why. */
MUST_CHECK status listen_open(app *a, const listen_config *config,
                              const listen_events *events, void *owner,
                              listen_session **out, unsigned *out_retry_after_s, diag *d);

/* Client bytes in the session's format. Takes all or nothing: ERR_LIMIT means pause
 * the connection, keep the bytes, and offer them again after `room`.
 * ERR_SYNTAX: the container or packet is broken (d says where). */
MUST_CHECK status listen_audio(listen_session *s, const uint8_t *bytes, size_t n, diag *d);
/* End of a container stream: flushes decoder and resampler. */
MUST_CHECK status listen_end(listen_session *s, diag *d);

void listen_commit(listen_session *s);
void listen_clear(listen_session *s);
void listen_update(listen_session *s, const engine_listen *listen);
/* Milliseconds of audio taken so far. */
uint64_t listen_audio_ms(const listen_session *s);
void listen_close(listen_session *s); /* takes NULL; nothing is called after it */

#endif
