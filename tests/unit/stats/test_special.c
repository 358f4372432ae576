/* Tails keep their digits, and quantiles undo them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "stats/special.h"

static void near(double got, double expected, double rel) {
    if (got != expected && !(fabs(got - expected) <= rel * fabs(expected)))
        fail_msg("got %.17g, expected %.17g", got, expected);
}

static void known_values_hold_far_into_the_tails(void **state) {
    (void)state;
    /* 50-digit values, rounded */
    near(stats_normal_cdf(-37), 5.725571222524577e-300, 1e-13);
    near(stats_normal_cdf(-20), 2.7536241186062337e-89, 1e-13);
    near(stats_normal_quantile(1e-300), -37.0470962993612, 1e-13);
    near(stats_normal_quantile(0.975), 1.959963984540054, 1e-14);
    near(stats_gamma_lower(0.1, 0.001), 0.5267685683924451, 1e-13);
    near(stats_gamma_upper(0.1, 0.001), 0.4732314316075549, 1e-13);
    near(stats_beta_lower(1000, 2000, 0.1), 9.042263912501354e-265, 1e-11);
    near(stats_beta_lower(10, 0.1, 0.001), 1.318362267248413e-32, 1e-12);
    near(stats_chi_square_upper(1, 0.001), 0.9747728793699604, 1e-13);
    near(stats_student_upper(1, 0.5), 0.3524163823495668, 1e-14);
    /* closed forms: t with 2 degrees is (1 - t / sqrt(2 + t^2)) / 2, F(2, 2) 1 / (1 + f),
     * chi-square with 2 exp(-x / 2) */
    near(stats_student_upper(2, 3), 0.5 * (1 - 3 / sqrt(11)), 1e-12);
    near(stats_f_upper(2, 2, 9), 0.1, 1e-14);
    near(stats_chi_square_upper(2, 1400), exp(-700), 1e-12);
}

static void the_log_of_the_normal_cdf_goes_on_where_the_cdf_is_zero(void **state) {
    (void)state;
    assert_true(stats_normal_cdf(-50) == 0);
    near(stats_normal_log_cdf(-50), -1254.83136113942, 1e-14); /* DLMF 7.12.1 by hand */
    near(stats_normal_log_cdf(-29.999999), stats_normal_log_cdf(-30.000001), 1e-6);
    near(stats_normal_log_cdf(10), -7.619853024160527e-24, 1e-12);
}

static void quantiles_undo_their_tails(void **state) {
    (void)state;
    static const double p[] = {1e-200, 1e-30, 1e-6, 0.01, 0.3, 0.5, 0.7, 0.99, 1 - 1e-9};
    static const double parameter[] = {0.05, 0.5, 1, 3, 40, 1000, 1e6};
    for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
        near(stats_normal_cdf(stats_normal_quantile(p[i])), p[i], 1e-12);
        near(stats_student_upper(3.7, stats_student_upper_quantile(3.7, p[i])), p[i],
             1e-11);
        for (size_t j = 0; j < sizeof parameter / sizeof *parameter; j++) {
            double a = parameter[j];
            double x = stats_gamma_quantile(a, p[i]);
            if (x > 1e-300)
                near(stats_gamma_lower(a, x), p[i], 1e-9);
            x = stats_gamma_upper_quantile(a, p[i]);
            if (x > 1e-300)
                near(stats_gamma_upper(a, x), p[i], 1e-9);
            x = stats_beta_quantile(a, 2.5, p[i]);
            if (x > 1e-300 && x < 0.99)
                near(stats_beta_lower(a, 2.5, x), p[i], 1e-9);
        }
    }
}

static void the_log_of_beta_does_not_cancel(void **state) {
    (void)state;
    near(stats_log_beta(2, 3), log(1.0 / 12), 1e-14);
    /* B(a, a) tends to sqrt(pi / a) 2^(1 - 2 a) */
    near(stats_log_beta(1e8, 1e8), (1 - 2e8) * log(2) + 0.5 * log(3.14159265358979e-8),
         1e-14);
    /* B(a, 1) = 1 / a, on both sides of where the method changes */
    near(stats_log_beta(1e9, 1), -log(1e9), 1e-13);
    near(stats_log_beta(9.999, 1), -log(9.999), 1e-13);
    double product = 2; /* B(1/2, n) = 2 * 2/3 * 4/5 * .. */
    for (int k = 1; k < 20; k++)
        product *= 2.0 * k / (2 * k + 1);
    near(stats_log_beta(0.5, 20), log(product), 1e-13);
}

static void binomial_and_poisson_tails_add_up(void **state) {
    (void)state;
    double sum = 0;
    for (int k = 0; k <= 7; k++)
        sum += stats_binomial_mass(20, 0.3, k);
    near(stats_binomial_lower(20, 0.3, 7), sum, 1e-13);
    near(stats_binomial_upper(20, 0.3, 8), 1 - sum, 1e-13);
    near(stats_binomial_upper(10, 0.5, 10), 1.0 / 1024, 1e-14);
    assert_true(stats_binomial_lower(5, 0.2, 5) == 1);
    assert_true(stats_binomial_mass(5, 0, 0) == 1 && stats_binomial_mass(5, 1, 5) == 1);
    near(stats_poisson_lower(3, 2), exp(-3) * (1 + 3 + 4.5), 1e-14);
    near(stats_poisson_upper(3, 3), 1 - exp(-3) * 8.5, 1e-14);
    near(stats_poisson_mass(1e6, 1000000), 3.989422471e-4, 1e-9);
}

static void what_is_not_a_probability_is_nan(void **state) {
    (void)state;
    assert_true(isnan(stats_normal_quantile(-0.1)) && isnan(stats_normal_quantile(1.1)));
    assert_true(isnan(stats_normal_cdf(NAN)) && isnan(stats_normal_quantile(NAN)));
    assert_true(isnan(stats_gamma_lower(0, 1)) && isnan(stats_gamma_upper(1, -1)));
    assert_true(isnan(stats_beta_lower(1, 1, 1.5)) &&
                isnan(stats_beta_lower(-1, 1, 0.5)));
    assert_true(isnan(stats_beta_quantile(1, 1, NAN)));
    assert_true(isnan(stats_binomial_lower(5, 0.5, 6)));
    assert_true(isnan(stats_student_upper(3, NAN)) && isnan(stats_f_upper(1, 1, -1)));
    assert_true(stats_gamma_upper(2, INFINITY) == 0 && stats_beta_lower(2, 2, 1) == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values_hold_far_into_the_tails),
        cmocka_unit_test(the_log_of_the_normal_cdf_goes_on_where_the_cdf_is_zero),
        cmocka_unit_test(quantiles_undo_their_tails),
        cmocka_unit_test(the_log_of_beta_does_not_cancel),
        cmocka_unit_test(binomial_and_poisson_tails_add_up),
        cmocka_unit_test(what_is_not_a_probability_is_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
