/* audio/resample.h: s16 mono at one rate to s16 mono at another.
 *
 * A polyphase filter: Kaiser-windowed sinc, pass band to 0.9375 and stop band from 1.0
 * of the lower Nyquist frequency, at least 70 dB down. Its tables are shared by all
 * sessions of a ratio and a session keeps only the filter's reach of samples: 0.5 KiB at
 * 24 kHz, where soxr takes 59 KiB (and 12 ms of delay) at its lowest useful quality.
 *
 * Output sample k lies at input time k * from / to exactly: nothing is shifted. What
 * is held back is half the filter: 4.7 ms, and 9.3 ms from 8 kHz. A second of 24 kHz
 * takes about 1.5 ms of CPU.
 * Two resamplers may be used on two threads; one at a time each.
 */
#ifndef ROSTRUM_AUDIO_RESAMPLE_H
#define ROSTRUM_AUDIO_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define RESAMPLE_RATE_MIN_HZ 4000
#define RESAMPLE_RATE_MAX_HZ 192000

typedef struct resampler resampler;

/* ERR_INVALID: a rate is outside the limits above, or more than 12 times the other. */
MUST_CHECK status resampler_create(uint32_t from_hz, uint32_t to_hz, resampler **out);
void resampler_destroy(resampler *r);

/* Appends int16_t samples to out; out->failed tells of a full buffer. */
void resampler_push(resampler *r, const int16_t *in, size_t n, buf *out);

/* What was held back: ceil(n * to / from) samples came out of the n in all. The next push
 * begins another stream, which hears nothing of this one. */
void resampler_end(resampler *r, buf *out);

#endif
