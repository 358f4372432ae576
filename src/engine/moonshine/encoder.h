/* engine/moonshine/encoder.h: the Moonshine audio encoder.
 *
 *   pcm[n] (16 kHz, -1..1) -> states[T][width],  T = floor((n - 895) / 384) + 1
 *
 * A frame is 384 samples (24 ms). Attention is over all frames and the first norm over
 * all time: every frame depends on the whole piece, so nothing can be kept from a
 * shorter piece of the same audio.
 *
 * Immutable after load: any thread. */
#ifndef ROSTRUM_MOONSHINE_ENCODER_H
#define ROSTRUM_MOONSHINE_ENCODER_H

#include <stddef.h>

#include "base/diag.h"
#include "engine/moonshine/ort.h"

#define MOONSHINE_FRAME_SAMPLES 384
#define MOONSHINE_SAMPLES_MIN 1600 /* the graph needs 895; less than 100 ms is no speech */

typedef struct moonshine_encoder moonshine_encoder;

/* width: 288 tiny, 416 base. ERR_NOT_FOUND, ERR_INTEGRITY, ERR_MEMORY. */
MUST_CHECK status moonshine_encoder_load(ort *runtime, const char *path, size_t width,
                                         moonshine_encoder **out, diag *d);
void moonshine_encoder_destroy(moonshine_encoder *e); /* takes NULL */

/* Frames of n samples; n >= MOONSHINE_SAMPLES_MIN. Pure. */
size_t moonshine_frames(size_t samples);

/* states [moonshine_frames(n)][width]. ERR_ENGINE. */
MUST_CHECK status moonshine_encode(const moonshine_encoder *e, const float *pcm, size_t n,
                                   float *states, diag *d);

#endif
