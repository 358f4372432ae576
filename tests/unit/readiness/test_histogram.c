/* A histogram's quantiles keep the stated error on any distribution, merging loses
 * nothing, and what OpenTelemetry and Prometheus read is the same counts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "readiness/histogram.h"
#include "stats/rng.h"

static void add(histogram *h, double value) {
    assert_int_equal(histogram_add(h, value), OK);
}

/* The OTLP index a single value lands in at the finest scale. */
static int32_t index_of(double value) {
    static histogram h;
    histogram_init(&h, 1);
    add(&h, value);
    int32_t offset = 0;
    const uint64_t *counts;
    assert_int_equal(histogram_buckets(&h, &offset, &counts), 1);
    assert_int_equal(counts[0], 1);
    return offset;
}

static void bucket_bounds_are_powers_of_the_base_to_the_last_bit(void **state) {
    (void)state;
    for (int octave = -100; octave <= 100; octave += 20) {
        for (int j = 0; j < 128; j++) {
            long double bound = exp2l(octave + j / 128.0L);
            double at = (double)bound; /* the largest double that is not above it */
            if (at > bound)
                at = nextafter(at, 0);
            assert_int_equal(index_of(at), octave * 128 + j - 1);
            assert_int_equal(index_of(nextafter(at, INFINITY)), octave * 128 + j);
        }
    }
    assert_int_equal(index_of(DBL_MAX), 1024 * 128 - 1);
}

typedef double (*draw)(stats_rng *r);

static double lognormal(stats_rng *r) {
    return 300 * exp(0.6 * stats_rng_normal(r));
}
static double exponential(stats_rng *r) {
    return 40 * stats_rng_exponential(r);
}
static double uniform(stats_rng *r) {
    return 100 + 5 * stats_rng_uniform(r);
}
static double pareto(stats_rng *r) {
    return pow(stats_rng_uniform(r), -2);
}
static double two_humps(stats_rng *r) {
    double near = stats_rng_uniform(r) < 0.7 ? 20 : 4000;
    return near * (1 + 0.05 * stats_rng_uniform(r));
}
static double some_zeros(stats_rng *r) {
    return stats_rng_uniform(r) < 0.3 ? 0 : stats_rng_exponential(r);
}
static double constant(stats_rng *r) {
    (void)r;
    return 250;
}
static double whole_ms(stats_rng *r) {
    return ceil(30 * stats_rng_exponential(r));
}
static double all_magnitudes(stats_rng *r) {
    return exp2(600 * stats_rng_uniform(r) - 120);
}

static const struct {
    draw draw;
    double error_max; /* of the scale its range needs */
} distributions[] = {
    {lognormal, 0.0055},     /* speech latencies: a factor of about 200 */
    {exponential, 0.022},    /* down to nearly nothing */
    {uniform, 0.0028},       /* narrow: the finest scale holds */
    {pareto, 0.044},         /* very long tail: 33 octaves */
    {two_humps, 0.0055},     /* nothing in the middle */
    {some_zeros, 0.022},     /* the zero bucket counts towards ranks */
    {constant, 0.0028},      /* clamped to the least and largest: exact */
    {whole_ms, 0.011},       /* ties */
    {all_magnitudes, 0.601}, /* 600 octaves: buckets of two octaves each */
};

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void quantiles_keep_the_relative_error(void **state) {
    (void)state;
    static const double quantiles[] = {0,   0.01, 0.1,  0.25,  0.5,
                                       0.9, 0.95, 0.99, 0.999, 1};
    static const size_t sizes[] = {1, 2, 7, 1000, 20000};
    static double values[20000];
    static histogram h;
    for (size_t d = 0; d < sizeof distributions / sizeof distributions[0]; d++) {
        stats_rng rng = stats_rng_make(11, d);
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            size_t n = sizes[s];
            histogram_init(&h, 250);
            for (size_t i = 0; i < n; i++)
                add(&h, values[i] = distributions[d].draw(&rng));
            qsort(values, n, sizeof values[0], ascending);
            double bound = histogram_relative_error(&h);
            assert_true(bound <= distributions[d].error_max);
            for (size_t q = 0; q < sizeof quantiles / sizeof quantiles[0]; q++) {
                size_t rank = (size_t)fmax(1, ceil(quantiles[q] * (double)n));
                double truth = values[rank - 1];
                double found = histogram_quantile(&h, quantiles[q]);
                assert_true(fabs(found - truth) <= truth * bound * (1 + 1e-9));
            }
        }
    }
}

