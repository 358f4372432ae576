/* audio/intake.h: client bytes to s16 mono 16 kHz, as they arrive.
 *
 * bytes -> (container) -> (codec) -> mix down -> resample -> samples. Keeps only what
 * the codec and the resampler need (a PCM session at 16 kHz keeps nothing), so that an
 * idle session is small. One thread at a time. */
#ifndef ROSTRUM_AUDIO_INTAKE_H
#define ROSTRUM_AUDIO_INTAKE_H

#include "audio/format.h"
#include "base/buf.h"
#include "base/diag.h"

typedef struct audio_intake audio_intake;

/* ERR_UNSUPPORTED, ERR_INVALID: the format is not one we take; d says which are. */
MUST_CHECK status audio_intake_create(const audio_format *format, audio_intake **out,
                                      diag *d);
void audio_intake_destroy(audio_intake *a);

/* Most samples that n further bytes can become (an upper bound, for room checks). */
size_t audio_intake_bound(const audio_intake *a, size_t n);

/* Appends int16_t samples to out. Odd tails of a sample wait for the next call.
 * ERR_SYNTAX: broken packet or container; the intake must then be destroyed. */
MUST_CHECK status audio_intake_push(audio_intake *a, const uint8_t *bytes, size_t n,
                                    buf *out, diag *d);
/* Flushes codec and resampler. */
MUST_CHECK status audio_intake_end(audio_intake *a, buf *out, diag *d);

#endif
