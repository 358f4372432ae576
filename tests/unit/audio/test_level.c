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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_square_wave_at_full_scale_is_0_dbfs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
