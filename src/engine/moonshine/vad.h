/* engine/moonshine/vad.h: Silero voice activity (v5) for frames of 32 ms.
 *
 * The graph sees 64 samples of the past and 512 new ones and carries a state of 2 x 128.
 * All of a stream's memory is a silero_state, zeroed at its start.
 *
 * A model is immutable after load: any thread. A state is one thread at a time. */
#ifndef ROSTRUM_MOONSHINE_VAD_H
#define ROSTRUM_MOONSHINE_VAD_H

#include "base/diag.h"
#include "engine/moonshine/ort.h"

#define SILERO_FRAME_SAMPLES 512
#define SILERO_CONTEXT_SAMPLES 64
#define SILERO_HIDDEN 256

typedef struct silero silero;

typedef struct {
    float hidden[SILERO_HIDDEN];
    float context[SILERO_CONTEXT_SAMPLES];
} silero_state;

MUST_CHECK status silero_load(ort *runtime, const char *path, silero **out, diag *d);
void silero_destroy(silero *v); /* takes NULL */

/* Probability of speech in pcm[512], 0..1. ERR_ENGINE: *state and *out untouched. */
MUST_CHECK status silero_step(const silero *v, silero_state *state, const float *pcm,
                              float *out, diag *d);

#endif
