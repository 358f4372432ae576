/* The Kayenta-compatible judge against every vector of kayenta_mann_whitney.json. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "oracle.h"
#include "readiness/kayenta/kayenta.h"
#include "stats/sort.h"
#include "stats/special.h"

enum { VALUES_MAX = 1000 };

static int load(void **state) {
    (void)state;
    return oracle_begin(ROSTRUM_ORACLES "/kayenta_mann_whitney.json");
}

static const char *text(const cJSON *object, const char *key) {
    return oracle_item(object, key)->valuestring;
}

/* abs_tol 0 means exact up to 1e-12. */
static double tolerance_of(const cJSON *row) {
    double given = oracle_number(row, "abs_tol");
    return given > 0 ? given : 1e-12;
}

static kayenta_effect effect_named(const char *name) {
    return strcmp(name, "cles") == 0     ? KAYENTA_CLES
           : strcmp(name, "cohenD") == 0 ? KAYENTA_COHEN_D
                                         : KAYENTA_MEAN_RATIO;
}

static kayenta_options options_of(const cJSON *row) {
    kayenta_options o = kayenta_defaults;
    const char *direction = text(row, "direction");
    o.direction = strcmp(direction, "increase") == 0   ? KAYENTA_INCREASE
                  : strcmp(direction, "decrease") == 0 ? KAYENTA_DECREASE
                                                       : KAYENTA_EITHER;
    o.replace_nan = strcmp(text(row, "nan_strategy"), "replace") == 0;
    o.critical = cJSON_IsTrue(oracle_item(row, "critical_metric"));
    o.must_have_data = cJSON_IsTrue(oracle_item(row, "must_have_data"));
    o.mean_inequality = strcmp(text(row, "classifier"), "mean_inequality") == 0;
    if (o.mean_inequality)
        return o;
    o.tolerance = oracle_number(row, "tolerance");
    o.confidence = oracle_number(row, "confidence_level");
    o.allowed_decrease = oracle_number(row, "allowed_decrease");
    o.allowed_increase = oracle_number(row, "allowed_increase");
    o.critical_decrease = oracle_number(row, "critical_decrease");
    o.critical_increase = oracle_number(row, "critical_increase");
    o.effect = effect_named(text(row, "effect_size_measure"));
    return o;
}

static void labels_are_equal(void **state) {
    (void)state;
    double x[VALUES_MAX], y[VALUES_MAX];
    const cJSON *row;
    int labels = 0, reasons = 0;
    cJSON_ArrayForEach(row, oracle_section("classifier_cases")) {
        size_t n = oracle_numbers(oracle_item(row, "experiment"), x, VALUES_MAX);
        size_t m = oracle_numbers(oracle_item(row, "control"), y, VALUES_MAX);
        kayenta_options o = options_of(row);
        kayenta_result r = kayenta_classify(x, n, y, m, &o);
        const cJSON *expect = oracle_item(row, "expect");
        const cJSON *label = cJSON_GetObjectItem(expect, "label");
        const cJSON *critical = cJSON_GetObjectItem(expect, "critical");
        const cJSON *deviation = cJSON_GetObjectItem(expect, "deviation");
        if (label && strcmp(kayenta_label_names[r.label], label->valuestring) != 0)
            fail_msg("%s: got %s, expected %s", text(row, "name"),
                     kayenta_label_names[r.label], label->valuestring);
        if (critical && r.critical != cJSON_IsTrue(critical))
            fail_msg("%s: critical is %d", text(row, "name"), r.critical);
        if (deviation) {
            double wanted = oracle_value(deviation);
            assert_true(isnan(wanted) ? isnan(r.deviation) : r.deviation == wanted);
        }
        if (cJSON_IsTrue(cJSON_GetObjectItem(expect, "reason_nonempty"))) {
            assert_true(r.reason[0] != '\0');
            reasons++;
        }
        labels += label != NULL;
    }
    assert_int_equal(labels, 36);
    assert_int_equal(reasons, 1);
}

static void the_rank_function_is_equal(void **state) {
    (void)state;
    double x[VALUES_MAX], y[VALUES_MAX];
    const cJSON *data = oracle_section("wilcoxon_diff"), *row;
    size_t n = oracle_numbers(oracle_item(data, "x"), x, VALUES_MAX);
    size_t m = oracle_numbers(oracle_item(data, "y"), y, VALUES_MAX);
    stats_sort(x, n);
    stats_sort(y, m);
    int i = 0;
    cJSON_ArrayForEach(row, oracle_item(data, "cases")) {
        double got = kayenta_rank(oracle_number(row, "mu"),
                                  oracle_number(row, "quantile"), x, n, y, m);
        oracle_close(got, oracle_number(row, "expect"), 0, tolerance_of(row), "rank",
                     i++);
    }
    assert_int_equal(i, 2);
    cJSON_ArrayForEach(row, oracle_section("z_quantile"))
        oracle_close(stats_normal_quantile(oracle_number(row, "p")),
                     oracle_number(row, "expect"), 0, tolerance_of(row), "z", 0);
}

