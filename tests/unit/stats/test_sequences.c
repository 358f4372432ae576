/* Confidence sequences: they agree with their own e-values, hold while one looks again
 * and again, say nothing when there is nothing to say, and find what is there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "stats/rng.h"
#include "stats/sequence_bounded.h"
#include "stats/sequence_fraction.h"
#include "stats/sequence_mean.h"
#include "stats/sequence_quantile.h"
#include "stats/sequence_ratio.h"
#include "stats/sequence_spread.h"
#include "stats/sort.h"

static const stats_side sides[] = {STATS_BOTH_SIDES, STATS_AT_LEAST, STATS_AT_MOST};
static const double log_20 = 2.9957322735539909;

static void near(double got, double expected, double abs) {
    if (got != expected && !(fabs(got - expected) <= abs))
        fail_msg("got %.12g, expected %.12g", got, expected);
}

static void a_mean_interval_ends_where_its_evidence_reaches_the_threshold(void **state) {
    (void)state;
    stats_moments a = {.n = 80, .mean = 1.5, .m2 = 90};
    stats_moments b = {.n = 700, .mean = 1.9, .m2 = 400};
    for (size_t i = 0; i < 3; i++) {
        stats_watch w = stats_watch_of(0.05, 200, sides[i]);
        stats_interval d = stats_mean_difference_sequence(&a, &b, &w);
        assert_true(d.low < 0.4 && d.high > 0.4);
        if (isfinite(d.low))
            near(stats_mean_difference_log_e(&a, &b, d.low, &w), log_20, 1e-8);
        if (isfinite(d.high))
            near(stats_mean_difference_log_e(&a, &b, d.high, &w), log_20, 1e-8);
        assert_true(isfinite(d.low) == (sides[i] != STATS_AT_MOST));
        assert_true(isfinite(d.high) == (sides[i] != STATS_AT_LEAST));
    }
    stats_watch w = stats_watch_of(0.05, 200, STATS_BOTH_SIDES);
    stats_interval d = stats_mean_difference_sequence(&a, &b, &w);
    near(stats_mean_difference_detectable(&a, &b, &w), 0.4 - d.low, 1e-12);
    stats_interval ratio = stats_latency_ratio_sequence(&a, &b, &w);
    near(ratio.low, exp(d.low), 1e-12);
    /* known variance, large n: the normal mixture's closed form */
    stats_moments large = {.n = 1e6, .mean = 0, .m2 = 1e6};
    stats_interval m = stats_mean_sequence(&large, &w);
    double rho = 200 / (2 * log_20 + log1p(2 * log_20));
    near(m.high, sqrt((1e6 + rho) * (log1p(1e6 / rho) + 2 * log_20)) / 1e6, 1e-6);
}

static void a_small_arm_without_bad_ones_is_no_improvement(void **state) {
    (void)state;
    /* 20 zeros against a share of 5 %: its own variance is 0, the pooled one is not */
    stats_moments control = {.n = 180, .mean = 0.05, .m2 = 180 * 0.05 * 0.95};
    stats_moments candidate = {.n = 20};
    stats_watch w = stats_watch_of(0.05, 200, STATS_AT_MOST);
    assert_true(stats_mean_difference_log_e(&control, &candidate, 0, &w) < 1);
}

static void too_little_data_says_nothing(void **state) {
    (void)state;
    stats_watch w = stats_watch_of(0.05, 200, STATS_BOTH_SIDES);
    stats_moments few = {.n = 19, .mean = 5, .m2 = 1};
    stats_moments many = {.n = 2000, .mean = 9, .m2 = 100};
    assert_true(isinf(stats_mean_difference_sequence(&few, &many, &w).low));
    assert_true(stats_mean_difference_log_e(&few, &many, 0, &w) == 0);
    assert_true(isinf(stats_mean_difference_detectable(&few, &many, &w)));
    w.burn_in = 0; /* two values never do */
    stats_moments two = {.n = 2, .mean = 5, .m2 = 1};
    assert_true(isinf(stats_mean_sequence(&two, &w).high));
    stats_count none = {0, 0};
    stats_interval f = stats_fraction_sequence(none, &w);
    assert_true(f.low == 0 && f.high == 1);
    f = stats_fraction_difference_sequence(none, (stats_count){5, 10}, &w);
    assert_true(f.low == -1 && f.high == 1);
    f = stats_fraction_ratio_sequence((stats_count){0, 50}, (stats_count){0, 50}, &w);
    assert_true(f.low == 0 && isinf(f.high));
    stats_shape s = {.n = 99, .m2 = 9, .m4 = 9};
    assert_true(isinf(stats_spread_ratio_sequence(&s, &s, &w).high));
    const double x[] = {1, 2, 3};
    assert_true(isinf(stats_quantile_sequence(x, 3, 0.5, &w).low));
    assert_true(stats_quantile_ab_log_e(x, 3, NULL, 0, 0.5, &w) == 0);
}

