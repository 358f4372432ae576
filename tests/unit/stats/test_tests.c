/* Two-arm tests and corrections: published figures, symmetry, edge cases. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "stats/multiple.h"
#include "stats/tests.h"

static void near(double got, double expected, double rel) {
    if (got != expected && !(fabs(got - expected) <= rel * fabs(expected)))
        fail_msg("got %.17g, expected %.17g", got, expected);
}

static void mann_whitney_counts_and_mirrors(void **state) {
    (void)state;
    const double x[] = {5, 9, 7};
    const double y[] = {1, 8, 2, 3};
    double scratch[40];
    stats_mann_whitney_result r, mirror;
    assert_int_equal(stats_mann_whitney(x, 3, y, 4, scratch, &r), OK);
    assert_int_equal(stats_mann_whitney(y, 4, x, 3, scratch, &mirror), OK);
    near(r.u_x, 10, 0); /* 12 pairs, 8 beats 5 and 7 */
    near(r.superiority, 10.0 / 12, 1e-15);
    assert_true(r.has_exact && !r.has_ties);
    /* of C(7, 3) = 35 orders 4 have U >= 10: one of 12, one of 11, two of 10 */
    near(r.p.greater, 4.0 / 35, 1e-14);
    near(r.p.two_sided, 8.0 / 35, 1e-14);
    near(r.p.greater, mirror.p.less, 1e-14);
    near(r.normal.greater, mirror.normal.less, 1e-14);
}

static void ties_and_size_turn_the_exact_test_off(void **state) {
    (void)state;
    double x[21], y[21], scratch[42];
    for (int i = 0; i < 21; i++) {
        x[i] = 2 * i;
        y[i] = 2 * i + 1;
    }
    stats_mann_whitney_result r;
    assert_int_equal(stats_mann_whitney(x, 20, y, 20, scratch, &r), OK);
    assert_true(r.has_exact);
    near(r.exact.two_sided, r.normal.two_sided, 0.02);
    assert_int_equal(stats_mann_whitney(x, 20, y, 21, scratch, &r), OK);
    assert_true(!r.has_exact && isnan(r.exact.less) && r.p.less == r.normal.less);
    y[0] = 0;
    assert_int_equal(stats_mann_whitney(x, 3, y, 3, scratch, &r), OK);
    assert_true(r.has_ties && !r.has_exact);
}

static void no_evidence_is_p_one_and_nan_is_refused(void **state) {
    (void)state;
    const double same[] = {4, 4, 4};
    const double bad[] = {1, NAN};
    double scratch[8];
    stats_mann_whitney_result r = {.u_x = 77};
    assert_int_equal(stats_mann_whitney(same, 3, same, 3, scratch, &r), OK);
    assert_true(r.p.two_sided == 1 && r.superiority == 0.5);
    assert_int_equal(stats_mann_whitney(same, 3, NULL, 0, scratch, &r), OK);
    assert_true(r.p.two_sided == 1);
    r.u_x = 77;
    assert_int_equal(stats_mann_whitney(same, 3, bad, 2, scratch, &r), ERR_INVALID);
    assert_true(r.u_x == 77);
}

static void welch_has_its_published_value(void **state) {
    (void)state;
    /* Welch by hand: means 3 and 6, variances 2.5 and 10, n 5 each:
     * t = -3 / sqrt(2.5), df = 2.5^2 / ((0.25 + 4) / 4) = 5.882352941 */
    const double x[] = {1, 2, 3, 4, 5};
    const double y[] = {2, 4, 6, 8, 10};
    stats_moments a = stats_moments_of(x, 5);
    stats_moments b = stats_moments_of(y, 5);
    stats_welch_result r = stats_welch(&a, &b);
    near(r.t, -3 / sqrt(2.5), 1e-14);
    near(r.df, 6.25 / 1.0625, 1e-14);
    near(r.p.two_sided, 0.107531, 1e-5); /* R: t.test(1:5, 2 * 1:5) */
    near(r.p.less, r.p.two_sided / 2, 1e-12);
    stats_moments one = {.n = 1, .mean = 8};
    assert_true(stats_welch(&a, &one).p.two_sided == 1);
    stats_moments flat = {.n = 4, .mean = 8};
    stats_moments flat_too = {.n = 4, .mean = 9};
    assert_true(stats_welch(&flat, &flat).p.two_sided == 1);
    assert_true(stats_welch(&flat, &flat_too).p.less == 0);
    assert_true(stats_welch(&flat, &flat_too).p.greater == 1);
}

