/* audio/pcm.h: interleaved samples of any kind to s16 mono. Pure.
 *
 * Channels are averaged. Integers wider than 16 bits are truncated to 16, floats are
 * clipped to -1..1 and a NaN is silence: nothing a client sends may reach an engine as
 * a value outside the 16 bits. */
#ifndef ROSTRUM_AUDIO_PCM_H
#define ROSTRUM_AUDIO_PCM_H

#include <stddef.h>
#include <stdint.h>

#define PCM_CHANNELS_MAX 8 /* 7.1; more is not speech */

typedef enum {
    PCM_U8,
    PCM_S16,
    PCM_S24, /* three bytes, little endian like all of these */
    PCM_S32,
    PCM_F32,
    PCM_F64,
    PCM_MULAW,
    PCM_ALAW
} pcm_kind;

/* Bytes of one sample of one channel. */
size_t pcm_sample_bytes(pcm_kind kind);

int16_t pcm_from_float(float v);

/* frames * channels samples from bytes (any alignment) -> out [frames].
 * 1 <= channels <= PCM_CHANNELS_MAX. */
void pcm_to_mono(pcm_kind kind, const uint8_t *bytes, unsigned channels, size_t frames,
                 int16_t *out);

#endif
