#include "engine/moonshine/loudness.h"

#define LOUD_SHARE (1.0f / 400.0f)
#define LOUD_POWER 1e-6f

static void close_frame(loudness *l) {
    float power = (float)(l->power / LOUDNESS_FRAME_SAMPLES);
    if (power > l->peak)
        l->peak = power;
    if (power > LOUD_POWER && power > l->peak * LOUD_SHARE) {
        l->loud_until = l->samples;
        l->loud_frames++;
        size_t frame = l->samples / LOUDNESS_FRAME_SAMPLES - 1;
        if (frame < LOUDNESS_FRAMES_MAX)
            l->heard[frame / 64] |= (uint64_t)1 << frame % 64;
    }
    l->power = 0;
    l->in_frame = 0;
}

void loudness_feed(loudness *l, const float *pcm, size_t n) {
    for (size_t i = 0; i < n; i++) {
        l->power += (double)pcm[i] * (double)pcm[i];
        l->samples++;
        if (++l->in_frame == LOUDNESS_FRAME_SAMPLES)
            close_frame(l);
    }
}

size_t loudness_count(const loudness *l, size_t from, size_t stop) {
    size_t n = 0, frame = (from + LOUDNESS_FRAME_SAMPLES - 1) / LOUDNESS_FRAME_SAMPLES;
    for (; frame < LOUDNESS_FRAMES_MAX && frame * LOUDNESS_FRAME_SAMPLES < stop; frame++)
        n += l->heard[frame / 64] >> frame % 64 & 1;
    return n;
}

float loudness_power(const int16_t *pcm, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)pcm[i] * (double)pcm[i];
    return n ? (float)(sum / (double)n / (32768.0 * 32768.0)) : 0;
}
