#include "slices.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <spandsp.h>

#define RATE_HZ 16000
#define PI 3.14159265358979323846

slice_random slice_seed(uint64_t seed, const char *name) {
    uint64_t hash = 14695981039346656037u ^ seed;
    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 1099511628211u;
    return (slice_random){hash};
}

uint64_t slice_next(slice_random *r) {
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Evenly spread over -1..1. */
static float even(slice_random *r) {
    return (float)((double)(slice_next(r) >> 11) / 4503599627370496.0 - 1.0);
}

/* Mean power of the frames that hold speech: those within 30 dB of the loudest 20 ms. */
static double speech_power(const float *pcm, size_t n) {
    const size_t frame = RATE_HZ / 50;
    double peak = 0, sum = 0;
    size_t frames = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t at = 0; at + frame <= n; at += frame) {
            double power = 0;
            for (size_t i = 0; i < frame; i++)
                power += (double)pcm[at + i] * pcm[at + i];
            power /= (double)frame;
            if (pass == 0 && power > peak)
                peak = power;
            if (pass == 1 && power >= peak * 1e-3) {
                sum += power;
                frames++;
            }
        }
    }
    return frames > 0 ? sum / (double)frames : 0;
}

static double mean_power(const float *pcm, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)pcm[i] * pcm[i];
    return n > 0 ? sum / (double)n : 0;
}

/* pcm += added, scaled to lie snr_db under the speech in pcm. */
static void mix_at(float *pcm, const float *added, size_t n, double snr_db) {
    double under = mean_power(added, n);
    if (under <= 0)
        return;
    double gain = sqrt(speech_power(pcm, n) / under * pow(10, -snr_db / 10));
    for (size_t i = 0; i < n; i++)
        pcm[i] += (float)(gain * added[i]);
}

/* One delay line with feedback: a comb (late += line) or an all-pass (in place). */
typedef struct {
    float line[2048];
    size_t length, at;
    float feedback;
} echo;

static void echo_set(echo *e, double ms, float feedback) {
    memset(e, 0, sizeof *e);
    e->length = (size_t)(ms * RATE_HZ / 1000);
    e->feedback = feedback;
}

static float comb(echo *e, float x) {
    float y = e->line[e->at];
    e->line[e->at] = x + e->feedback * y;
    e->at = (e->at + 1) % e->length;
    return y;
}

static float all_pass(echo *e, float x) {
    float delayed = e->line[e->at];
    float y = delayed - e->feedback * x;
    e->line[e->at] = x + e->feedback * y;
    e->at = (e->at + 1) % e->length;
    return y;
}

static void reverberate(slice_random *r, echo line[6], float *pcm, size_t n) {
    static const double comb_ms[4] = {29.7, 37.1, 41.1, 43.7};
    const double rt60_s = 0.5;
    for (int i = 0; i < 4; i++) {
        double ms = comb_ms[i] * (1 + 0.05 * even(r));
        echo_set(&line[i], ms, (float)pow(10, -3 * ms / 1000 / rt60_s));
    }
    echo_set(&line[4], 5.0, 0.7f);
    echo_set(&line[5], 1.7, 0.7f);
    for (size_t i = 0; i < n; i++) {
        float late = 0;
        for (int k = 0; k < 4; k++)
            late += comb(&line[k], pcm[i]);
        late = all_pass(&line[5], all_pass(&line[4], late / 4));
        pcm[i] = 0.8f * pcm[i] + 0.55f * late;
    }
}

status slice_far_field(slice_random *r, float *pcm, size_t n) {
    echo *line = calloc(6, sizeof *line);
    float *pink = calloc(n > 0 ? n : 1, sizeof *pink);
    if (line == NULL || pink == NULL) {
        free(line);
        free(pink);
        return ERR_MEMORY;
    }
    reverberate(r, line, pcm, n);
    /* Pink: Kellet's three-pole approximation, within 1 dB over the speech band. */
    float b0 = 0, b1 = 0, b2 = 0;
    for (size_t i = 0; i < n; i++) {
        float white = even(r);
        b0 = 0.99765f * b0 + white * 0.0990460f;
        b1 = 0.96300f * b1 + white * 0.2965164f;
        b2 = 0.57000f * b2 + white * 1.0526913f;
        pink[i] = b0 + b1 + b2 + white * 0.1848f;
    }
    mix_at(pcm, pink, n, 15);
    free(line);
    free(pink);
    return OK;
}

#define BAND_TAPS 255

/* out[i] = in filtered to low..high Hz: Blackman-windowed sinc, centred (no delay). */
static void band_pass(const float *in, float *out, size_t n, double low, double high) {
    float tap[BAND_TAPS];
    const int half = BAND_TAPS / 2;
    for (int k = -half; k <= half; k++) {
        double a = 2 * high / RATE_HZ, b = 2 * low / RATE_HZ;
        double ideal = k == 0 ? a - b : (sin(PI * a * k) - sin(PI * b * k)) / (PI * k);
        double phase = 2 * PI * (k + half) / (BAND_TAPS - 1);
        tap[k + half] =
            (float)(ideal * (0.42 - 0.5 * cos(phase) + 0.08 * cos(2 * phase)));
    }
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (int k = -half; k <= half; k++) {
            long long j = (long long)i - k;
            if (j >= 0 && j < (long long)n)
                sum += (double)tap[k + half] * in[j];
        }
        out[i] = (float)sum;
    }
}

status slice_telephone(float *pcm, size_t n) {
    float *work = calloc(n > 0 ? n : 1, sizeof *work);
    if (work == NULL)
        return ERR_MEMORY;
    band_pass(pcm, work, n, 300, 3400);
    /* Every other sample is the 8 kHz telephone signal; zeros between and the same band
     * again (doubled) bring it back to 16 kHz. */
    for (size_t i = 0; i < n; i++) {
        if (i % 2 != 0) {
            work[i] = 0;
            continue;
        }
        double scaled = work[i] * 32768.0;
        scaled = scaled > 32767 ? 32767 : scaled < -32768 ? -32768 : scaled;
        work[i] =
            (float)ulaw_to_linear(linear_to_ulaw((int)lrint(scaled))) / 32768.0f * 2;
    }
    band_pass(work, pcm, n, 300, 3400);
    free(work);
    return OK;
}

status slice_babble(slice_random *r, float *pcm, size_t n, const int16_t *const *other,
                    const size_t *other_n, size_t n_others) {
    float *sum = calloc(n > 0 ? n : 1, sizeof *sum);
    if (sum == NULL)
        return ERR_MEMORY;
    for (size_t k = 0; k < n_others; k++) {
        if (other_n[k] == 0)
            continue;
        size_t at = (size_t)(slice_next(r) % other_n[k]);
        for (size_t i = 0; i < n; i++, at = (at + 1) % other_n[k])
            sum[i] += (float)other[k][at] / 32768.0f;
    }
    mix_at(pcm, sum, n, 10);
    free(sum);
    return OK;
}
