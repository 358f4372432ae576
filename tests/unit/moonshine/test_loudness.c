/* Where speech was last heard. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>

#include <cmocka.h>

#include "engine/moonshine/loudness.h"

/* Feeds ms of a tone of this amplitude in odd pieces. */
static void feed(loudness *l, size_t ms, float amplitude) {
    float pcm[161];
    for (size_t left = ms * 16; left > 0;) {
        size_t n = left < 161 ? left : 161;
        for (size_t i = 0; i < n; i++)
            pcm[i] = amplitude * sinf((float)(l->samples + i) * 0.3f);
        loudness_feed(l, pcm, n);
        left -= n;
    }
}

static void marks_the_end_of_the_last_loud_frame(void **state) {
    (void)state;
    loudness l = {0};
    feed(&l, 100, 0);
    assert_int_equal(l.loud_until, 0);
    feed(&l, 200, 0.3f);
    assert_int_equal(l.loud_until, 300 * 16);
    assert_int_equal(l.loud_frames, 10);
    feed(&l, 400, 0.01f); /* 30 dB below: room noise */
    assert_int_equal(l.loud_until, 300 * 16);
    feed(&l, 20, 0.03f); /* 20 dB below: a soft consonant */
    assert_int_equal(l.loud_until, 720 * 16);
    assert_int_equal(loudness_count(&l, 0, 720 * 16), 11);
    assert_int_equal(loudness_count(&l, 110 * 16, 290 * 16), 9); /* from 120 to 280 ms */
    assert_int_equal(loudness_count(&l, 300 * 16, 700 * 16), 0);
    assert_int_equal(loudness_count(&l, 0, SIZE_MAX), 11);
}

static void hears_nothing_in_silence_however_even(void **state) {
    (void)state;
    loudness l = {0};
    feed(&l, 1000, 0.0005f);
    assert_int_equal(l.loud_frames, 0);
}

static void measures_power_of_full_scale_as_one(void **state) {
    (void)state;
    const int16_t square[] = {-32768, -32768, -32768};
    assert_true(loudness_power(square, 3) == 1.0f);
    assert_true(loudness_power(square, 0) == 0.0f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_the_end_of_the_last_loud_frame),
        cmocka_unit_test(hears_nothing_in_silence_however_even),
        cmocka_unit_test(measures_power_of_full_scale_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