static void broken_input_gives_nan(void **state) {
    (void)state;
    stats_watch w = stats_watch_of(0.05, 200, STATS_BOTH_SIDES);
    stats_watch bad = stats_watch_of(NAN, 200, STATS_BOTH_SIDES);
    stats_moments m = {.n = 100, .mean = 5, .m2 = 1};
    stats_moments broken = {.n = 100, .mean = NAN, .m2 = 1};
    assert_true(isnan(stats_mean_difference_sequence(&m, &broken, &w).low));
    assert_true(isnan(stats_mean_sequence(&m, &bad).low));
    assert_true(isnan(stats_mean_difference_log_e(&m, &broken, 0, &w)));
    stats_count more_bad = {11, 10};
    assert_true(isnan(stats_fraction_sequence(more_bad, &w).low));
    assert_true(isnan(stats_fraction_difference_log_e(more_bad, more_bad, 0, &w)));
    assert_true(isnan(stats_ratio_log_e((uint64_t[]){1, 2}, (double[]){1, 0}, 2, 5)));
    stats_betting b;
    stats_betting_init(&b, 0.05);
    assert_int_equal(stats_betting_add(&b, NAN), ERR_INVALID);
    assert_int_equal(stats_betting_add(&b, 1.01), ERR_INVALID);
    assert_true(b.n == 0);
}

static void a_share_has_the_published_interval(void **state) {
    (void)state;
    static const struct {
        uint64_t bad, total;
        double n_opt, low, high;
    } rows[] = {
        {700, 1000, 100, 0.651629, 0.745949}, /* confseq's own tests */
        {15, 50, 50, 0.129556, 0.511896},
        {1, 50, 50, 0, 0.13489}, /* a low end of 0 although one was bad */
        {100, 200, 1, 0.328923, 0.671076},
        {1, 1, 50, 0, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stats_watch w = stats_watch_of(0.05, rows[i].n_opt, STATS_BOTH_SIDES);
        stats_count c = {rows[i].bad, rows[i].total};
        stats_interval f = stats_fraction_sequence(c, &w);
        near(f.low, rows[i].low, 1e-5);
        near(f.high, rows[i].high, 1e-5);
        /* what is good has the mirrored interval */
        stats_count good = {rows[i].total - rows[i].bad, rows[i].total};
        stats_interval g = stats_fraction_sequence(good, &w);
        near(g.low, 1 - f.high, 1e-9);
        near(g.high, 1 - f.low, 1e-9);
    }
}

static void two_shares_compare_both_ways_round(void **state) {
    (void)state;
    stats_count a = {20, 1000};
    stats_count b = {60, 1200};
    for (size_t i = 0; i < 3; i++) {
        stats_watch w = stats_watch_of(0.05, 500, sides[i]);
        stats_watch back = w;
        if (w.side != STATS_BOTH_SIDES)
            back.side = w.side == STATS_AT_LEAST ? STATS_AT_MOST : STATS_AT_LEAST;
        stats_interval d = stats_fraction_difference_sequence(a, b, &w);
        stats_interval e = stats_fraction_difference_sequence(b, a, &back);
        near(d.low, -e.high, 1e-6);
        near(d.high, -e.low, 1e-6);
        assert_true(d.low < 0.03 && d.high > 0.03);
        if (d.low > -1)
            near(stats_fraction_difference_log_e(a, b, d.low, &w), log_20, 1e-5);
        stats_interval r = stats_fraction_ratio_sequence(a, b, &w);
        stats_interval q = stats_fraction_ratio_sequence(b, a, &back);
        assert_true(r.low < 2.5 && r.high > 2.5);
        if (w.side != STATS_AT_MOST)
            near(r.low * q.high, 1, 1e-4);
        /* both must agree on whether the arms differ at all */
        assert_int_equal(r.low > 1, d.low > 0);
    }
    stats_watch w = stats_watch_of(0.05, 500, STATS_AT_LEAST);
    assert_true(stats_fraction_difference_sequence(a, b, &w).low > 0);
    w.side = STATS_AT_MOST;
    assert_true(stats_fraction_difference_sequence(a, b, &w).low == -1);
}

static void evidence_against_a_difference_is_the_least_over_all_pairs(void **state) {
    (void)state;
    static const struct {
        stats_count control, candidate;
    } rows[] = {
        {{3, 30}, {900, 3000}},
        {{0, 400}, {30, 100}},
        {{500, 2000}, {9, 20}},
    };
    const stats_side opposite[] = {STATS_BOTH_SIDES, STATS_AT_MOST, STATS_AT_LEAST};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t k = 0; k < 3; k++) {
            stats_watch w = stats_watch_of(0.05, 500, sides[k]);
            stats_watch down = stats_watch_of(0.05, 500, opposite[k]);
            const double d = 0.05;
            double least = INFINITY;
            for (double p = 1e-4; p < 0.95; p += 1e-4)
                least =
                    fmin(least, stats_fraction_log_e(rows[i].control, p, &down) +
                                    stats_fraction_log_e(rows[i].candidate, p + d, &w));
            double got = stats_fraction_difference_log_e(rows[i].control,
                                                         rows[i].candidate, d, &w);
            /* far below 0 the least may lie at a share nearer 0 than this grid goes */
            near(fmax(got, -5), fmax(least, -5), 0.01);
        }
    }
}

