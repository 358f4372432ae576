/* Time-uniform boundaries against confseq_boundaries.json: what the confseq package's own
 * tests assert and what its header computes. Skips where the oracle folder is absent. */
#include "oracle.h"

#include "stats/boundary.h"
#include "stats/sequence_fraction.h"
#include "stats/sequence_quantile.h"
#include "stats/sort.h"

static cJSON *oracle;

static int load(void **state) {
    (void)state;
    oracle = oracle_load(ROSTRUM_ORACLES "/confseq_boundaries.json");
    return 0;
}

static int unload(void **state) {
    (void)state;
    cJSON_Delete(oracle);
    return 0;
}

static double arg(const cJSON *row, const char *name) {
    return oracle_number(oracle_item(row, "args"), name);
}

static bool one_sided(const cJSON *row) {
    return cJSON_IsTrue(oracle_item(oracle_item(row, "args"), "one_sided"));
}

static stats_mixture mixture(const cJSON *row, const char *kind) {
    double v_opt = arg(row, "v_opt");
    double alpha_opt = arg(row, "alpha_opt");
    if (strcmp(kind, "normal") == 0)
        return stats_normal_mixture(v_opt, alpha_opt, one_sided(row));
    if (strcmp(kind, "gamma_exponential") == 0)
        return stats_gamma_exponential_mixture(v_opt, alpha_opt, arg(row, "c"));
    if (strcmp(kind, "gamma_poisson") == 0)
        return stats_gamma_poisson_mixture(v_opt, alpha_opt, arg(row, "c"));
    return stats_beta_binomial_mixture(v_opt, alpha_opt, arg(row, "g"), arg(row, "h"),
                                       one_sided(row));
}

static stats_interval bernoulli(const cJSON *row) {
    stats_watch w = {.alpha = arg(row, "alpha"),
                     .n_opt = arg(row, "t_opt"),
                     .alpha_opt = arg(row, "alpha_opt")};
    stats_count c = {(uint64_t)arg(row, "num_successes"),
                     (uint64_t)arg(row, "num_trials")};
    return stats_fraction_sequence(c, &w);
}

/* Arms 1..1000 and offset + 1..offset + 1000, t_opt 100, alpha_opt 0.05. */
static double quantile_ab(const cJSON *row) {
    static double a[1000], b[1000];
    for (int i = 0; i < 1000; i++) {
        a[i] = i + 1;
        b[i] = i + 1 + arg(row, "offset");
    }
    stats_watch w = stats_watch_of(0.05, 100, STATS_BOTH_SIDES);
    return fmin(
        1, exp(-stats_quantile_ab_log_e(a, 1000, b, 1000, arg(row, "quantile_p"), &w)));
}

/* The value of ours that the row's function names. */
static double ours(const cJSON *row, const char *function) {
    char kind[40];
    if (sscanf(function, "%39[a-z_]", kind) != 1)
        fail();
    char *suffix = strstr(kind, "_log_mixture");
    if (suffix) {
        *suffix = '\0';
        stats_mixture m = mixture(row, kind);
        return stats_mixture_log(&m, arg(row, "s"), arg(row, "v"));
    }
    suffix = strstr(kind, "_mixture_bound");
    if (suffix) {
        *suffix = '\0';
        stats_mixture m = mixture(row, kind);
        return stats_mixture_bound(&m, arg(row, "v"), arg(row, "alpha"));
    }
    if (strstr(function, "_best_rho"))
        return stats_best_rho(arg(row, "v"), arg(row, "alpha"),
                              strncmp(function, "one", 3) == 0);
    if (strcmp(function, "poly_stitching_bound") == 0)
        return stats_stitched_bound(arg(row, "v"), arg(row, "alpha"), arg(row, "v_min"),
                                    arg(row, "c"), arg(row, "s"), arg(row, "eta"));
    if (strcmp(function, "empirical_process_lil_bound") == 0)
        return stats_distribution_bound(arg(row, "t"), arg(row, "alpha"),
                                        arg(row, "t_min"), arg(row, "A"));
    if (strcmp(function, "double_stitching_bound") == 0)
        return stats_all_quantiles_bound(
            arg(row, "quantile_p"), arg(row, "t"), arg(row, "alpha"), arg(row, "t_opt"),
            arg(row, "delta"), arg(row, "s"), arg(row, "eta"));
    if (strcmp(function, "quantile_ab_p_value") == 0)
        return quantile_ab(row);
    if (strcmp(function, "bernoulli_confidence_interval.low") == 0)
        return bernoulli(row).low;
    if (strcmp(function, "bernoulli_confidence_interval.high") == 0)
        return bernoulli(row).high;
    fail_msg("the oracle names a function the test does not know: %s", function);
    return 0;
}

static int check(const char *group, double rel) {
    if (!oracle) {
        print_message("skip: the oracle folder is absent\n");
        skip();
    }
    int i = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, oracle_item(oracle, group)) {
        const char *function = cJSON_GetStringValue(oracle_item(row, "function"));
        double abs = rel > 0 ? 1e-9 : oracle_number(row, "abs_tol");
        oracle_close(ours(row, function), oracle_number(row, "expect"), rel, abs,
                     function, i);
        i++;
    }
    return i;
}

static void every_asserted_value_holds(void **state) {
    (void)state;
    assert_int_equal(check("asserted", 0), 40);
}

static void every_computed_value_holds(void **state) {
    (void)state;
    assert_int_equal(check("computed_grid", 1e-8), 393);
}

static void order_statistics_count_as_asserted(void **state) {
    (void)state;
    if (!oracle)
        skip();
    const cJSON *s = oracle_item(oracle, "order_statistics_asserted");
    double values[8];
    size_t n = oracle_numbers(oracle_item(s, "values"), values, 8);
    stats_sort(values, n);
    const cJSON *row;
    cJSON_ArrayForEach(row, oracle_item(s, "get"))
        assert_true(values[atoi(row->string) - 1] == row->valuedouble);
    cJSON_ArrayForEach(row, oracle_item(s, "count_less"))
        assert_int_equal(stats_count_below(values, n, atof(row->string)), row->valueint);
    cJSON_ArrayForEach(row, oracle_item(s, "count_less_or_equal")) assert_int_equal(
        stats_count_at_most(values, n, atof(row->string)), row->valueint);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_asserted_value_holds),
        cmocka_unit_test(every_computed_value_holds),
        cmocka_unit_test(order_statistics_count_as_asserted),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
