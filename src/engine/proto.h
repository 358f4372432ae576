/* engine/proto.h: frames between the gateway and a worker.
 *
 * One stream socket (a socketpair inherited by the worker as descriptor 3). A frame
 * is a 16-byte little-endian header and a payload:
 *
 *   offset 0  u32 payload bytes, <= LIMIT_FRAME_BYTES
 *          4  u8  type (engine_frame_type)
 *          5  u8  flags (by type)
 *          6  u16 slot, < LIMIT_WORKER_SLOTS; 0 for frames that concern no slot
 *          8  u32 generation of the slot; frames of another generation are dropped
 *         12  u32 sequence: gateway audio frames count up; events echo nothing
 *
 * Times in events are milliseconds of stream audio since OPEN (audio time, not a
 * clock), so that latencies can be computed from when that audio arrived.
 *
 * The codec is pure: bytes in, values out; the socket is someone else's. Decoders
 * check every length and number: a worker is a separate program and may be broken. */
#ifndef ROSTRUM_ENGINE_PROTO_H
#define ROSTRUM_ENGINE_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/limits.h"

#define ENGINE_PROTO_VERSION 1
#define ENGINE_HEADER_BYTES 16

typedef enum {
    /* gateway -> worker */
    FRAME_HELLO = 1, /* engine_hello as JSON: what to load, limits */
    FRAME_OPEN,      /* engine_listen: starts a stream in a free slot */
    FRAME_AUDIO,     /* s16 little-endian mono 16 kHz */
    FRAME_COMMIT,    /* end the utterance here (manual turn, Finalize) */
    FRAME_CLEAR,     /* forget the audio of the utterance in progress */
    FRAME_UPDATE,    /* engine_listen: new settings from the next frame on */
    FRAME_CLOSE, /* stop at once; no event but FRAME_CLOSED is sent after it is read */
    FRAME_DRAIN, /* exit when all slots are closed */
    /* worker -> gateway */
    FRAME_READY = 64,     /* engine_facts as JSON: loaded, warmed, slots offered */
    FRAME_FAILED,         /* UTF-8 sentence: could not load; the worker exits */
    FRAME_LOAD,           /* engine_load: heartbeat */
    FRAME_CREDIT,         /* u32 samples consumed since the last credit of this slot */
    FRAME_SPEECH_STARTED, /* engine_mark */
    FRAME_SPEECH_STOPPED, /* engine_mark */
    FRAME_PARTIAL,        /* engine_text */
    FRAME_FINAL,          /* engine_text; over unless flagged TEXT_FIRST_PASS */
    FRAME_ERROR,          /* UTF-8 sentence; FRAME_CLOSED follows without a FRAME_CLOSE */
    FRAME_CLOSED          /* the slot is free: its next OPEN has another generation */
} engine_frame_type;

/* What a gateway may rely on, per slot and generation:
 * - Utterances count up from 0. Each SPEECH_STARTED is followed by one SPEECH_STOPPED
 *   of the same utterance, or by none after a CLEAR; both only with ENDPOINT_SERVER_VAD.
 * - Each utterance that was started and not cleared ends in one FINAL without
 *   TEXT_FIRST_PASS, perhaps with 0 words (nothing but noise); before it at most one
 *   FINAL with TEXT_FIRST_PASS. These last FINALs come in order of utterance, but the
 *   next utterance's other events may come before them (second passes take time).
 * - Each COMMIT is answered by one such utterance flagged TEXT_BY_COMMIT, an empty one
 *   when there was nothing to commit. COMMIT, CLEAR and UPDATE take effect at the audio
 *   sent before them, not sooner. */

/* flags of FRAME_FAILED */
enum {
    FAILED_BY_SETTING = 1 /* one of the manifest's settings is wrong */
};

/* flags of FRAME_FINAL and FRAME_PARTIAL */
enum {
    TEXT_FIRST_PASS = 1,  /* the live words are complete; a second pass will follow */
    TEXT_SECOND_PASS = 2, /* this text is the second pass's */
    TEXT_BY_COMMIT = 4,   /* the utterance was ended by FRAME_COMMIT */
    TEXT_BY_LIMIT = 8,    /* the utterance was ended by its maximum length */
    TEXT_DEGRADED = 16    /* a second pass was due but did not run in time */
};

typedef struct {
    uint32_t bytes;
    uint8_t type;
    uint8_t flags;
    uint16_t slot;
    uint32_t generation;
    uint32_t sequence;
} engine_header;

typedef enum { ENDPOINT_SERVER_VAD, ENDPOINT_MANUAL } endpoint_mode;

