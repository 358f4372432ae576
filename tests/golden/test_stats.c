/* The distributions, intervals, tests and corrections of src/stats against
 * stats_special.json: mpmath at 50 digits, SciPy and statsmodels. Skips where the
 * oracle folder is absent. */
#include "oracle.h"

#include "stats/interval.h"
#include "stats/multiple.h"
#include "stats/special.h"
#include "stats/tests.h"

static int load(void **state) {
    (void)state;
    return oracle_begin(ROSTRUM_ORACLES "/stats_special.json");
}

static void the_normal_distribution_is_right_in_both_tails(void **state) {
    (void)state;
    const cJSON *s = oracle_section("normal_cdf");
    double rel = oracle_number(s, "rel_tol");
    int i = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, oracle_item(s, "rows")) {
        double x = oracle_number(row, "x");
        oracle_close(stats_normal_cdf(x), oracle_number(row, "cdf"), rel, 0, "cdf", i);
        oracle_close(stats_normal_upper(x), oracle_number(row, "sf"), rel, 0, "sf", i++);
    }
    s = oracle_section("normal_quantile");
    rel = oracle_number(s, "rel_tol");
    i = 0;
    cJSON_ArrayForEach(row, oracle_item(s, "rows"))
        oracle_close(stats_normal_quantile(oracle_number(row, "p")),
                     oracle_number(row, "quantile"), rel, 1e-15, "quantile", i++);
}

static void chi_square_and_t_tails_are_right(void **state) {
    (void)state;
    const cJSON *s = oracle_section("chi_square_upper_tail");
    double rel = oracle_number(s, "rel_tol");
    int i = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, oracle_item(s, "rows")) {
        double df = oracle_number(row, "df");
        double sf = oracle_number(row, "sf");
        double x = oracle_number(row, "x");
        oracle_close(stats_chi_square_upper(df, x), sf, rel, 0, "chi-square", i);
        if (sf > 0 && sf < 0.999)
            oracle_close(stats_chi_square_upper_quantile(df, sf), x, 1e-9, 0,
                         "its quantile", i);
        i++;
    }
    s = oracle_section("student_t_upper_tail");
    rel = oracle_number(s, "rel_tol");
    i = 0;
    cJSON_ArrayForEach(row, oracle_item(s, "rows")) {
        double df = oracle_number(row, "df");
        double t = oracle_number(row, "t");
        double sf = oracle_number(row, "sf");
        oracle_close(stats_student_upper(df, t), sf, rel, 0, "t", i);
        oracle_close(stats_student_upper_quantile(df, sf), t, 1e-9, 1e-15, "its quantile",
                     i++);
    }
}

static void incomplete_beta_and_gamma_are_right(void **state) {
    (void)state;
    const cJSON *s = oracle_section("regularised_incomplete_beta");
    int i = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, oracle_item(s, "rows")) {
        const char *by = cJSON_GetStringValue(oracle_item(row, "by"));
        double rel = oracle_number(s, strcmp(by, "mpmath") == 0 ? "rel_tol"
                                                                : "rel_tol_scipy_rows");
        double a = oracle_number(row, "a");
        double b = oracle_number(row, "b");
        double x = oracle_number(row, "x");
        double value = oracle_number(row, "value");
        oracle_close(stats_beta_lower(a, b, x), value, rel, 0, "beta", i);
        if (value > 0 && value < 0.999)
            oracle_close(stats_beta_quantile(a, b, value), x, 1e-9, 0, "its quantile", i);
        i++;
    }
    s = oracle_section("regularised_incomplete_gamma");
    double rel = oracle_number(s, "rel_tol");
    i = 0;
    cJSON_ArrayForEach(row, oracle_item(s, "rows")) {
        double a = oracle_number(row, "a");
        double x = oracle_number(row, "x");
        double p = oracle_number(row, "P");
        oracle_close(stats_gamma_lower(a, x), p, rel, 0, "P", i);
        oracle_close(stats_gamma_upper(a, x), oracle_number(row, "Q"), rel, 0, "Q", i);
        if (p > 0 && p < 0.999)
            oracle_close(stats_gamma_quantile(a, p), x, 1e-9, 0, "its quantile", i);
        i++;
    }
}

static void wilson_and_clopper_pearson_agree(void **state) {
    (void)state;
    const cJSON *s = oracle_section("binomial_intervals");
    double tol = oracle_number(s, "abs_tol");
    int i = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, oracle_item(s, "rows")) {
        uint64_t k = (uint64_t)oracle_number(row, "successes");
        uint64_t n = (uint64_t)oracle_number(row, "trials");
        double confidence = oracle_number(row, "confidence");
        stats_interval w = stats_wilson(k, n, confidence);
        stats_interval c = stats_clopper_pearson(k, n, confidence);
        oracle_close(w.low, oracle_number(row, "wilson_low"), 0, tol, "wilson low", i);
        oracle_close(w.high, oracle_number(row, "wilson_high"), 0, tol, "wilson high", i);
        oracle_close(c.low, oracle_number(row, "clopper_pearson_low"), 0, tol, "cp low",
                     i);
        oracle_close(c.high, oracle_number(row, "clopper_pearson_high"), 0, tol,
                     "cp high", i++);
    }
}

