/* engine/vad_energy.h: loudness of one 32 ms frame, and speech told from it.
 *
 * level = 10 log10(mean(x^2)) dB below full scale, at least LEVEL_SILENCE_DB.
 *
 * vad_energy: the detector for engines without their own. Its floor falls to a quieter
 * frame within about 0.1 s and rises by at most 2 dB a second, so that speech, which has
 * gaps, does not lift it, and a fan that is switched on stops being speech in seconds.
 *
 *   probability = 1 / (1 + exp(-(level - floor - 8) / 2)), 0 below LEVEL_AUDIBLE_DB
 *
 * Pure: no clock, allocation, I/O or globals. Safe from any thread. */
#ifndef ROSTRUM_ENGINE_VAD_ENERGY_H
#define ROSTRUM_ENGINE_VAD_ENERGY_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_SAMPLES 512 /* 32 ms at 16 kHz: what voice detectors take */
#define FRAME_PIECES 4    /* 8 ms each: how exactly speech times are told */
#define PIECE_SAMPLES (FRAME_SAMPLES / FRAME_PIECES)

#define LEVEL_SILENCE_DB (-100.0f)
#define LEVEL_AUDIBLE_DB (-60.0f) /* quieter than any voice a microphone is meant for */

typedef struct {
    float piece_db[FRAME_PIECES];
    float frame_db;
} frame_levels;

/* pcm [FRAME_SAMPLES], -1..1 */
frame_levels levels_measure(const float *pcm);

typedef struct {
    float floor_db;
} vad_energy;

void vad_energy_init(vad_energy *v);

/* Probability of speech, 0..1, and the floor moved by one frame. */
float vad_energy_frame(vad_energy *v, const frame_levels *levels);

#endif
