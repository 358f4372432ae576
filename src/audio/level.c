#include "audio/level.h"

#include <math.h>

#define FULL_SCALE 32768.0

static float decibel(double mean_square) {
    if (!(mean_square > 0))
        return LEVEL_FLOOR_DB;
    double db = 10 * log10(mean_square / (FULL_SCALE * FULL_SCALE));
    return db < LEVEL_FLOOR_DB ? LEVEL_FLOOR_DB : (float)db;
}

float level_of(const int16_t *pcm, size_t n) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (uint64_t)((int64_t)pcm[i] * pcm[i]);
    return n > 0 ? decibel((double)sum / (double)n) : LEVEL_FLOOR_DB;
}
