/* Seeded numbers repeat, streams differ, and distributions have their moments. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "stats/moments.h"
#include "stats/rng.h"
#include "stats/sort.h"
#include "stats/tests.h"

static void the_generator_is_xoshiro256_starstar(void **state) {
    (void)state;
    stats_rng r = {{1, 2, 3, 4}}; /* the reference's first outputs for this state */
    assert_true(stats_rng_next(&r) == 11520);
    assert_true(stats_rng_next(&r) == 0);
    assert_true(stats_rng_next(&r) == 1509978240);
    assert_true(stats_rng_next(&r) == UINT64_C(1215971899390074240));
}

static void a_seed_repeats_and_streams_differ(void **state) {
    (void)state;
    stats_rng a = stats_rng_make(1, 2);
    stats_rng b = stats_rng_make(1, 2);
    stats_rng c = stats_rng_make(2, 1);
    stats_rng d = stats_rng_make(1, 3);
    for (int i = 0; i < 100; i++) {
        uint64_t x = stats_rng_next(&a);
        assert_true(x == stats_rng_next(&b));
        assert_true(x != stats_rng_next(&c) && x != stats_rng_next(&d));
    }
}

static void bounded_integers_are_even(void **state) {
    (void)state;
    stats_rng r = stats_rng_make(3, 0);
    uint64_t seen[7] = {0};
    const double even[7] = {1, 1, 1, 1, 1, 1, 1};
    for (int i = 0; i < 70000; i++)
        seen[stats_rng_below(&r, 7)]++;
    assert_true(stats_chi_square_fit(seen, even, 7).p > 0.001);
    /* 2^64 / 3 * 2: modulo would give the lower half twice as often */
    uint64_t n = UINT64_C(12297829382473034410);
    uint64_t halves[2] = {0};
    for (int i = 0; i < 10000; i++)
        halves[stats_rng_below(&r, n) >= n / 2]++;
    assert_true(stats_sample_ratio(halves[0], halves[1], 0.5).p > 0.001);
    assert_true(stats_rng_below(&r, 1) == 0);
}

enum { DRAWS = 200000 };

static void has(stats_moments m, double mean, double variance) {
    if (!(fabs(m.mean - mean) < 5 * sqrt(variance / DRAWS) &&
          fabs(stats_variance(&m) / variance - 1) < 0.03))
        fail_msg("mean %g, variance %g; expected %g, %g", m.mean, stats_variance(&m),
                 mean, variance);
}

static void distributions_have_their_moments(void **state) {
    (void)state;
    stats_rng r = stats_rng_make(4, 0);
    stats_moments m[8] = {{0}};
    for (int i = 0; i < DRAWS; i++) {
        stats_moments_add(&m[0], stats_rng_uniform(&r));
        stats_moments_add(&m[1], stats_rng_normal(&r));
        stats_moments_add(&m[2], stats_rng_exponential(&r));
        stats_moments_add(&m[3], stats_rng_gamma(&r, 0.3));
        stats_moments_add(&m[4], stats_rng_gamma(&r, 7));
        stats_moments_add(&m[5], stats_rng_beta(&r, 2, 5));
        stats_moments_add(&m[6], (double)stats_rng_poisson(&r, 3));
        stats_moments_add(&m[7], (double)stats_rng_poisson(&r, 80));
    }
    has(m[0], 0.5, 1.0 / 12);
    has(m[1], 0, 1);
    has(m[2], 1, 1);
    has(m[3], 0.3, 0.3);
    has(m[4], 7, 7);
    has(m[5], 2.0 / 7, 10.0 / (49 * 8));
    has(m[6], 3, 3);
    has(m[7], 80, 80);
}

static void sorting_orders_and_keeps_everything(void **state) {
    (void)state;
    stats_rng r = stats_rng_make(5, 0);
    double x[200], key[200];
    size_t order[200];
    for (size_t n = 0; n <= 200; n++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            key[i] = x[i] = (double)stats_rng_below(&r, 20);
            sum += x[i];
        }
        stats_sort_order(key, n, order);
        stats_sort(x, n);
        for (size_t i = 0; i < n; i++) {
            sum -= x[i];
            assert_true(x[i] == key[order[i]]);
            assert_true(i == 0 || x[i - 1] < x[i] ||
                        (x[i - 1] == x[i] && order[i - 1] < order[i]));
        }
        assert_true(sum == 0);
    }
    const double sorted[] = {1, 2, 3, 3, 5};
    assert_true(stats_sorted_quantile(sorted, 5, 0) == 1);
    assert_true(stats_sorted_quantile(sorted, 5, 1) == 5);
    assert_true(fabs(stats_sorted_quantile(sorted, 5, 0.9) - 4.2) < 1e-12);
    assert_int_equal(stats_count_below(sorted, 5, 3), 2);
    assert_int_equal(stats_count_at_most(sorted, 5, 3), 4);
    assert_int_equal(stats_count_at_most(sorted, 5, 0.5), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generator_is_xoshiro256_starstar),
        cmocka_unit_test(a_seed_repeats_and_streams_differ),
        cmocka_unit_test(bounded_integers_are_even),
        cmocka_unit_test(distributions_have_their_moments),
        cmocka_unit_test(sorting_orders_and_keeps_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