static void quantile_ranks_and_shifts_bracket_the_truth(void **state) {
    (void)state;
    stats_watch w = stats_watch_of(0.05, 500, STATS_BOTH_SIDES);
    stats_ranks r = stats_quantile_ranks(0.5, 1000, &w);
    assert_int_equal(r.low + r.high, 1001); /* the median is symmetric */
    assert_true(r.low > 400 && r.low < 470);
    static double x[1500], y[1500];
    stats_rng g = stats_rng_make(31, 0);
    for (int i = 0; i < 1500; i++) {
        x[i] = stats_rng_normal(&g);
        y[i] = stats_rng_normal(&g) + 1;
    }
    stats_sort(x, 1500);
    stats_sort(y, 1500);
    stats_interval q = stats_quantile_sequence(x, 1500, 0.9, &w);
    assert_true(q.low < 1.2816 && q.high > 1.2816 && q.high - q.low < 0.5);
    stats_interval d = stats_quantile_shift_sequence(x, 1500, y, 1500, 0.5, &w);
    assert_true(d.low > 0.6 && d.low < 1 && d.high > 1 && d.high < 1.4);
    assert_true(stats_quantile_ab_log_e(x, 1500, y, 1500, 0.5, &w) > 20);
    near(stats_quantile_ab_log_e(x, 1500, y, 1500, 0.5, &w),
         stats_quantile_ab_log_e(y, 1500, x, 1500, 0.5, &w), 1e-6);
    /* all values alike: no evidence, whatever the count */
    for (int i = 0; i < 1500; i++)
        x[i] = y[i] = 4;
    assert_true(stats_quantile_ab_log_e(x, 1500, y, 1500, 0.5, &w) < 0);
    /* the least lies between the arms' quantiles: 0..19 against 5..24 */
    for (int i = 0; i < 20; i++) {
        x[i] = i;
        y[i] = i + 5;
    }
    stats_watch small = stats_watch_of(0.05, 100, STATS_BOTH_SIDES);
    assert_true(stats_quantile_ab_log_e(x, 20, y, 20, 0.5, &small) < 0);
}

static void a_wider_spread_is_found_and_merging_changes_nothing(void **state) {
    (void)state;
    stats_rng r = stats_rng_make(32, 0);
    stats_shape a = {0}, b = {0}, whole = {0}, part[2] = {{0}};
    for (int i = 0; i < 3000; i++) {
        double x = stats_rng_exponential(&r);
        stats_shape_add(&a, stats_rng_normal(&r));
        stats_shape_add(&b, 7 + 1.3 * stats_rng_normal(&r));
        stats_shape_add(&whole, x);
        stats_shape_add(&part[i % 5 == 0], x);
    }
    stats_watch w = stats_watch_of(0.05, 500, STATS_BOTH_SIDES);
    stats_interval s = stats_spread_ratio_sequence(&a, &b, &w);
    assert_true(s.low > 1.15 && s.low < 1.3 && s.high > 1.3 && s.high < 1.5);
    /* normal shape: ln of a spread has variance 1 / (2 n) an arm; the mixture by hand */
    stats_shape normal = {.n = 1e4, .m2 = 1e4, .m4 = 3e4};
    double rho = 250 / (2 * log_20 + log1p(2 * log_20));
    double line = sqrt((5000 + rho) * (log1p(5000 / rho) + 2 * log_20));
    s = stats_spread_ratio_sequence(&normal, &normal, &w);
    near(log(s.high), line / sqrt(5000) * sqrt(2 * 0.5e-4), 1e-9);
    stats_shape_merge(&part[0], &part[1]);
    near(part[0].mean, whole.mean, 1e-9);
    near(part[0].m2 / whole.m2, 1, 1e-9);
    near(part[0].m3 / whole.m3, 1, 1e-9);
    near(part[0].m4 / whole.m4, 1, 1e-9);
    near(whole.m3 / whole.n, 2, 0.4); /* of the exponential: 2 and 9 */
    near(whole.m4 / whole.n, 9, 3);
}

