/* engine/moonshine/loudness.h: where speech was last heard, by energy.
 *
 * Only a hint that saves work: the host's voice activity decides what an utterance is.
 * A frame of 20 ms is loud when its power is above 1/400 (-26 dB) of the loudest frame so
 * far, and above 1e-6 (-60 dB of full scale) in any case.
 *
 * Pure; no allocation. */
#ifndef ROSTRUM_MOONSHINE_LOUDNESS_H
#define ROSTRUM_MOONSHINE_LOUDNESS_H

#include <stddef.h>
#include <stdint.h>

#define LOUDNESS_FRAME_SAMPLES 320
#define LOUDNESS_FRAMES_MAX 1536 /* remembered one by one: 30.7 s */

typedef struct {
    double power;       /* sum of squares of the frame in progress */
    size_t in_frame;    /* samples of it */
    size_t samples;     /* seen in all */
    size_t loud_until;  /* samples up to the end of the last loud frame; 0: none */
    size_t loud_frames; /* loud ones in all */
    float peak;         /* power of the loudest frame */
    uint64_t heard[LOUDNESS_FRAMES_MAX / 64]; /* a bit a frame: it was loud */
} loudness;

void loudness_feed(loudness *l, const float *pcm, size_t n);

/* Loud frames that begin in [from, stop) samples. */
size_t loudness_count(const loudness *l, size_t from, size_t stop);

/* Mean power of s16 samples, full scale 1. 0 for n == 0. */
float loudness_power(const int16_t *pcm, size_t n);

#endif
