/* audio/wav.h: the head of a WAV stream, byte by byte as it arrives.
 *
 * Takes RIFF and RF64; skips chunks it does not know; ends at the data chunk. A data
 * size of 0, of 0xFFFFFFFF or of 0x7FFFFFxx (what recorders write before they know) means
 * until the end of the stream. Encodings: PCM 8 to 32 bits, IEEE float 32 and 64, G.711
 * both laws, each also as WAVE_FORMAT_EXTENSIBLE. Source: RIFF/WAVE (Microsoft, 1994;
 * extensible 2001), EBU Tech 3306 for RF64.
 * Pure. */
#ifndef ROSTRUM_AUDIO_WAV_H
#define ROSTRUM_AUDIO_WAV_H

#include <stdbool.h>

#include "audio/pcm.h"
#include "base/diag.h"

#define WAV_HEAD_BYTES_MAX (1u << 20) /* chunks before the data; cover art is 100 KiB */

typedef struct {
    pcm_kind kind;
    unsigned channels; /* 1..PCM_CHANNELS_MAX */
    uint32_t rate_hz;
    uint64_t data_bytes; /* UINT64_MAX: until the end */
} wav_format;

typedef struct {
    uint8_t field[40]; /* what is being collected */
    unsigned have, want;
    unsigned state;
    uint64_t skip; /* bytes to pass over before the next field */
    uint64_t seen; /* bytes of the head so far */
    bool have_format;
    wav_format format;
} wav_parser;

void wav_init(wav_parser *p);

/* Consumes up to n bytes; *out_done when the next byte is the first of the data.
 * ERR_SYNTAX: not WAV, or broken; ERR_UNSUPPORTED: an encoding, rate or channel count we
 * do not take; ERR_LIMIT: no data within WAV_HEAD_BYTES_MAX. The parser is then over. */
MUST_CHECK status wav_push(wav_parser *p, const uint8_t *bytes, size_t n,
                           size_t *out_used, bool *out_done, diag *d);

#endif
