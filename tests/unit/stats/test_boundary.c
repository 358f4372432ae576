/* Time-uniform boundaries: published values, and that they are crossed as seldom as they
 * promise. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "stats/boundary.h"
#include "stats/rng.h"

static void near(double got, double expected, double abs) {
    if (got != expected && !(fabs(got - expected) <= abs))
        fail_msg("got %.12g, expected %.12g", got, expected);
}

/* The values the confseq package's own tests assert, all at v 100, alpha 0.05. */
static void boundaries_have_the_published_values(void **state) {
    (void)state;
    near(stats_best_rho(100, 0.05, false), 12.60056, 1e-5);
    static const struct {
        stats_mixture_kind kind;
        bool one_sided;
        double log, bound; /* log at s 10 */
    } rows[] = {
        {STATS_NORMAL, false, -0.6510052, 30.35209},
        {STATS_NORMAL, true, -0.06502391, 27.66071},
        {STATS_GAMMA_EXPONENTIAL, true, -0.2490165, 33.02017}, /* c 2 */
        {STATS_GAMMA_POISSON, true, -0.06991219, 30.1949},     /* c 2 */
        {STATS_BETA_BINOMIAL, false, -0.6941012, 31.4308},     /* g 0.2, h 0.8 */
        {STATS_BETA_BINOMIAL, true, -0.07134019, 28.41238},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stats_mixture m =
            rows[i].kind == STATS_NORMAL
                ? stats_normal_mixture(100, 0.05, rows[i].one_sided)
            : rows[i].kind == STATS_GAMMA_EXPONENTIAL
                ? stats_gamma_exponential_mixture(100, 0.05, 2)
            : rows[i].kind == STATS_GAMMA_POISSON
                ? stats_gamma_poisson_mixture(100, 0.05, 2)
                : stats_beta_binomial_mixture(100, 0.05, 0.2, 0.8, rows[i].one_sided);
        near(stats_mixture_log(&m, 10, 100), rows[i].log, 1e-5);
        near(stats_mixture_bound(&m, 100, 0.05), rows[i].bound, 1e-5);
    }
    stats_mixture m = stats_beta_binomial_mixture(100, 0.05, 0.2, 0.8, true);
    near(stats_mixture_bound(&m, 0.32, 0.05), 1.6, 1e-12); /* no larger s is possible */
    near(stats_stitched_bound(100, 0.05, 10, 3, 1.4, 2), 64.48755, 1e-5);
    near(stats_stitched_bound(100, 0.05, 10, -1, 1.4, 2), 28.99389, 1e-5);
    near(stats_distribution_bound(1000, 0.05, 100, 0.85), 0.08204769, 1e-7);
    assert_true(isinf(stats_distribution_bound(99, 0.05, 100, 0.85)));
    near(stats_all_quantiles_bound(0.5, 1000, 0.05, 100, 0.5, 1.4, 2), 68.62803, 1e-5);
    near(stats_all_quantiles_bound(0.9, 1000, 0.05, 100, 0.5, 1.4, 2), 43.72119, 1e-5);
    near(stats_all_quantiles_bound(0.1, 1000, 0.05, 100, 0.5, 1.4, 2), 59.96521, 1e-5);
}

static void a_bound_is_where_the_evidence_reaches_the_threshold(void **state) {
    (void)state;
    const double v[] = {0.5, 10, 1e4, 1e8};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        stats_mixture all[] = {stats_normal_mixture(100, 0.05, true),
                               stats_normal_mixture(100, 0.05, false),
                               stats_gamma_exponential_mixture(100, 0.05, 1),
                               stats_gamma_poisson_mixture(100, 0.05, 1)};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
            double s = stats_mixture_bound(&all[k], v[i], 0.01);
            near(stats_mixture_log(&all[k], s, v[i]), log(100), 1e-6);
        }
    }
}

/* 2,000 walks of 2,000 steps, looked at after every step. */
static void a_walk_ever_crosses_with_chance_alpha_at_most(void **state) {
    (void)state;
    double line[2001], stitched[2001];
    stats_mixture m = stats_normal_mixture(500, 0.05, false);
    for (int n = 1; n <= 2000; n++) {
        line[n] = stats_mixture_bound(&m, n, 0.05);
        stitched[n] = stats_stitched_bound(n, 0.025, 10, 0, 1.4, 2);
    }
    int over = 0;
    int over_stitched = 0;
    for (uint64_t walk = 0; walk < 2000; walk++) {
        stats_rng r = stats_rng_make(11, walk);
        double s = 0;
        bool crossed = false;
        bool crossed_stitched = false;
        for (int n = 1; n <= 2000; n++) {
            s += stats_rng_normal(&r);
            crossed |= fabs(s) >= line[n];
            crossed_stitched |= fabs(s) >= stitched[n];
        }
        over += crossed;
        over_stitched += crossed_stitched;
    }
    assert_in_range(over, 30, 100); /* at most 5 %, and not idle either */
    assert_in_range(over_stitched, 1, 100);
}

/* What boundary.h says of a v_opt ten times off. */
static void tuning_too_early_costs_less_than_too_late(void **state) {
    (void)state;
    for (int one_sided = 0; one_sided <= 1; one_sided++)
        for (int kind = 0; kind <= 1; kind++) {
            double bound[3], v = 100;
            for (int i = 0; i < 3; i++, v *= 10) {
                stats_mixture m =
                    kind ? stats_beta_binomial_mixture(v, 0.05, 0.05, 0.95, one_sided)
                         : stats_normal_mixture(v, 0.05, one_sided);
                bound[i] = stats_mixture_bound(&m, 1000, 0.05);
            }
            double early = bound[0] / bound[1] - 1, late = bound[2] / bound[1] - 1;
            assert_true(early > 0.065 && early < 0.085);
            assert_true(late > 0.255 && late < 0.32);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundaries_have_the_published_values),
        cmocka_unit_test(a_bound_is_where_the_evidence_reaches_the_threshold),
        cmocka_unit_test(tuning_too_early_costs_less_than_too_late),
        cmocka_unit_test(a_walk_ever_crosses_with_chance_alpha_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
