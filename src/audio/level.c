#include "audio/level.h"

#include <math.h>

#define FULL_SCALE 32768.0

static float decibel(double mean_square) {
    if (!(mean_square > 0))
        return LEVEL_FLOOR_DB;
    double db = 10 * log10(mean_square / (FULL_SCALE * FULL_SCALE));
    return db < LEVEL_FLOOR_DB ? LEVEL_FLOOR_DB : (float)db;
}

void level_init(level_meter *m) {
    *m = (level_meter){0};
}

static void end_frame(level_meter *m) {
    float db = decibel((double)m->frame_sum / LEVEL_FRAME_SAMPLES);
    m->frames[(int)lrintf(-db)]++;
    m->frame_sum = 0;
    m->frame_n = 0;
}

void level_add(level_meter *m, const int16_t *pcm, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int magnitude = pcm[i] < 0 ? -(int)pcm[i] : pcm[i];
        uint64_t square = (uint64_t)((int64_t)magnitude * magnitude);
        m->sum_squares += square;
        m->frame_sum += square;
        m->clipped += magnitude >= INT16_MAX - 1;
        if (magnitude > m->peak)
            m->peak = (uint16_t)magnitude;
        if (++m->frame_n == LEVEL_FRAME_SAMPLES)
            end_frame(m);
    }
    m->samples += n;
}

float level_rms_db(const level_meter *m) {
    return m->samples > 0 ? decibel((double)m->sum_squares / (double)m->samples)
                          : LEVEL_FLOOR_DB;
}

float level_peak_db(const level_meter *m) {
    return decibel((double)m->peak * m->peak);
}

float level_clipped_share(const level_meter *m) {
    return m->samples > 0 ? (float)((double)m->clipped / (double)m->samples) : 0;
}

/* The level that `share` of the frames do not exceed. */
static float quantile(const level_meter *m, double share) {
    uint64_t all = 0;
    for (int i = 0; i <= -LEVEL_FLOOR_DB; i++)
        all += m->frames[i];
    if (all == 0)
        return LEVEL_FLOOR_DB;
    double want = share * (double)all;
    uint64_t under = 0;
    for (int i = -LEVEL_FLOOR_DB; i > 0; i--) {
        under += m->frames[i];
        if ((double)under >= want)
            return (float)-i;
    }
    return 0;
}

float level_noise_db(const level_meter *m) {
    return quantile(m, 0.1);
}

float level_speech_db(const level_meter *m) {
    return quantile(m, 0.9);
}

float level_snr_db(const level_meter *m) {
    return level_speech_db(m) - level_noise_db(m);
}

float level_of(const int16_t *pcm, size_t n) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (uint64_t)((int64_t)pcm[i] * pcm[i]);
    return n > 0 ? decibel((double)sum / (double)n) : LEVEL_FLOOR_DB;
}
