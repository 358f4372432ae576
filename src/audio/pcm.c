#include "audio/pcm.h"

#include <math.h>
#include <string.h>

#include "audio/g711.h"
#include "base/assert.h"

size_t pcm_sample_bytes(pcm_kind kind) {
    switch (kind) {
    case PCM_S16:
        return 2;
    case PCM_S24:
        return 3;
    case PCM_S32:
    case PCM_F32:
        return 4;
    case PCM_F64:
        return 8;
    case PCM_U8:
    case PCM_MULAW:
    case PCM_ALAW:
        break;
    }
    return 1;
}

int16_t pcm_from_float(float v) {
    if (!(v > -1.0f)) /* NaN as well */
        return v <= -1.0f ? INT16_MIN : 0;
    return v >= 32767.0f / 32768.0f ? INT16_MAX : (int16_t)lrintf(v * 32768.0f);
}

static uint64_t little_endian(const uint8_t *at, size_t n) {
    uint64_t v = 0;
    for (size_t i = n; i-- > 0;)
        v = v << 8 | at[i];
    return v;
}

static int16_t one(pcm_kind kind, const uint8_t *at) {
    switch (kind) {
    case PCM_U8:
        return (int16_t)((*at - 128) * 256);
    case PCM_S16:
        return (int16_t)little_endian(at, 2);
    case PCM_S24:
        return (int16_t)little_endian(at + 1, 2);
    case PCM_S32:
        return (int16_t)little_endian(at + 2, 2);
    case PCM_F32: {
        uint32_t bits = (uint32_t)little_endian(at, 4);
        float v;
        memcpy(&v, &bits, sizeof v);
        return pcm_from_float(v);
    }
    case PCM_F64: {
        uint64_t bits = little_endian(at, 8);
        double v;
        memcpy(&v, &bits, sizeof v);
        return pcm_from_float(v > 2 ? 2 : v < -2 ? -2 : (float)v);
    }
    case PCM_MULAW:
        return g711_mulaw(*at);
    case PCM_ALAW:
        return g711_alaw(*at);
    }
    return 0;
}

void pcm_to_mono(pcm_kind kind, const uint8_t *bytes, unsigned channels, size_t frames,
                 int16_t *out) {
    ASSERT(channels >= 1);
    ASSERT(channels <= PCM_CHANNELS_MAX);
    const size_t step = pcm_sample_bytes(kind);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (kind == PCM_S16 && channels == 1) {
        memcpy(out, bytes, frames * sizeof *out);
        return;
    }
#endif
    for (size_t i = 0; i < frames; i++) {
        int sum = 0;
        for (unsigned c = 0; c < channels; c++, bytes += step)
            sum += one(kind, bytes);
        out[i] = (int16_t)(sum / (int)channels);
    }
}
