/* serve/api/realtime_out.h: the events a Realtime server says, as JSON.
 *
 * Each writer appends one whole event to an empty buffer. Field by field as in OpenAI's
 * types, which clients check (a known event with one wrong field is dropped silently).
 * Pure. Any thread. */
#ifndef ROSTRUM_SERVE_REALTIME_OUT_H
#define ROSTRUM_SERVE_REALTIME_OUT_H

#include "base/buf.h"
#include "base/diag.h"
#include "engine/proto.h"
#include "serve/api/realtime_items.h"
#include "serve/session/listen.h"

/* Who speaks: makes event ids. */
typedef struct {
    const realtime_items *items;
    uint32_t events; /* said so far */
} realtime_voice;

/* An event that has nothing but its type. */
void out_plain(realtime_voice *v, const char *type, buf *out);
/* session_json: the effective session. */
void out_session(realtime_voice *v, const char *type, const char *session_json, buf *out);
/* code: OpenAI's own, or NULL for the one of d. event_id: the client event at fault, ""
 * when it had none. */
void out_error(realtime_voice *v, const diag *d, const char *code, const char *event_id,
               buf *out);
/* speech_started, speech_stopped: `field` is audio_start_ms or audio_end_ms. */
void out_speech(realtime_voice *v, const char *type, uint32_t number, const char *field,
                uint32_t ms, buf *out);
void out_committed(realtime_voice *v, uint32_t number, buf *out);
/* conversation.item.added, done, retrieved; previous: tell the item before it. */
void out_item(realtime_voice *v, const char *type, realtime_item *item, bool previous,
              buf *out);
void out_item_deleted(realtime_voice *v, uint32_t number, buf *out);
void out_delta(realtime_voice *v, uint32_t number, const char *delta, buf *out);
void out_completed(realtime_voice *v, realtime_item *item, buf *out);
void out_failed(realtime_voice *v, uint32_t number, const diag *d, buf *out);
/* Ours: rostrum.transcription.partial and .final. */
void out_partial(realtime_voice *v, uint32_t number, const engine_text *text, buf *out);
void out_final(realtime_voice *v, uint32_t number, uint8_t flags, const engine_text *text,
               const listen_timing *timing, buf *out);

#endif
