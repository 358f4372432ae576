/* Differentially private selection of slices, beside every row of the oracle. */
#include "oracle.h"

#include "privacy/release.h"

#define FILE_NAME ROSTRUM_ORACLES "/dp_partition_selection.json"

static cJSON *oracle;

static void need_oracle(void) {
    if (oracle)
        return;
    print_message("skip: the oracle folder is absent\n");
    skip();
}

static release_options options_of(const cJSON *o) {
    release_options options = {
        .epsilon = oracle_number(o, "epsilon"),
        .delta = oracle_number(o, "delta"),
        .touches = (uint32_t)oracle_number(o, "l0_sensitivity"),
    };
    diag d = DIAG_INIT;
    assert_int_equal(release_check(&options, &d), OK);
    return options;
}

static uint64_t units(double n) {
    return n >= 9.2e18 ? INT64_MAX : (uint64_t)n;
}

static void asserted_probabilities(void **state) {
    (void)state;
    need_oracle();
    const cJSON *c, *row;
    int i = 0;
    cJSON_ArrayForEach(c, oracle_item(oracle, "asserted")) {
        release_options o = options_of(c);
        cJSON_ArrayForEach(row, oracle_item(c, "rows")) {
            double n = oracle_number(row, "privacy_id_count");
            oracle_close(release_probability(&o, units(n)), oracle_number(row, "expect"),
                         1e-6, 0, oracle_item(c, "name")->valuestring, i++);
        }
    }
    assert_int_equal(i, 43);
}

static void computed_probabilities_and_thresholds(void **state) {
    (void)state;
    need_oracle();
    const cJSON *grid = oracle_item(oracle, "computed_grid"), *c, *row;
    int i = 0;
    cJSON_ArrayForEach(c, oracle_item(grid, "cases")) {
        release_options o = options_of(c);
        assert_int_equal(release_certain(&o), oracle_number(c, "hard_threshold"));
        cJSON_ArrayForEach(row, oracle_item(c, "rows")) {
            double pair[2];
            assert_int_equal(oracle_numbers(row, pair, 2), 2);
            oracle_close(release_probability(&o, units(pair[0])), pair[1], 1e-9, 0,
                         "computed", i++);
        }
    }
    assert_int_equal(i, 366);
}

static void selection_rates(void **state) {
    (void)state;
    need_oracle();
    const cJSON *c;
    cJSON_ArrayForEach(c, oracle_item(oracle, "selection_rate_asserted")) {
        release_options o = options_of(c);
        uint64_t n = units(oracle_number(c, "privacy_id_count"));
        int trials = (int)oracle_number(c, "trials"), shown = 0;
        for (int i = 0; i < trials; i++) /* an even walk through [0, 1) */
            shown += release_show(&o, n, (i + 0.5) / trials);
        oracle_close((double)shown / trials, oracle_number(c, "rate"), 0,
                     oracle_number(c, "abs_tol"), "rate", 0);
    }
}

static void power_sums(void **state) {
    (void)state;
    need_oracle();
    const cJSON *c;
    int i = 0;
    cJSON_ArrayForEach(c, oracle_item(oracle, "sum_exp_powers_asserted"))
        oracle_close(release_power_sum(oracle_number(c, "epsilon"),
                                       (int64_t)oracle_number(c, "min_power"),
                                       (uint64_t)oracle_number(c, "num_powers")),
                     oracle_number(c, "expect"), 1e-6, 0, "power sum", i++);
    assert_int_equal(i, 7);
}

int main(void) {
    oracle = oracle_load(FILE_NAME);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asserted_probabilities),
        cmocka_unit_test(computed_probabilities_and_thresholds),
        cmocka_unit_test(selection_rates),
        cmocka_unit_test(power_sums),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    cJSON_Delete(oracle);
    return failed;
}
