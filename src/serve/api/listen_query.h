/* serve/api/listen_query.h: the query of GET /v1/listen (Deepgram listen v1).
 *
 * What we do is read, what changes nothing is taken, and what would be silently left
 * undone (redaction, speakers, a callback ...) is an error that says so. A parameter
 * nobody knows is an error that names the nearest; so is one given twice that can have
 * but one value. Foreign bytes: fuzzed. Pure. */
#ifndef ROSTRUM_SERVE_LISTEN_QUERY_H
#define ROSTRUM_SERVE_LISTEN_QUERY_H

#include "audio/format.h"
#include "base/diag.h"
#include "engine/proto.h"

typedef struct {
    audio_format format;
    char model[64]; /* "" default */
    char language[16];
    char keyterms[1024]; /* keyterm and keywords, joined: the engine's prompt */
    bool interim_results;
    bool vad_events;
    bool strip;          /* punctuate=false: no punctuation, no capitals */
    bool endpointing;    /* false: silence ends results, but never as speech_final */
    uint32_t silence_ms; /* 0: not said */
    uint32_t utterance_end_ms; /* 0: no UtteranceEnd */
    uint32_t max_utterance_ms; /* 0: not said */
    int32_t prefix_padding_ms; /* -1: not said */
    float vad_threshold;       /* -1: not said */
} listen_query;

/* query: raw, without '?'. ERR_INVALID, ERR_UNSUPPORTED: d.field is the parameter. */
MUST_CHECK status listen_query_parse(const char *query, listen_query *out, diag *d);

void listen_query_settings(const listen_query *q, const engine_listen *defaults,
                           engine_listen *out);

#endif