static void scale_and_error_follow_from_the_range(void **state) {
    (void)state;
    static const struct {
        double low, high;
        int scale;
        double error;
    } rows[] = {
        {100, 1500, 7, 0.00271}, /* factor 15 */
        {100, 1700, 6, 0.00542}, /* factor 17: past four octaves */
        {10, 2500, 6, 0.00542},  /* 250 */
        {2, 120000, 5, 0.01083}, /* 2 ms to 2 min */
        {1, 4e9, 4, 0.02166},    {1e-30, 1e300, -2, 15.0 / 17}, /* 1,096 octaves */
    };
    static histogram h;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        histogram_init(&h, 1);
        add(&h, rows[i].low);
        add(&h, rows[i].high);
        assert_int_equal(h.scale, rows[i].scale);
        assert_true(fabs(histogram_relative_error(&h) - rows[i].error) < 1e-5);
    }
}

static void good_and_bad_are_exact_at_the_threshold(void **state) {
    (void)state;
    static histogram h;
    histogram_init(&h, 250);
    add(&h, 250);                      /* equal is good */
    add(&h, nextafter(250, INFINITY)); /* same bucket, and bad */
    add(&h, 0);
    assert_int_equal(h.good, 2);
    assert_int_equal(h.bad, 1);
    assert_int_equal(h.zero, 1);
    assert_int_equal(histogram_total(&h), 3);
    assert_true(h.min == 0);
    assert_true(histogram_quantile(&h, 0) == 0);
}

static void values_that_no_clock_gives_are_refused(void **state) {
    (void)state;
    static histogram h, before;
    histogram_init(&h, 250);
    add(&h, 3);
    before = h;
    static const double bad[] = {NAN, INFINITY, -INFINITY, -1, -DBL_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(histogram_add(&h, bad[i]), ERR_INVALID);
        assert_memory_equal(&h, &before, sizeof h);
    }
    add(&h, -0.0);
    add(&h, 0x1p-1074); /* too small for a bucket: zero */
    add(&h, HISTOGRAM_ZERO_MAX);
    assert_int_equal(h.zero, 3);
}

/* Counts by OTLP index, wherever each keeps its first bucket. */
static void assert_same(const histogram *a, const histogram *b) {
    int32_t at = 0, bt = 0;
    const uint64_t *ac = NULL, *bc = NULL;
    size_t n = histogram_buckets(a, &at, &ac);
    assert_int_equal(histogram_buckets(b, &bt, &bc), n);
    assert_int_equal(a->scale, b->scale);
    assert_int_equal(at, bt);
    if (n > 0)
        assert_memory_equal(ac, bc, n * sizeof *ac);
    assert_int_equal(a->good, b->good);
    assert_int_equal(a->bad, b->bad);
    assert_int_equal(a->zero, b->zero);
    assert_true(a->min == b->min && a->max == b->max);
    assert_true(fabs(a->sum - b->sum) <= 1e-9 * a->sum);
}

static void merging_parts_in_any_order_is_counting_all_in_one_place(void **state) {
    (void)state;
    enum { PARTS = 5 };
    static histogram whole, parts[PARTS], merged;
    size_t n_distributions = sizeof distributions / sizeof distributions[0];
    stats_rng rng = stats_rng_make(5, 0);
    for (int round = 0; round < 60; round++) {
        histogram_init(&whole, 250);
        for (int p = 0; p < PARTS; p++) {
            histogram_init(&parts[p], 250);
            draw from = distributions[stats_rng_below(&rng, n_distributions)].draw;
            for (uint64_t n = stats_rng_below(&rng, 200); n > 0; n--) {
                double value = from(&rng);
                add(&whole, value);
                add(&parts[p], value);
            }
        }
        for (int start = 0; start < PARTS; start++) {
            histogram_init(&merged, 250);
            for (int p = 0; p < PARTS; p++)
                assert_int_equal(
                    histogram_merge(&merged, &parts[(start + 2 * p) % PARTS]), OK);
            assert_same(&merged, &whole);
        }
    }
    assert_int_equal(histogram_merge(&merged, &merged), OK); /* with itself: twice */
    assert_int_equal(histogram_total(&merged), 2 * histogram_total(&whole));
}

