/* serve/api/realtime_config.h: the settings of a Realtime transcription session.
 *
 * What session.update may change, with our defaults, and the effective session that
 * session.created and session.updated echo. An update changes what it names and
 * leaves the rest, all of it or, on an error, nothing.
 * Schema: OpenAI's RealtimeTranscriptionSessionCreateRequest, and two values of
 * `include` of our own. docs/api-realtime.md is the manual. */
#ifndef ROSTRUM_SERVE_REALTIME_CONFIG_H
#define ROSTRUM_SERVE_REALTIME_CONFIG_H

#include <cjson/cJSON.h>

#include "audio/format.h"
#include "base/buf.h"
#include "base/diag.h"
#include "engine/proto.h"

typedef enum { TURN_MANUAL, TURN_SERVER_VAD, TURN_SEMANTIC_VAD } realtime_turn;
typedef enum {
    DELAY_MINIMAL,
    DELAY_LOW,
    DELAY_MEDIUM,
    DELAY_HIGH,
    DELAY_XHIGH
} realtime_delay;
typedef enum {
    EAGERNESS_AUTO,
    EAGERNESS_LOW,
    EAGERNESS_MEDIUM,
    EAGERNESS_HIGH
} realtime_eagerness;
typedef enum { NOISE_NONE, NOISE_NEAR, NOISE_FAR } realtime_noise;

typedef struct {
    audio_encoding encoding; /* AUDIO_S16LE, or AUDIO_MULAW, AUDIO_ALAW at 8 kHz */
    uint32_t rate_hz; /* 24000 as OpenAI has it; others for pcm are our extension */
    realtime_turn turn;
    realtime_eagerness eagerness;
    realtime_delay delay;
    realtime_noise noise; /* taken and echoed; engines do without */
    float threshold;
    uint32_t prefix_padding_ms;
    uint32_t silence_ms;
    uint32_t max_utterance_ms;
    char model[64]; /* as the client asked; "" default */
    char language[16];
    char *prompt;        /* NULL: none; owned */
    bool logprobs;       /* asked for and accepted; no engine gives any */
    bool partial_events; /* include: rostrum.partial */
    bool final_events;   /* include: rostrum.final */
} realtime_config;

/* Defaults: pcm 24 kHz, server VAD with the listen settings given, delay medium. */
void realtime_config_init(realtime_config *c, const engine_listen *defaults);
void realtime_config_deinit(realtime_config *c);

/* Applies session to a copy of `from`; on OK *out is that copy and the caller's to
 * deinit. ERR_INVALID, ERR_UNSUPPORTED: d.field names the parameter, e.g.
 * "session.audio.input.turn_detection.threshold". */
MUST_CHECK status realtime_config_update(const realtime_config *from,
                                         const engine_listen *defaults,
                                         const cJSON *session, realtime_config *out,
                                         diag *d);

/* One value of `include`; false: not one we know. */
bool realtime_config_include(realtime_config *c, const char *value);

audio_format realtime_config_format(const realtime_config *c);
void realtime_config_listen(const realtime_config *c, engine_listen *out);
/* Deltas carry live committed words (else: words of the last pass only). */
bool realtime_config_live_deltas(const realtime_config *c);

/* The effective session as JSON. model_name: who really listens. */
void realtime_config_write(const realtime_config *c, const char *session_id,
                           const char *model_name, buf *out);

#endif