static void traffic_out_of_proportion_is_noticed(void **state) {
    (void)state;
    const double equal[] = {1, 1};
    double concentration = stats_ratio_concentration(2000, 0.01);
    uint64_t fine[] = {5030, 4970};
    uint64_t off[] = {5300, 4700};
    assert_true(stats_ratio_log_e(fine, equal, 2, concentration) < 0);
    assert_true(stats_ratio_log_e(off, equal, 2, concentration) > log(100));
    uint64_t none[] = {0, 0, 0};
    const double three[] = {0.8, 0.1, 0.1};
    near(stats_ratio_log_e(none, three, 3, concentration), 0, 1e-12);
    uint64_t missing[] = {8000, 1000, 0};
    assert_true(stats_ratio_log_e(missing, three, 3, concentration) > 100);
    /* by hand: shares 1/2, concentration 2 is the uniform prior: B(3, 2) / (1/2)^3 */
    uint64_t two_one[] = {2, 1};
    near(stats_ratio_log_e(two_one, equal, 2, 2), log(8.0 / 12), 1e-12);
}

static void bets_find_a_bounded_mean(void **state) {
    (void)state;
    static stats_betting a, b;
    stats_betting_init(&a, 0.025);
    stats_betting_init(&b, 0.025);
    stats_rng r = stats_rng_make(35, 0);
    stats_interval before = stats_betting_interval(&a);
    assert_true(before.low == 0 && before.high == 1);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(stats_betting_add(&a, stats_rng_beta(&r, 2, 8)), OK);
        assert_int_equal(stats_betting_add(&b, stats_rng_uniform(&r) < 0.3), OK);
        stats_interval now = stats_betting_interval(&a);
        assert_true(now.low >= before.low && now.high <= before.high);
        before = now;
    }
    assert_true(before.low < 0.2 && before.high > 0.2 && before.high - before.low < 0.03);
    stats_interval d = stats_betting_difference(&a, &b);
    assert_true(d.low > 0 && d.low < 0.1 && d.high > 0.1);
}

/* 400 A/A comparisons of shares and quantiles, 400 sequences of bets, many looks. */
static void nonasymptotic_sequences_hold_under_many_looks(void **state) {
    (void)state;
    stats_watch w = stats_watch_of(0.05, 300, STATS_AT_LEAST);
    int alarms[3] = {0};
    for (uint64_t run = 0; run < 400; run++) {
        stats_rng r = stats_rng_make(34, run);
        static stats_betting bets;
        static double x[400], y[400], sorted_x[400], sorted_y[400];
        stats_betting_init(&bets, 0.05);
        stats_count a = {0}, b = {0};
        bool fired[3] = {false};
        for (int n = 0; n < 400; n++) {
            x[n] = stats_rng_exponential(&r);
            y[n] = stats_rng_exponential(&r);
            a = (stats_count){a.bad + (x[n] > 3), a.total + 1};
            b = (stats_count){b.bad + (y[n] > 3), b.total + 1};
            assert_int_equal(stats_betting_add(&bets, fmin(x[n], 1)), OK);
            stats_interval m = stats_betting_interval(&bets);
            double mean = 1 - exp(-1);
            fired[0] |= mean < m.low || mean > m.high;
            if (n % 40 != 39)
                continue;
            fired[1] |= stats_fraction_difference_log_e(a, b, 0, &w) >= log_20;
            for (int i = 0; i <= n; i++) {
                sorted_x[i] = x[i];
                sorted_y[i] = y[i];
            }
            size_t count = (size_t)n + 1;
            stats_sort(sorted_x, count);
            stats_sort(sorted_y, count);
            fired[2] |= stats_quantile_ab_log_e(sorted_x, count, sorted_y, count, 0.5,
                                                &w) >= log_20;
        }
        for (int i = 0; i < 3; i++)
            alarms[i] += fired[i];
    }
    for (int i = 0; i < 3; i++)
        assert_true(alarms[i] <= 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mean_interval_ends_where_its_evidence_reaches_the_threshold),
        cmocka_unit_test(a_small_arm_without_bad_ones_is_no_improvement),
        cmocka_unit_test(too_little_data_says_nothing),
        cmocka_unit_test(broken_input_gives_nan),
        cmocka_unit_test(a_share_has_the_published_interval),
        cmocka_unit_test(two_shares_compare_both_ways_round),
        cmocka_unit_test(evidence_against_a_difference_is_the_least_over_all_pairs),
        cmocka_unit_test(quantile_ranks_and_shifts_bracket_the_truth),
        cmocka_unit_test(a_wider_spread_is_found_and_merging_changes_nothing),
        cmocka_unit_test(traffic_out_of_proportion_is_noticed),
        cmocka_unit_test(bets_find_a_bounded_mean),
        cmocka_unit_test(nonasymptotic_sequences_hold_under_many_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