static void other_thresholds_do_not_merge(void **state) {
    (void)state;
    static histogram a, b, before;
    histogram_init(&a, 250);
    histogram_init(&b, 300);
    add(&b, 270);
    before = a;
    assert_int_equal(histogram_merge(&a, &b), ERR_INVALID);
    assert_memory_equal(&a, &before, sizeof a);
}

static void an_empty_histogram_has_no_quantile_and_no_bucket(void **state) {
    (void)state;
    static histogram h;
    static histogram_span spans[HISTOGRAM_SPANS_MAX];
    static int64_t deltas[HISTOGRAM_BUCKETS];
    histogram_init(&h, 1);
    int32_t offset;
    const uint64_t *counts;
    size_t n = 1;
    assert_true(isnan(histogram_quantile(&h, 0.5)));
    assert_int_equal(histogram_buckets(&h, &offset, &counts), 0);
    assert_int_equal(histogram_spans(&h, spans, deltas, &n), 0);
    assert_int_equal(n, 0);
}

/* A Prometheus native histogram read back from its spans and deltas, as its text says. */
static void prometheus_spans_hold_the_same_counts(void **state) {
    (void)state;
    static histogram h;
    static histogram_span spans[HISTOGRAM_SPANS_MAX];
    static int64_t deltas[HISTOGRAM_BUCKETS];
    stats_rng rng = stats_rng_make(3, 0);
    histogram_init(&h, 250);
    for (int i = 0; i < 300; i++)
        add(&h, two_humps(&rng));
    size_t n_deltas = 0;
    size_t n_spans = histogram_spans(&h, spans, deltas, &n_deltas);
    assert_true(n_spans >= 2);
    int32_t offset = 0;
    const uint64_t *counts = NULL;
    size_t n = histogram_buckets(&h, &offset, &counts);
    int32_t index = 0;
    int64_t count = 0;
    size_t d = 0;
    uint64_t total = 0;
    for (size_t s = 0; s < n_spans; s++) {
        index += spans[s].offset;
        for (uint32_t i = 0; i < spans[s].length; i++, index++) {
            count += deltas[d++];
            int32_t otlp = index - 1; /* Prometheus names a bucket by its upper bound */
            assert_in_range(otlp, offset, offset + (int32_t)n - 1);
            assert_int_equal(count, counts[otlp - offset]);
            total += (uint64_t)count;
        }
    }
    assert_int_equal(d, n_deltas);
    assert_int_equal(total, 300);
    /* 1 is the upper bound of Prometheus' bucket 0 at every schema */
    histogram_init(&h, 250);
    add(&h, 1);
    assert_int_equal(histogram_spans(&h, spans, deltas, &n_deltas), 1);
    assert_int_equal(spans[0].offset, 0);
    assert_int_equal(spans[0].length, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bucket_bounds_are_powers_of_the_base_to_the_last_bit),
        cmocka_unit_test(quantiles_keep_the_relative_error),
        cmocka_unit_test(scale_and_error_follow_from_the_range),
        cmocka_unit_test(good_and_bad_are_exact_at_the_threshold),
        cmocka_unit_test(values_that_no_clock_gives_are_refused),
        cmocka_unit_test(merging_parts_in_any_order_is_counting_all_in_one_place),
        cmocka_unit_test(other_thresholds_do_not_merge),
        cmocka_unit_test(an_empty_histogram_has_no_quantile_and_no_bucket),
        cmocka_unit_test(prometheus_spans_hold_the_same_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
