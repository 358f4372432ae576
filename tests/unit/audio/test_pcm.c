#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audio/pcm.h"

static void every_kind_reads_full_scale_and_zero(void **state) {
    (void)state;
    static const struct {
        pcm_kind kind;
        uint8_t bytes[3][8]; /* lowest, silence, highest */
        int16_t want[3];
    } row[] = {
        {PCM_U8, {{0}, {128}, {255}}, {-32768, 0, 32512}},
        {PCM_S16, {{0, 0x80}, {0, 0}, {0xff, 0x7f}}, {-32768, 0, 32767}},
        {PCM_S24, {{9, 0, 0x80}, {9, 0, 0}, {9, 0xff, 0x7f}}, {-32768, 0, 32767}},
        {PCM_S32,
         {{9, 9, 0, 0x80}, {9, 9, 0, 0}, {9, 9, 0xff, 0x7f}},
         {-32768, 0, 32767}},
        /* -1.0f, 0.5f, 1.0f */
        {PCM_F32,
         {{0, 0, 0x80, 0xbf}, {0, 0, 0, 0x3f}, {0, 0, 0x80, 0x3f}},
         {-32768, 16384, 32767}},
        /* -1e300, 0.5, NaN */
        {PCM_F64,
         {{0x9c, 0x75, 0, 0x88, 0x3c, 0xe4, 0x37, 0xfe},
          {0, 0, 0, 0, 0, 0, 0xe0, 0x3f},
          {0, 0, 0, 0, 0, 0, 0xf8, 0x7f}},
         {-32768, 16384, 0}},
        {PCM_MULAW, {{0x00}, {0xff}, {0x80}}, {-32124, 0, 32124}},
        {PCM_ALAW, {{0x2a}, {0xd5}, {0xaa}}, {-32256, 8, 32256}},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        for (int k = 0; k < 3; k++) {
            int16_t got = 1;
            pcm_to_mono(row[i].kind, row[i].bytes[k], 1, 1, &got);
            assert_int_equal(got, row[i].want[k]);
        }
}

static void floats_outside_the_range_are_clipped_and_nan_is_silence(void **state) {
    (void)state;
    assert_int_equal(pcm_from_float(NAN), 0);
    assert_int_equal(pcm_from_float(INFINITY), 32767);
    assert_int_equal(pcm_from_float(-INFINITY), -32768);
    assert_int_equal(pcm_from_float(1.5f), 32767);
    assert_int_equal(pcm_from_float(-0.5f), -16384);
    assert_int_equal(pcm_from_float(0.99999f), 32767);
}

static void channels_are_averaged_without_overflow(void **state) {
    (void)state;
    const int16_t in[] = {32767, 32767, -32768, -32768, 100, -50};
    int16_t out[3];
    pcm_to_mono(PCM_S16, (const uint8_t *)in, 2, 3, out);
    assert_int_equal(out[0], 32767);
    assert_int_equal(out[1], -32768);
    assert_int_equal(out[2], 25);
}

static void bytes_need_no_alignment(void **state) {
    (void)state;
    uint8_t bytes[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    int16_t out[4];
    pcm_to_mono(PCM_S16, bytes + 1, 1, 4, out);
    assert_int_equal(out[0], 0x0201);
    assert_int_equal(out[3], 0x0807);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_reads_full_scale_and_zero),
        cmocka_unit_test(floats_outside_the_range_are_clipped_and_nan_is_silence),
        cmocka_unit_test(channels_are_averaged_without_overflow),
        cmocka_unit_test(bytes_need_no_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
