/* cli/client.h: one Realtime transcription session, played to and listened to.
 *
 * Connects to /v1/realtime?intent=transcription with our extension events, plays
 * recordings one after another (at the pace of speech, or as fast as TCP takes them)
 * and tells what came back for each. Used by `rostrum try` and `rostrum bench live`.
 *
 * Clocks: a sample is "spoken" at the wall time at which it would leave a microphone;
 * the chunk that holds it is sent when its last sample has been spoken. All latencies
 * run from spoken times to the arrival of an event here, so they hold the chunk, both
 * network ways and the server. Loop thread only. */
#ifndef ROSTRUM_CLI_CLIENT_H
#define ROSTRUM_CLI_CLIENT_H

#include <uv.h>

#include "cli/client_recordings.h"
#include "cli/client_ws.h"

typedef struct client client;

typedef struct {
    const char *url;        /* e.g. http://127.0.0.1:8090 */
    const char *key;        /* API key; "" none */
    const char *model;      /* "" the server's default */
    unsigned chunk_ms;      /* audio a message holds */
    bool paced;             /* else: as fast as it is taken, and no latencies */
    bool whole;             /* no voice detection: one recording is one utterance */
    unsigned gap_ms;        /* silence after a recording; what ends its last utterance */
    unsigned gap_spread_ms; /* up to this much more, at random */
    unsigned delay_ms;      /* before the first sample: staggers streams */
    uint32_t seed;          /* of gaps */
} client_options;

#define CLIENT_LAGS_MAX 512

/* What came back for one recording. Texts are borrowed for the callback. */
typedef struct {
    const recording *played;
    const char *text; /* words of its finals, "" when there were none */
    unsigned finals;  /* utterances it was cut into */
    unsigned partials;
    unsigned revised;        /* partials that changed a word shown before */
    unsigned violations;     /* events that changed a committed word */
    unsigned corrected;      /* committed words a second pass changed */
    unsigned degraded;       /* finals without their second pass */
    double started_ms;       /* uv_hrtime() at which its first sample was spoken; paced */
    double first_partial_ms; /* onset of speech -> first word shown, in a partial or else
                                in the final; -1: none, or unpaced */
    double final_ms;         /* end of speech -> last final */
    double first_pass_ms;    /* as the server measured, -1: not told */
    double server_final_ms;
    float commit_lag_ms[CLIENT_LAGS_MAX]; /* [n_lags] a word's end -> committed here */
    unsigned n_lags;
} client_result;

typedef struct {
    /* The next recording to play, NULL: no more. */
    const recording *(*next)(void *owner);
    /* A live text of the recording being played; may be NULL. */
    void (*partial)(void *owner, const recording *played, const char *before,
                    const char *committed, const char *tentative);
    void (*result)(void *owner, const client_result *result);
    /* Once and last; the client is gone. d.code OK: everything was answered. */
    void (*closed)(void *owner, int http_status, unsigned retry_after_s, const diag *d);
} client_events;

MUST_CHECK status client_create(uv_loop_t *loop, const client_options *options,
                                const client_events *events, void *owner, client **out,
                                diag *d);
/* Plays no further recording; what was played is still answered. */
void client_finish(client *c);

/* Seconds of audio sent so far. */
double client_sent_s(const client *c);

#endif