static void intermediate_values_of_r_are_equal(void **state) {
    (void)state;
    double x[VALUES_MAX], y[VALUES_MAX];
    const cJSON *data = oracle_section("r_intermediate");
    const cJSON *e = oracle_item(data, "expect");
    size_t n = oracle_numbers(oracle_item(data, "experiment"), x, VALUES_MAX);
    size_t m = oracle_numbers(oracle_item(data, "control"), y, VALUES_MAX);
    double tolerance = tolerance_of(data);
    stats_sort(x, n);
    stats_sort(y, m);
    double low = x[0] - y[m - 1], high = x[n - 1] - y[0];
    double z = -stats_normal_quantile((1 - oracle_number(data, "confidence_level")) / 2);
    kayenta_shift s = kayenta_mann_whitney(x, n, y, m, 0.95);
    const struct {
        const char *name;
        double got;
    } rows[] = {{"mu_min", low},
                {"mu_max", high},
                {"zq_lower", z},
                {"zq_upper", -z},
                {"f_mu_min_zq_lower", kayenta_rank(low, z, x, n, y, m)},
                {"f_mu_max_zq_lower", kayenta_rank(high, z, x, n, y, m)},
                {"f_mu_min_zq_upper", kayenta_rank(low, -z, x, n, y, m)},
                {"f_mu_max_zq_upper", kayenta_rank(high, -z, x, n, y, m)},
                {"ci_low", s.interval.low},
                {"ci_high", s.interval.high},
                {"estimate", s.estimate}};
    assert_int_equal(cJSON_GetArraySize(e), sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        oracle_close(rows[i].got, oracle_number(e, rows[i].name), 0, tolerance,
                     rows[i].name, (int)i);
}

static void intervals_and_estimates_are_equal(void **state) {
    (void)state;
    double x[VALUES_MAX], y[VALUES_MAX];
    const cJSON *row;
    int i = 0;
    cJSON_ArrayForEach(row, oracle_section("confidence_interval_cases")) {
        size_t n = oracle_numbers(oracle_item(row, "experiment"), x, VALUES_MAX);
        size_t m = oracle_numbers(oracle_item(row, "control"), y, VALUES_MAX);
        const cJSON *e = oracle_item(row, "expect"), *t = oracle_item(row, "abs_tol");
        stats_sort(x, n);
        stats_sort(y, m);
        kayenta_shift s =
            kayenta_mann_whitney(x, n, y, m, oracle_number(row, "confidence_level"));
        oracle_close(s.interval.low, oracle_number(e, "ci_low"), 0,
                     oracle_number(t, "ci"), "low", i);
        oracle_close(s.interval.high, oracle_number(e, "ci_high"), 0,
                     oracle_number(t, "ci"), "high", i);
        oracle_close(s.estimate, oracle_number(e, "estimate"), 0,
                     oracle_number(t, "estimate"), "estimate", i++);
    }
    assert_int_equal(i, 4);
}

static kayenta_detector detector_of(const cJSON *row) {
    return strcmp(text(row, "detector"), "iqr") == 0 ? KAYENTA_IQR : KAYENTA_K_SIGMA;
}

static void outliers_are_equal(void **state) {
    (void)state;
    double x[VALUES_MAX], scratch[VALUES_MAX];
    bool out[VALUES_MAX];
    const cJSON *row;
    int rows = 0;
    cJSON_ArrayForEach(row, oracle_section("outlier_detection_cases")) {
        size_t n = oracle_numbers(oracle_item(row, "data"), x, VALUES_MAX);
        kayenta_outliers(detector_of(row), oracle_number(row, "factor"), x, n, scratch,
                         out);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(out[i], cJSON_IsTrue(cJSON_GetArrayItem(
                                         oracle_item(row, "expect_outlier"), (int)i)));
        rows++;
    }
    assert_int_equal(rows, 6);
}

static size_t transform(const cJSON *row, double *x, size_t n) {
    const char *op = text(row, "op");
    double scratch[VALUES_MAX];
    bool out[VALUES_MAX];
    if (strcmp(op, "remove_nan") == 0)
        return kayenta_remove_nan(x, n);
    if (strcmp(op, "replace_nan") == 0)
        return kayenta_replace_nan(x, n, oracle_number(row, "value"));
    kayenta_outliers(detector_of(row), oracle_number(row, "factor"), x, n, scratch, out);
    for (size_t i = 0; i < n; i++)
        x[i] = out[i] ? NAN : x[i];
    return kayenta_remove_nan(x, n);
}

static void transforms_are_equal(void **state) {
    (void)state;
    double x[VALUES_MAX], wanted[VALUES_MAX];
    const cJSON *row;
    int rows = 0;
    cJSON_ArrayForEach(row, oracle_section("transform_cases")) {
        size_t n = oracle_numbers(oracle_item(row, "data"), x, VALUES_MAX);
        size_t m = oracle_numbers(oracle_item(row, "expect"), wanted, VALUES_MAX);
        assert_int_equal(transform(row, x, n), m);
        for (size_t i = 0; i < m; i++)
            assert_true(x[i] == wanted[i]);
        rows++;
    }
    assert_int_equal(rows, 5);
}

static void summaries_and_percentiles_are_equal(void **state) {
    (void)state;
    double x[VALUES_MAX];
    const cJSON *row;
    int summaries = 0, percentiles = 0;
    cJSON_ArrayForEach(row, oracle_section("summary_statistics_cases")) {
        size_t n = oracle_numbers(oracle_item(row, "data"), x, VALUES_MAX);
        const cJSON *e = oracle_item(row, "expect");
        kayenta_summary s = kayenta_summarise(x, n);
        oracle_close(s.min, oracle_number(e, "min"), 0, 1e-12, "min", summaries);
        oracle_close(s.max, oracle_number(e, "max"), 0, 1e-12, "max", summaries);
        oracle_close(s.mean, oracle_number(e, "mean"), 0, 1e-12, "mean", summaries);
        oracle_close(s.std, oracle_number(e, "std"), 0, 1e-4, "std", summaries);
        assert_int_equal(s.n, (size_t)oracle_number(e, "count"));
        summaries++;
    }
    cJSON_ArrayForEach(row, oracle_section("percentile_cases")) {
        size_t n = oracle_numbers(oracle_item(row, "data"), x, VALUES_MAX);
        stats_sort(x, n);
        oracle_close(stats_sorted_quantile(x, n, oracle_number(row, "p") / 100),
                     oracle_number(row, "expect"), 0, tolerance_of(row), "percentile",
                     percentiles++);
    }
    assert_int_equal(summaries, 3);
    assert_int_equal(percentiles, 8);
}

static void effect_sizes_are_equal(void **state) {
    (void)state;
    double x[VALUES_MAX], y[VALUES_MAX];
    const cJSON *row;
    int rows = 0;
    cJSON_ArrayForEach(row, oracle_section("effect_size_cases")) {
        size_t n = oracle_numbers(oracle_item(row, "experiment"), x, VALUES_MAX);
        size_t m = oracle_numbers(oracle_item(row, "control"), y, VALUES_MAX);
        double wanted = oracle_number(row, "expect");
        double got = kayenta_effect_size(effect_named(text(row, "measure")), y, m, x, n);
        if (isnan(wanted))
            assert_true(isnan(got));
        else
            oracle_close(got, wanted, 0, tolerance_of(row), "effect", rows);
        rows++;
    }
    assert_int_equal(rows, 9);
}

static kayenta_label label_named(const char *name) {
    for (int i = 0; i <= KAYENTA_NODATA_FAIL; i++)
        if (strcmp(name, kayenta_label_names[i]) == 0)
            return (kayenta_label)i;
    fail_msg("no label %s", name);
    return KAYENTA_PASS;
}

/* Number of a group in order of first appearance. */
static size_t group_named(const char *name, const char **names, size_t *n) {
    for (size_t i = 0; i < *n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    names[*n] = name;
    return (*n)++;
}

static void scores_are_equal(void **state) {
    (void)state;
    const cJSON *row;
    int rows = 0, lists = 0;
    cJSON_ArrayForEach(row, oracle_section("score_cases")) {
        kayenta_metric metrics[16] = {{0}};
        const char *names[KAYENTA_GROUPS_MAX];
        double weights[KAYENTA_GROUPS_MAX], scores[KAYENTA_GROUPS_MAX], wanted[16];
        size_t n = 0, groups = 0;
        const cJSON *metric, *group;
        cJSON_ArrayForEach(metric, oracle_item(row, "metrics")) {
            metrics[n].label = label_named(text(metric, "label"));
            metrics[n].critical = cJSON_IsTrue(oracle_item(metric, "critical"));
            cJSON_ArrayForEach(group, oracle_item(metric, "groups")) metrics[n].groups |=
                1u << group_named(group->valuestring, names, &groups);
            n++;
        }
        for (size_t g = 0; g < groups; g++) {
            const cJSON *weight =
                cJSON_GetObjectItem(oracle_item(row, "group_weights"), names[g]);
            weights[g] = weight ? oracle_value(weight) : NAN;
        }
        double got = kayenta_score(metrics, n, weights, groups, scores);
        oracle_close(got, oracle_number(row, "expect_summary_score"), 0, 1e-9,
                     text(row, "name"), rows++);
        const cJSON *list = cJSON_GetObjectItem(row, "expect_group_scores_sorted");
        if (!list)
            continue;
        stats_sort(scores, groups);
        assert_int_equal(oracle_numbers(list, wanted, 16), groups);
        for (size_t g = 0; g < groups; g++)
            assert_true(scores[g] == wanted[g]);
        lists++;
    }
    assert_int_equal(rows, 13);
    assert_int_equal(lists, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_equal),
        cmocka_unit_test(the_rank_function_is_equal),
        cmocka_unit_test(intermediate_values_of_r_are_equal),
        cmocka_unit_test(intervals_and_estimates_are_equal),
        cmocka_unit_test(outliers_are_equal),
        cmocka_unit_test(transforms_are_equal),
        cmocka_unit_test(summaries_and_percentiles_are_equal),
        cmocka_unit_test(effect_sizes_are_equal),
        cmocka_unit_test(scores_are_equal),
    };
    return cmocka_run_group_tests(tests, load, oracle_end);
}
