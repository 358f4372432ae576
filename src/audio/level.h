/* audio/level.h: how loud, how clipped and how noisy a stretch of audio is.
 *
 * Frames of 10 ms are counted by their level in whole dB. Level: 10 log10 of the mean
 * square, 0 dBFS being a square wave at full scale. Clipped: samples within one step of
 * full scale. Noise estimate: the level that a tenth of the frames stay under; speech:
 * the level a tenth exceed; their difference is the signal-to-noise estimate (an upper
 * bound when there is no pause, and about 0 for steady noise). Digital silence counts
 * as -100 dB.
 * Pure: no clock, allocation, I/O or globals. */
#ifndef ROSTRUM_AUDIO_LEVEL_H
#define ROSTRUM_AUDIO_LEVEL_H

#include <stddef.h>
#include <stdint.h>

#define LEVEL_FLOOR_DB -100
#define LEVEL_FRAME_SAMPLES 160 /* 10 ms at 16 kHz */

typedef struct {
    uint32_t frames[101]; /* [-db] of the frames measured, -100..0 dB */
    uint64_t samples, clipped, sum_squares;
    uint64_t frame_sum; /* squares of the frame under way */
    uint32_t frame_n;
    uint16_t peak; /* largest magnitude, 0..32768 */
} level_meter;

void level_init(level_meter *m);
/* pcm [n], 16 kHz. */
void level_add(level_meter *m, const int16_t *pcm, size_t n);

/* dBFS of everything added; LEVEL_FLOOR_DB before any. */
float level_rms_db(const level_meter *m);
float level_peak_db(const level_meter *m);
/* 0..1. */
float level_clipped_share(const level_meter *m);
/* dBFS; LEVEL_FLOOR_DB before the first whole frame. */
float level_noise_db(const level_meter *m);
float level_speech_db(const level_meter *m);
/* speech - noise, dB, >= 0. */
float level_snr_db(const level_meter *m);

/* dBFS of one stretch; LEVEL_FLOOR_DB for n == 0. */
float level_of(const int16_t *pcm, size_t n);

#endif
