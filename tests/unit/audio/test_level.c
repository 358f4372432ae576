#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audio/level.h"

static void fill(int16_t *pcm, size_t n, int amplitude) {
    for (size_t i = 0; i < n; i++)
        pcm[i] = (int16_t)(i % 2 != 0 ? amplitude : -amplitude);
}

static void a_square_wave_at_full_scale_is_0_dbfs(void **state) {
    (void)state;
    int16_t pcm[1600];
    fill(pcm, 1600, 32767);
    assert_float_equal(level_of(pcm, 1600), 0, 0.01);
    fill(pcm, 1600, 3277);
    assert_float_equal(level_of(pcm, 1600), -20, 0.01);
    fill(pcm, 1600, 0);
    assert_float_equal(level_of(pcm, 1600), LEVEL_FLOOR_DB, 0);
    assert_float_equal(level_of(pcm, 0), LEVEL_FLOOR_DB, 0);
}

static void nothing_measured_is_the_floor(void **state) {
    (void)state;
    level_meter m;
    level_init(&m);
    assert_float_equal(level_rms_db(&m), LEVEL_FLOOR_DB, 0);
    assert_float_equal(level_peak_db(&m), LEVEL_FLOOR_DB, 0);
    assert_float_equal(level_clipped_share(&m), 0, 0);
    assert_float_equal(level_noise_db(&m), LEVEL_FLOOR_DB, 0);
    assert_float_equal(level_snr_db(&m), 0, 0);
}

static void speech_over_noise_shows_both_levels(void **state) {
    (void)state;
    level_meter m;
    level_init(&m);
    int16_t loud[1600], quiet[1600];
    fill(loud, 1600, 10362); /* -10 dBFS */
    fill(quiet, 1600, 103);  /* -50 dBFS */
    for (int i = 0; i < 10; i++)
        level_add(&m, i % 2 != 0 ? loud : quiet, 1600);
    assert_float_equal(level_noise_db(&m), -50, 0.6);
    assert_float_equal(level_speech_db(&m), -10, 0.6);
    assert_float_equal(level_snr_db(&m), 40, 1.1);
    assert_float_equal(level_rms_db(&m), -13.01, 0.05);
    assert_float_equal(level_peak_db(&m), -10, 0.05);
}

static void clipped_samples_are_counted_on_both_sides(void **state) {
    (void)state;
    level_meter m;
    level_init(&m);
    const int16_t pcm[] = {32767, -32768, -32767, 32766, 32765, 0, 0, 0};
    level_add(&m, pcm, 8);
    assert_float_equal(level_clipped_share(&m), 0.5, 1e-6);
}

static void pieces_of_any_size_measure_the_same(void **state) {
    (void)state;
    int16_t pcm[1600];
    for (int i = 0; i < 1600; i++)
        pcm[i] = (int16_t)(i * 37 % 9001 - 4500);
    level_meter a, b;
    level_init(&a);
    level_init(&b);
    level_add(&a, pcm, 1600);
    for (size_t at = 0; at < 1600; at += 100)
        level_add(&b, pcm + at, 100);
    assert_float_equal(level_rms_db(&a), level_rms_db(&b), 0);
    assert_float_equal(level_noise_db(&a), level_noise_db(&b), 0);
    assert_int_equal(b.frame_n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_square_wave_at_full_scale_is_0_dbfs),
        cmocka_unit_test(nothing_measured_is_the_floor),
        cmocka_unit_test(speech_over_noise_shows_both_levels),
        cmocka_unit_test(clipped_samples_are_counted_on_both_sides),
        cmocka_unit_test(pieces_of_any_size_measure_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
