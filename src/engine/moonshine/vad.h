/* engine/moonshine/vad.h: Silero voice activity (v5) for frames of 32 ms, our own
 * arithmetic.
 *
 *   640 samples (64 of the past, 512 new, 64 mirrored) -> 4 spectra of 129 magnitudes
 *   -> four convolutions over time -> LSTM of 128 -> relu -> probability
 *
 * The weights are read out of silero_vad.onnx and kept as bfloat16: one frame waits for
 * them more than it computes. Windowed sines and cosines are symmetric, so a spectrum is
 * computed from sums and differences of mirrored samples: half the products.
 * Against ONNX Runtime over 241 prompts: probabilities differ by 0.0003 on average, the
 * decision at 0.5 in 11 of 32,401 frames; 200 us a frame become 50 (AVX2, shared
 * machine).
 *
 * All of a stream's memory is a silero_state, zeroed at its start. A model is immutable
 * after load: any thread. A state is one thread at a time. */
#ifndef ROSTRUM_MOONSHINE_VAD_H
#define ROSTRUM_MOONSHINE_VAD_H

#include "base/diag.h"
#include "engine/moonshine/kernels.h"

#define SILERO_FRAME_SAMPLES 512
#define SILERO_CONTEXT_SAMPLES 64
#define SILERO_UNITS 128

typedef struct silero silero;

typedef struct {
    float out[SILERO_UNITS]; /* of the LSTM */
    float cell[SILERO_UNITS];
    float context[SILERO_CONTEXT_SAMPLES];
} silero_state;

/* ERR_NOT_FOUND, ERR_INTEGRITY (d names the constant), ERR_MEMORY. */
MUST_CHECK status silero_load(const char *path, const kernels *set, silero **out,
                              diag *d);
void silero_destroy(silero *v); /* takes NULL */

/* Probability of speech in pcm[512], 0..1. */
float silero_step(const silero *v, silero_state *state, const float *pcm);

#endif
