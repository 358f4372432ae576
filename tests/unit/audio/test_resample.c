#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audio/resample.h"

#define PI 3.14159265358979323846

static int16_t *tone(uint32_t rate_hz, double hz, size_t n, double amplitude) {
    int16_t *pcm = malloc(n * sizeof *pcm);
    assert_non_null(pcm);
    for (size_t i = 0; i < n; i++)
        pcm[i] = (int16_t)lrint(amplitude * sin(2 * PI * hz * (double)i / rate_hz));
    return pcm;
}

/* The whole of pcm through a new resampler, `step` samples at a time. */
static buf convert(uint32_t rate_hz, const int16_t *pcm, size_t n, size_t step) {
    resampler *r = NULL;
    assert_int_equal(resampler_create(rate_hz, 16000, &r), OK);
    buf out;
    buf_init(&out, 64u << 20);
    for (size_t at = 0; at < n; at += step) {
        size_t take = n - at < step ? n - at : step;
        resampler_push(r, pcm + at, take, &out);
    }
    resampler_end(r, &out);
    assert_false(out.failed);
    resampler_destroy(r);
    return out;
}

/* dB by which what is left after removing the ideal tone lies under the tone. */
static double purity_db(uint32_t rate_hz, double hz) {
    const size_t n = rate_hz / 2;
    int16_t *pcm = tone(rate_hz, hz, n, 20000);
    buf out = convert(rate_hz, pcm, n, 480);
    const int16_t *got = (const int16_t *)(void *)out.data;
    double signal = 0, rest = 0;
    for (size_t k = 400; k < out.size / 2 - 400; k++) {
        double ideal = 20000 * sin(2 * PI * hz * (double)k / 16000);
        signal += ideal * ideal;
        rest += (got[k] - ideal) * (got[k] - ideal);
    }
    free(pcm);
    buf_deinit(&out);
    return 10 * log10(signal / rest);
}

static const uint32_t rates[] = {
    8000,                /* telephone */
    11025,               /* every phase of 640 */
    12000, 22050, 24000, /* OpenAI's pcm16 */
    32000, 44100, 48000, /* browsers */
    96000, 16001,        /* no small ratio: rows are interpolated */
    47999,
};

static void a_tone_in_the_pass_band_keeps_level_place_and_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        for (int k = 0; k < 3; k++) {
            double edge = (rates[i] < 16000 ? rates[i] : 16000) / 2.0 * 0.93;
            static const double part[] = {0.05, 0.4, 1.0};
            double got = purity_db(rates[i], edge * part[k]);
            if (got < 60)
                print_error("%u Hz at %.0f Hz: %.1f dB\n", rates[i], edge * part[k], got);
            assert_true(got >= 60);
        }
}

static void a_tone_above_the_output_band_is_70_db_down(void **state) {
    (void)state;
    static const double above[] = {8100, 9000, 11000, 11900, 20000};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        for (size_t k = 0; k < sizeof above / sizeof above[0]; k++) {
            if (above[k] >= rates[i] / 2.0)
                continue;
            int16_t *pcm = tone(rates[i], above[k], rates[i] / 2, 30000);
            buf out = convert(rates[i], pcm, rates[i] / 2, 960);
            const int16_t *got = (const int16_t *)(void *)out.data;
            double sum = 0;
            size_t n = out.size / 2 - 800;
            for (size_t j = 400; j < 400 + n; j++)
                sum += (double)got[j] * got[j];
            double db = 10 * log10((sum / (double)n + 1e-9) / (30000.0 * 30000.0 / 2));
            if (db > -70)
                print_error("%u Hz, %.0f Hz: %.1f dB\n", rates[i], above[k], db);
            assert_true(db <= -70);
            free(pcm);
            buf_deinit(&out);
        }
}

static void the_pieces_do_not_matter(void **state) {
    (void)state;
    static const size_t steps[] = {1, 7, 160, 513, 100000};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        int16_t *pcm = tone(rates[i], 440, 5000, 12000);
        buf whole = convert(rates[i], pcm, 5000, 5000);
        for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
            buf pieces = convert(rates[i], pcm, 5000, steps[k]);
            assert_int_equal(pieces.size, whole.size);
            assert_memory_equal(pieces.data, whole.data, whole.size);
            buf_deinit(&pieces);
        }
        buf_deinit(&whole);
        free(pcm);
    }
}

