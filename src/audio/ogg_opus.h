/* audio/ogg_opus.h: an Ogg Opus stream to s16 mono 16 kHz, as its bytes arrive.
 *
 * Takes one logical stream of one or two channels (mapping family 0 or 1), chained
 * streams one after another; honours pre-skip, output gain and the end trim of the last
 * page. Sources: RFC 6716, RFC 7845, RFC 3533. One thread at a time. */
#ifndef ROSTRUM_AUDIO_OGG_OPUS_H
#define ROSTRUM_AUDIO_OGG_OPUS_H

#include "base/buf.h"
#include "base/diag.h"

typedef struct ogg_opus ogg_opus;

/* A stream may hold at most this many samples a byte (0.5 kbit/s; discontinuous
 * transmission reaches 107) beyond the first second of slack: a few bytes must not
 * become minutes. */
#define OGG_OPUS_SAMPLES_PER_BYTE 256
#define OGG_OPUS_SLACK_SAMPLES 16000
#define OGG_OPUS_HEAD_BYTES_MAX (1u << 20) /* comments with cover art */

MUST_CHECK status ogg_opus_create(ogg_opus **out);
void ogg_opus_destroy(ogg_opus *o);

/* Appends int16_t samples. ERR_SYNTAX, ERR_UNSUPPORTED, ERR_LIMIT, ERR_MEMORY: the stream
 * is over. out->failed tells of a full buffer. */
MUST_CHECK status ogg_opus_push(ogg_opus *o, const uint8_t *bytes, size_t n, buf *out,
                                diag *d);

#endif
