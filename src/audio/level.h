/* audio/level.h: how loud a stretch of audio is.
 *
 * 10 log10 of the mean square, 0 dBFS being a square wave at full scale. Digital silence
 * counts as -100 dB. Pure: no clock, allocation, I/O or globals. */
#ifndef ROSTRUM_AUDIO_LEVEL_H
#define ROSTRUM_AUDIO_LEVEL_H

#include <stddef.h>
#include <stdint.h>

#define LEVEL_FLOOR_DB -100
#define LEVEL_FRAME_SAMPLES 160 /* 10 ms at 16 kHz: a usual stretch to measure */

/* dBFS of pcm [n]; LEVEL_FLOOR_DB for n == 0. */
float level_of(const int16_t *pcm, size_t n);

#endif