static void fisher_chi_square_and_mcnemar_are_right(void **state) {
    (void)state;
    stats_p p = stats_fisher(1, 9, 11, 3); /* SciPy 1.10.1 */
    near(p.two_sided, 0.0027594561852200836, 1e-10);
    near(p.greater, 0.9999663480953022, 1e-10);
    near(p.less, 0.0013797280926100418, 1e-10);
    near(stats_fisher(0, 0, 3, 4).two_sided, 1, 1e-15);
    stats_chi_square_result r = stats_sample_ratio(1512488, 1487512, 0.5);
    near(r.chi_square, 207.93352533333334, 1e-12);
    near(r.p, 3.8790233101610236e-47, 1e-9);
    assert_true(stats_sample_ratio(0, 0, 0.5).p == 1);
    assert_true(isnan(stats_sample_ratio(1, 1, 0).p));
    const uint64_t table[] = {10, 20, 30, 0, 20, 10, 30, 0}; /* an empty column */
    r = stats_chi_square_table(table, 2, 4);
    near(r.df, 2, 0);
    near(r.chi_square, 20.0 / 3, 1e-14); /* four cells, (10 - 15)^2 / 15 each */
    near(r.p, exp(-10.0 / 3), 1e-12);
    p = stats_mcnemar(1, 9);
    near(p.two_sided, 22.0 / 1024, 1e-13);
    near(p.less, 11.0 / 1024, 1e-13);
    assert_true(stats_mcnemar(0, 0).two_sided == 1);
}

static void corrections_order_as_they_should(void **state) {
    (void)state;
    const double p[] = {0.04, 0.03, 0.02, 0.01};
    static const struct {
        stats_correction method;
        double expected[4];
    } rows[] = {
        {STATS_BONFERRONI, {0.16, 0.12, 0.08, 0.04}},
        {STATS_HOLM, {0.06, 0.06, 0.06, 0.04}},     /* not 0.04: monotone */
        {STATS_HOCHBERG, {0.04, 0.04, 0.04, 0.04}}, /* the largest carries all */
        {STATS_BH, {0.04, 0.04, 0.04, 0.04}},
        {STATS_BY, {1.0 / 12, 1.0 / 12, 1.0 / 12, 1.0 / 12}}, /* times 25 / 12 */
    };
    size_t order[4];
    double out[4];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(stats_adjust(rows[i].method, p, 4, order, out), OK);
        for (int k = 0; k < 4; k++)
            near(out[k], rows[i].expected[k], 1e-13);
    }
    const double bad[] = {0.1, NAN};
    out[0] = 5;
    assert_int_equal(stats_adjust(STATS_HOLM, bad, 2, order, out), ERR_INVALID);
    assert_true(out[0] == 5);
    assert_int_equal(stats_adjust(STATS_HOLM, NULL, 0, NULL, NULL), OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mann_whitney_counts_and_mirrors),
        cmocka_unit_test(ties_and_size_turn_the_exact_test_off),
        cmocka_unit_test(no_evidence_is_p_one_and_nan_is_refused),
        cmocka_unit_test(welch_has_its_published_value),
        cmocka_unit_test(fisher_chi_square_and_mcnemar_are_right),
        cmocka_unit_test(corrections_order_as_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
