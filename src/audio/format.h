/* audio/format.h: names for what a client may send. Pure. */
#ifndef ROSTRUM_AUDIO_FORMAT_H
#define ROSTRUM_AUDIO_FORMAT_H

#include <stdint.h>

typedef enum {
    AUDIO_S16LE,    /* linear16, pcm16 */
    AUDIO_F32LE,    /* linear32: IEEE floats, -1..1 */
    AUDIO_MULAW,    /* G.711 mu-law */
    AUDIO_ALAW,     /* G.711 A-law */
    AUDIO_OPUS,     /* one raw Opus packet a message */
    AUDIO_CONTAINER /* bytes of a stream that names itself: Ogg Opus, WAV, FLAC */
} audio_encoding;

typedef struct {
    audio_encoding encoding;
    uint32_t rate_hz; /* LIMIT_CLIENT_RATE_MIN_HZ..MAX; ignored for AUDIO_CONTAINER */
    uint8_t channels; /* 1 or 2; mixed down to one */
} audio_format;

#endif