/* Settings of one listen stream, effective for the whole stream until UPDATE. */
typedef struct {
    endpoint_mode endpoint;
    float vad_threshold;        /* 0..1 probability of speech */
    uint32_t prefix_padding_ms; /* audio kept before the start of speech, 0..2000 */
    uint32_t silence_ms;        /* silence that ends an utterance, 50..10000 */
    uint32_t max_utterance_ms;  /* 1000..LIMIT_UTTERANCE_S*1000 */
    bool partials;              /* send FRAME_PARTIAL */
    bool second_pass;           /* run the second pass where the engine has one */
    char language[16];          /* BCP 47 or "" */
    char prompt[1024];          /* private */
} engine_listen;

extern const engine_listen engine_listen_default; /* 0.5, 300, 500, 30 s, true, true */

/* Acoustic truth and when it was decided, both in stream milliseconds. */
typedef struct {
    uint32_t utterance;  /* counts from 0 in this stream */
    uint32_t at_ms;      /* first or last sample of speech */
    uint32_t decided_ms; /* stream position at the decision */
} engine_mark;

typedef struct {
    const char *text;  /* UTF-8, NUL-terminated, borrowed from the payload */
    uint32_t start_ms; /* stream milliseconds */
    uint32_t end_ms;
    float confidence; /* 0..1 or -1 */
} engine_word;

/* A partial or final. Words keep the model's own case and punctuation; joined by one
 * blank they are the transcript. */
typedef struct {
    uint32_t utterance;
    uint32_t start_ms;      /* of the utterance's audio, prefix padding included */
    uint32_t end_ms;        /* stream position decoded up to */
    uint32_t speech_end_ms; /* final: true acoustic end of speech; partial: 0 */
    uint32_t compute_us;    /* CPU time this result took */
    uint32_t queue_us;      /* wall time its work waited for a thread */
    uint32_t committed;     /* words that cannot change any more while live */
    uint32_t corrected;     /* second pass: committed words it changed */
    uint32_t n_words;
    engine_word words[LIMIT_HYPOTHESIS_WORDS];
} engine_text;

/* A worker's state, sent every LIMIT_HEARTBEAT_MS. */
typedef struct {
    uint32_t slots;   /* offered */
    uint32_t open;    /* in use */
    uint32_t rss_kib; /* resident memory */
    uint32_t
        cpu_permille;  /* CPU time over wall time since the last report, 1000 = 1 core */
    uint32_t queue_us; /* oldest piece of work waiting now */
    uint32_t late_permille; /* steps since the last report that missed their deadline */
    float pressure;         /* as rostrum_pressure */
} engine_load;

/* Returns the bytes needed more (the whole header first), or 0: the frame is at hand
 * and *out is filled; or 0 with *out_status ERR_SYNTAX: it breaks a limit, or is of no
 * known type, and the other side is broken. */
size_t proto_frame_need(const uint8_t *data, size_t n, engine_header *out,
                        status *out_status);

/* Each writer appends one whole frame to b. */
void proto_put_empty(buf *b, uint8_t type, uint8_t flags, uint16_t slot,
                     uint32_t generation);
void proto_put_bytes(buf *b, uint8_t type, uint8_t flags, uint16_t slot,
                     uint32_t generation, uint32_t sequence, const void *data, size_t n);
void proto_put_credit(buf *b, uint16_t slot, uint32_t generation, uint32_t samples);
void proto_put_listen(buf *b, uint8_t type, uint16_t slot, uint32_t generation,
                      const engine_listen *listen);
void proto_put_mark(buf *b, uint8_t type, uint16_t slot, uint32_t generation,
                    const engine_mark *mark);
void proto_put_text(buf *b, uint8_t type, uint8_t flags, uint16_t slot,
                    uint32_t generation, const engine_text *text);
void proto_put_load(buf *b, const engine_load *load);

/* Bytes of text[n] before the first that is a NUL or no well-formed UTF-8; n: all good.
 */
size_t proto_utf8_valid(const char *text, size_t n);

/* Each reader takes one payload. ERR_SYNTAX, *out unspecified: not well formed. */
MUST_CHECK status proto_get_listen(const uint8_t *payload, size_t n, engine_listen *out);
MUST_CHECK status proto_get_credit(const uint8_t *payload, size_t n,
                                   uint32_t *out_samples);
MUST_CHECK status proto_get_mark(const uint8_t *payload, size_t n, engine_mark *out);
MUST_CHECK status proto_get_text(const uint8_t *payload, size_t n, engine_text *out);
MUST_CHECK status proto_get_load(const uint8_t *payload, size_t n, engine_load *out);

#endif
