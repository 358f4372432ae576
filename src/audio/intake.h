/* audio/intake.h: client bytes to s16 mono 16 kHz, as they arrive.
 *
 * bytes -> (container) -> (codec) -> mix down -> resample -> samples. Keeps only what
 * the codec and the resampler need (a PCM session at 16 kHz keeps nothing, at 24 kHz
 * 0.5 KiB, an Opus session 18 KiB), so that an idle session is small.
 *
 * AUDIO_CONTAINER takes WAV (also of unknown length) and Ogg Opus. FLAC has no
 * push decoder worth its state and is taken as a file only.
 * One thread at a time; any thread. */
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

/* Appends int16_t samples to out. Odd tails of a sample wait for the next call; with
 * AUDIO_OPUS one call is one packet.
 * ERR_SYNTAX, ERR_UNSUPPORTED: broken packet or container, or one we do not take;
 * ERR_LIMIT: it claims more audio than its bytes can hold, or out is full. After an
 * error the intake must be destroyed. */
MUST_CHECK status audio_intake_push(audio_intake *a, const uint8_t *bytes, size_t n,
                                    buf *out, diag *d);
/* What the resampler holds back (up to 9.3 ms), at the end of a stream or of a part that
 * must not run into the next. ERR_LIMIT: out is full. */
MUST_CHECK status audio_intake_flush(audio_intake *a, buf *out, diag *d);

#endif
