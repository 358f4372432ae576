/* serve/api/listen_out.h: the messages of Deepgram's listen v1, as JSON.
 *
 * Each writer appends one whole message to an empty buffer. Times are seconds. Pure. */
#ifndef ROSTRUM_SERVE_LISTEN_OUT_H
#define ROSTRUM_SERVE_LISTEN_OUT_H

#include "base/buf.h"
#include "base/diag.h"
#include "engine/proto.h"
#include "serve/registry/manifest.h"

typedef struct {
    bool is_final, speech_final, from_finalize;
    bool strip; /* no punctuation and no capitals in the transcript */
} listen_result;

void listen_out_results(const listen_result *how, const engine_text *text,
                        const model_manifest *model, const char *request_id, buf *out);
/* sha256: of all audio bytes, lower-case hex. created: RFC 3339. */
void listen_out_metadata(const char *request_id, const char *sha256, const char *created,
                         double duration_s, unsigned channels,
                         const model_manifest *model, buf *out);
void listen_out_speech_started(uint32_t at_ms, buf *out);
void listen_out_utterance_end(uint32_t last_word_end_ms, buf *out);
/* The body of a refusal: err_code, err_msg, request_id. */
void listen_out_refusal(const diag *d, const char *request_id, buf *out);

#endif