static void the_length_is_exact(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 2, 3, 100, 4801};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
            int16_t *pcm = tone(rates[i], 100, lengths[k] + 1, 1000);
            buf out = convert(rates[i], pcm, lengths[k], 333);
            size_t want = (lengths[k] * 16000 + rates[i] - 1) / rates[i];
            assert_int_equal(out.size / 2, want);
            buf_deinit(&out);
            free(pcm);
        }
}

/* What was flushed is all of one stream, and nothing of it is heard in the next. */
static void after_its_end_another_stream_begins(void **state) {
    (void)state;
    int16_t *loud = tone(24000, 440, 2401, 20000);
    int16_t *soft = tone(24000, 900, 2400, 500);
    resampler *r = NULL;
    assert_int_equal(resampler_create(24000, 16000, &r), OK);
    buf both;
    buf_init(&both, 1u << 20);
    resampler_push(r, loud, 2401, &both);
    resampler_end(r, &both);
    size_t first = both.size;
    resampler_push(r, soft, 2400, &both);
    resampler_end(r, &both);
    resampler_end(r, &both); /* nothing more is held */
    buf alone = convert(24000, loud, 2401, 480), next = convert(24000, soft, 2400, 333);
    assert_int_equal(first, alone.size);
    assert_memory_equal(both.data, alone.data, first);
    assert_int_equal(both.size - first, next.size);
    assert_memory_equal(both.data + first, next.data, next.size);
    buf_deinit(&both);
    buf_deinit(&alone);
    buf_deinit(&next);
    resampler_destroy(r);
    free(loud);
    free(soft);
}

static void full_scale_does_not_wrap(void **state) {
    (void)state;
    int16_t pcm[4800];
    for (size_t i = 0; i < 4800; i++)
        pcm[i] = i / 24 % 2 != 0 ? INT16_MAX : INT16_MIN; /* overshoots when filtered */
    buf out = convert(24000, pcm, 4800, 480);
    const int16_t *got = (const int16_t *)(void *)out.data;
    for (size_t k = 40; k < out.size / 2 - 40; k++) {
        size_t in = k * 3 / 2, inside = in % 24;
        if (inside > 4 && inside < 20)
            assert_true(in / 24 % 2 != 0 ? got[k] > 25000 : got[k] < -25000);
    }
    buf_deinit(&out);
}

static void rates_outside_the_limits_are_refused(void **state) {
    (void)state;
    static const uint32_t bad[] = {0, 1, 3999, 192001, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        resampler *r = NULL;
        assert_int_equal(resampler_create(bad[i], 16000, &r), ERR_INVALID);
        assert_int_equal(resampler_create(16000, bad[i], &r), ERR_INVALID);
        assert_null(r);
    }
}

static void up_and_down_again_is_the_same_tone(void **state) {
    (void)state;
    int16_t *pcm = tone(16000, 1000, 8000, 20000);
    resampler *up = NULL;
    assert_int_equal(resampler_create(16000, 24000, &up), OK);
    buf high;
    buf_init(&high, 1u << 20);
    resampler_push(up, pcm, 8000, &high);
    resampler_end(up, &high);
    resampler_destroy(up);
    assert_int_equal(high.size / 2, 12000);
    buf again = convert(24000, (int16_t *)(void *)high.data, 12000, 480);
    assert_int_equal(again.size / 2, 8000);
    for (size_t i = 200; i < 7800; i++)
        assert_in_range(((int16_t *)(void *)again.data)[i] - pcm[i] + 20, 0, 40);
    buf_deinit(&again);
    buf_deinit(&high);
    free(pcm);
}

static void many_rates_come_and_go(void **state) {
    (void)state;
    resampler *held[40];
    for (uint32_t i = 0; i < 40; i++)
        assert_int_equal(resampler_create(8000 + i * 250, 16000, &held[i]), OK);
    for (uint32_t i = 0; i < 40; i++)
        resampler_destroy(held[i]);
    assert_true(purity_db(24000, 1000) > 60);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tone_in_the_pass_band_keeps_level_place_and_shape),
        cmocka_unit_test(a_tone_above_the_output_band_is_70_db_down),
        cmocka_unit_test(the_pieces_do_not_matter),
        cmocka_unit_test(the_length_is_exact),
        cmocka_unit_test(after_its_end_another_stream_begins),
        cmocka_unit_test(full_scale_does_not_wrap),
        cmocka_unit_test(rates_outside_the_limits_are_refused),
        cmocka_unit_test(up_and_down_again_is_the_same_tone),
        cmocka_unit_test(many_rates_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
