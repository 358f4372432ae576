/* serve/api/transcript.h: the words of a whole file, and the five ways OpenAI's
 * transcription API writes them. Pure but for memory. One thread at a time. */
#ifndef ROSTRUM_SERVE_TRANSCRIPT_H
#define ROSTRUM_SERVE_TRANSCRIPT_H

#include "base/buf.h"
#include "engine/proto.h"

typedef enum {
    TRANSCRIPT_JSON,
    TRANSCRIPT_TEXT,
    TRANSCRIPT_VERBOSE,
    TRANSCRIPT_SRT,
    TRANSCRIPT_VTT
} transcript_format;

/* false: no such format here. */
bool transcript_format_parse(const char *name, transcript_format *out);
const char *transcript_content_type(transcript_format format);

typedef struct {
    buf text;     /* the words, one blank between */
    buf words;    /* of timed_word */
    buf segments; /* of segment */
} transcript;

void transcript_init(transcript *t);
void transcript_deinit(transcript *t);

/* Appends one utterance as a segment; nothing when it has no words. ERR_MEMORY. */
MUST_CHECK status transcript_add(transcript *t, const engine_text *text);

typedef struct {
    transcript_format format;
    const char *language;
    double duration_s;
    float temperature;
    bool words, segments; /* verbose_json: which granularities */
} transcript_style;

void transcript_write(transcript *t, const transcript_style *style, buf *out);

/* Server-sent events of a streamed answer, with their blank line. */
void transcript_delta_event(transcript *t, const engine_text *text, buf *out);
void transcript_done_event(transcript *t, double duration_s, buf *out);

#endif
