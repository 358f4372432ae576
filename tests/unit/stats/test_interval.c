/* Fixed-sample intervals: known values, honest silence, and moments that merge. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "stats/interval.h"
#include "stats/rng.h"

static void is(stats_interval got, double low, double high, double abs) {
    if (!(fabs(got.low - low) <= abs && fabs(got.high - high) <= abs))
        fail_msg("got [%.12g, %.12g], expected [%.12g, %.12g]", got.low, got.high, low,
                 high);
}

static void shares_have_the_published_intervals(void **state) {
    (void)state;
    /* statsmodels 0.13.5 */
    is(stats_wilson(0, 1, 0.95), 0, 0.7934506856227626, 1e-12);
    is(stats_clopper_pearson(0, 1, 0.95), 0, 0.975, 1e-12);
    is(stats_clopper_pearson(0, 1, 0.90), 0, 0.95, 1e-12);
    /* Newcombe 1998, table II, method 10: 56/70 less 48/80, and 9/10 less 3/10 */
    is(stats_newcombe(48, 80, 56, 70, 0.95), 0.0524, 0.3339, 5e-5);
    is(stats_newcombe(3, 10, 9, 10, 0.95), 0.1705, 0.8090, 5e-5);
    is(stats_newcombe(0, 10, 10, 10, 0.95), 0.6075, 1, 5e-5);
}

static void events_have_garwoods_interval(void **state) {
    (void)state;
    is(stats_poisson_interval(0, 0.95), 0, 3.6888794541139363, 1e-12); /* -ln 0.025 */
    is(stats_poisson_interval(10, 0.95), 4.795389, 18.390356, 1e-6);   /* Garwood 1936 */
}

static void means_use_students_t(void **state) {
    (void)state;
    const double x[] = {1, 2, 3, 4, 5}; /* mean 3, variance 2.5, t(4) 2.776445105 */
    stats_moments m = stats_moments_of(x, 5);
    double half = 2.7764451051977987 * sqrt(2.5 / 5);
    is(stats_mean_interval(&m, 0.95), 3 - half, 3 + half, 1e-12);
    /* the same twice: Welch's df is 8, t(8) 2.306004135 */
    half = 2.306004135204166 * sqrt(1);
    is(stats_mean_difference(&m, &m, 0.95), -half, half, 1e-12);
}

static void a_ratio_of_sums_has_the_error_of_its_residuals(void **state) {
    (void)state;
    /* errors y over words x of four speakers; R = 10 / 100, residuals 1 -1 2 -2 */
    const double x[] = {10, 20, 30, 40};
    const double y[] = {2, 1, 5, 2};
    stats_pairs p = {0};
    for (int i = 0; i < 4; i++)
        stats_pairs_add(&p, x[i], y[i]);
    assert_true(fabs(stats_ratio(&p) - 0.1) < 1e-15);
    /* sqrt(10 * 4 / 3) / 100 */
    assert_true(fabs(stats_ratio_standard_error(&p) - sqrt(40.0 / 3) / 100) < 1e-15);
    double half = 3.182446305284263 * sqrt(40.0 / 3) / 100;
    is(stats_ratio_interval(&p, 0.95), 0.1 - half, 0.1 + half, 1e-12);
}

static void no_data_says_nothing_and_broken_data_is_nan(void **state) {
    (void)state;
    is(stats_wilson(0, 0, 0.95), 0, 1, 0);
    is(stats_clopper_pearson(0, 0, 0.95), 0, 1, 0);
    is(stats_newcombe(0, 0, 5, 10, 0.95), -1, 1, 0);
    stats_moments one = {.n = 1, .mean = 3};
    assert_true(isinf(stats_mean_interval(&one, 0.95).high));
    stats_pairs none = {0};
    assert_true(isinf(stats_ratio_interval(&none, 0.95).low) &&
                isnan(stats_ratio(&none)));
    assert_true(isnan(stats_wilson(2, 1, 0.95).low));
    assert_true(isnan(stats_clopper_pearson(1, 2, 1).low));
    assert_true(isnan(stats_wilson(1, 2, NAN).high));
    stats_moments bad = {.n = 5, .mean = NAN};
    assert_true(isnan(stats_mean_interval(&bad, 0.95).low));
}

static void merged_moments_equal_those_of_all_values(void **state) {
    (void)state;
    stats_rng r = stats_rng_make(1, 0);
    stats_moments all = {0}, part[3] = {{0}};
    stats_pairs all_pairs = {0}, pairs[3] = {{0}};
    for (int i = 0; i < 300; i++) {
        double x = 1e6 + stats_rng_normal(&r);
        double y = stats_rng_normal(&r) + (x - 1e6);
        stats_moments_add(&all, x);
        stats_moments_add(&part[i % 7 % 3], x);
        stats_pairs_add(&all_pairs, x, y);
        stats_pairs_add(&pairs[i % 7 % 3], x, y);
    }
    stats_moments m = {0};
    stats_pairs p = {0};
    for (int i = 0; i < 3; i++) {
        stats_moments_merge(&m, &part[i]);
        stats_pairs_merge(&p, &pairs[i]);
    }
    assert_true(m.n == 300 && fabs(m.mean - all.mean) < 1e-8);
    assert_true(fabs(m.m2 - all.m2) < 1e-6 * all.m2);
    assert_true(fabs(p.c_xx - all_pairs.c_xx) < 1e-6 * all_pairs.c_xx);
    assert_true(fabs(p.c_xy - all_pairs.c_xy) < 1e-6 * all_pairs.c_xx);
    assert_true(fabs(p.c_yy - all_pairs.c_yy) < 1e-6 * all_pairs.c_yy);
    assert_true(fabs(p.c_xx - m.m2) < 1e-6 * m.m2);
    assert_true(all_pairs.c_xy > 200); /* y follows x */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_have_the_published_intervals),
        cmocka_unit_test(events_have_garwoods_interval),
        cmocka_unit_test(means_use_students_t),
        cmocka_unit_test(a_ratio_of_sums_has_the_error_of_its_residuals),
        cmocka_unit_test(no_data_says_nothing_and_broken_data_is_nan),
        cmocka_unit_test(merged_moments_equal_those_of_all_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