static void mann_whitney_agrees_exactly_and_approximately(void **state) {
    (void)state;
    const cJSON *s = oracle_section("mann_whitney");
    double rel = oracle_number(s, "rel_tol");
    int i = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, oracle_item(s, "rows")) {
        static double x[1000], y[1000], scratch[2000];
        size_t n_x = oracle_numbers(oracle_item(row, "x"), x, 1000);
        size_t n_y = oracle_numbers(oracle_item(row, "y"), y, 1000);
        stats_mann_whitney_result r;
        assert_int_equal(stats_mann_whitney(x, n_x, y, n_y, scratch, &r), OK);
        oracle_close(r.u_x, oracle_number(row, "U_x"), 0, 0, "U", i);
        assert_int_equal(r.has_ties, cJSON_IsTrue(oracle_item(row, "ties")));
        oracle_close(r.normal.two_sided, oracle_number(row, "p_normal_two_sided_cc"), rel,
                     0, "normal two-sided", i);
        oracle_close(r.normal.greater, oracle_number(row, "p_normal_greater_cc"), rel, 0,
                     "normal greater", i);
        oracle_close(r.normal.less, oracle_number(row, "p_normal_less_cc"), rel, 0,
                     "normal less", i);
        if (cJSON_GetObjectItem(row, "p_exact_two_sided") && r.has_exact) {
            oracle_close(r.exact.two_sided, oracle_number(row, "p_exact_two_sided"), rel,
                         0, "exact two-sided", i);
            oracle_close(r.exact.greater, oracle_number(row, "p_exact_greater"), rel, 0,
                         "exact greater", i);
            oracle_close(r.exact.less, oracle_number(row, "p_exact_less"), rel, 0,
                         "exact less", i);
        }
        i++;
    }
}

static void corrections_agree_and_reject_the_same(void **state) {
    (void)state;
    static const char *const names[] = {"bonferroni", "holm", "hochberg", "bh", "by"};
    const cJSON *s = oracle_section("multiple_testing");
    double tol = oracle_number(s, "abs_tol");
    int i = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, oracle_item(s, "rows")) {
        double p[200], expected[200], got[200];
        size_t order[200];
        size_t n = oracle_numbers(oracle_item(row, "p"), p, 200);
        for (size_t m = 0; m < sizeof names / sizeof *names; m++) {
            char rejects[64];
            snprintf(rejects, sizeof rejects, "%s_reject_at_0.05", names[m]);
            assert_int_equal(oracle_numbers(oracle_item(row, names[m]), expected, 200),
                             n);
            assert_int_equal(stats_adjust((stats_correction)m, p, n, order, got), OK);
            for (size_t k = 0; k < n; k++) {
                oracle_close(got[k], expected[k], 0, tol, names[m], i);
                const cJSON *reject =
                    cJSON_GetArrayItem(oracle_item(row, rejects), (int)k);
                assert_int_equal(got[k] <= 0.05, cJSON_IsTrue(reject));
            }
        }
        i++;
    }
}

static void fisher_and_sample_ratio_agree(void **state) {
    (void)state;
    const cJSON *s = oracle_section("fisher_exact");
    double rel = oracle_number(s, "rel_tol");
    int i = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, oracle_item(s, "rows")) {
        double t[4];
        const cJSON *table = oracle_item(row, "table");
        oracle_numbers(cJSON_GetArrayItem(table, 0), t, 2);
        oracle_numbers(cJSON_GetArrayItem(table, 1), t + 2, 2);
        stats_p p =
            stats_fisher((uint64_t)t[0], (uint64_t)t[1], (uint64_t)t[2], (uint64_t)t[3]);
        oracle_close(p.two_sided, oracle_number(row, "p_two_sided"), rel, 0, "both", i);
        oracle_close(p.greater, oracle_number(row, "p_greater"), rel, 0, "greater", i);
        oracle_close(p.less, oracle_number(row, "p_less"), rel, 0, "less", i++);
    }
    s = oracle_section("sample_ratio_mismatch_chi_square");
    rel = oracle_number(s, "rel_tol");
    i = 0;
    cJSON_ArrayForEach(row, oracle_item(s, "rows")) {
        stats_chi_square_result r =
            stats_sample_ratio((uint64_t)oracle_number(row, "control"),
                               (uint64_t)oracle_number(row, "candidate"),
                               oracle_number(row, "expected_control_share"));
        oracle_close(r.chi_square, oracle_number(row, "chi_square"), rel, 1e-12,
                     "chi-square", i);
        oracle_close(r.p, oracle_number(row, "p"), rel, 0, "p", i++);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_normal_distribution_is_right_in_both_tails),
        cmocka_unit_test(chi_square_and_t_tails_are_right),
        cmocka_unit_test(incomplete_beta_and_gamma_are_right),
        cmocka_unit_test(wilson_and_clopper_pearson_agree),
        cmocka_unit_test(mann_whitney_agrees_exactly_and_approximately),
        cmocka_unit_test(corrections_agree_and_reject_the_same),
        cmocka_unit_test(fisher_and_sample_ratio_agree),
    };
    return cmocka_run_group_tests(tests, load, oracle_end);
}
