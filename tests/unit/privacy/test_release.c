/* Which slices may be shown: the probabilities, and what they promise. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "privacy/release.h"

/* google/differential-privacy, select_partition_test.go: epsilon ln 2, delta 0.1. */
static void the_published_probabilities(void **state) {
    (void)state;
    static const double expected[] = {0, 0.1, 0.3, 0.7, 0.9, 1, 1};
    release_options one = {.epsilon = log(2), .delta = 0.1, .touches = 1};
    release_options two = {.epsilon = 2 * log(2), .delta = 0.2, .touches = 2};
    for (uint64_t n = 0; n < 7; n++) {
        assert_float_equal(release_probability(&one, n), expected[n], 1e-12);
        assert_float_equal(release_probability(&two, n), expected[n], 1e-12);
    }
    assert_true(release_probability(&one, UINT64_MAX) == 1);
    assert_int_equal(release_certain(&one), 5);
}

/* One person more or less changes the odds of either outcome by e^eps and delta only. */
static void one_person_changes_no_more_than_promised(void **state) {
    (void)state;
    static const double epsilons[] = {0.01, 0.3, 1, 4}, deltas[] = {1e-9, 1e-4, 0.05};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 3; j++) {
            release_options o = {epsilons[i], deltas[j], 1, 0};
            double e = exp(o.epsilon), slack = 1e-12;
            for (uint64_t n = 0; n < 3000; n++) {
                double p = release_probability(&o, n);
                double q = release_probability(&o, n + 1);
                assert_true(q >= p && q <= e * p + o.delta + slack);
                assert_true(1 - p <= e * (1 - q) + o.delta + slack);
            }
        }
}

static void a_floor_hides_small_slices_for_certain(void **state) {
    (void)state;
    release_options o = {.epsilon = log(2), .delta = 0.1, .touches = 1, .floor = 20};
    assert_true(release_probability(&o, 19) == 0);
    assert_float_equal(release_probability(&o, 20), 0.1, 1e-12);
    assert_float_equal(release_probability(&o, 22), 0.7, 1e-12);
    assert_int_equal(release_certain(&o), 24);
    assert_false(release_show(&o, 19, 0));
    assert_true(release_show(&o, 20, 0.0999));
    assert_false(release_show(&o, 20, 0.1001));
}

static void senseless_options_are_refused_by_name(void **state) {
    (void)state;
    static const struct {
        release_options options;
        const char *field;
    } rows[] = {
        {{0, 0.1, 1, 0}, "epsilon"},   {{-1, 0.1, 1, 0}, "epsilon"},
        {{NAN, 0.1, 1, 0}, "epsilon"}, {{INFINITY, 0.1, 1, 0}, "epsilon"},
        {{1, 0, 1, 0}, "delta"},       {{1, 1, 1, 0}, "delta"},
        {{1, NAN, 1, 0}, "delta"},     {{1, 0.1, 0, 0}, "touches"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        diag d = DIAG_INIT;
        assert_int_equal(release_check(&rows[i].options, &d), ERR_INVALID);
        assert_string_equal(d.field, rows[i].field);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_probabilities),
        cmocka_unit_test(one_person_changes_no_more_than_promised),
        cmocka_unit_test(a_floor_hides_small_slices_for_certain),
        cmocka_unit_test(senseless_options_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
