/* Erlang B and C, waits and least servers against erlang.json, relative 1e-12. */
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
#include "readiness/capacity/erlang.h"

static int load(void **state) {
    (void)state;
    return oracle_begin(ROSTRUM_ORACLES "/erlang.json");
}

static double number(const cJSON *row, const char *key) {
    const cJSON *item = cJSON_GetObjectItem(row, key);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static void check(double got, double wanted) {
    if (!(fabs(got - wanted) <= 1e-12 * fabs(wanted)))
        print_message("got %.17g, wanted %.17g\n", got, wanted);
    assert_true(fabs(got - wanted) <= 1e-12 * fabs(wanted));
}

static void rows_are_equal(void **state) {
    (void)state;
    const cJSON *row;
    int n = 0, unstable = 0;
    cJSON_ArrayForEach(row, oracle_section("rows")) {
        unsigned servers = (unsigned)number(row, "servers");
        double a = number(row, "offered_erlangs");
        check(erlang_b(servers, a), number(row, "erlang_b"));
        n++;
        if (cJSON_IsNull(cJSON_GetObjectItem(row, "erlang_c"))) {
            unstable++;
            assert_true(erlang_c(servers, a) == 1 && isinf(erlang_mean_wait(servers, a)));
            continue;
        }
        check(erlang_c(servers, a), number(row, "erlang_c"));
        check(erlang_mean_wait(servers, a), number(row, "mean_wait_in_service_times"));
        check(erlang_wait_above(servers, a, 1), number(row, "p_wait_gt_1_service_time"));
        check(erlang_mean_queue(servers, a), number(row, "mean_queue_length"));
        check(queue_mean_wait(servers, a, 1), number(row, "mean_wait_in_service_times"));
    }
    assert_int_equal(n, 44);
    print_message("44 rows, %d without a steady state\n", unstable);
}

static double fraction(const cJSON *row, const char *key) {
    const cJSON *pair = cJSON_GetObjectItem(row, key);
    double part[2];
    for (int i = 0; i < 2; i++) {
        const cJSON *item = cJSON_GetArrayItem(pair, i);
        part[i] =
            cJSON_IsString(item) ? strtod(item->valuestring, NULL) : item->valuedouble;
    }
    return part[0] / part[1];
}

static void exact_fractions_are_equal(void **state) {
    (void)state;
    const cJSON *row;
    int n = 0;
    cJSON_ArrayForEach(row, oracle_section("exact_fractions")) {
        unsigned servers = (unsigned)number(row, "servers");
        double a = fraction(row, "offered_fraction");
        check(erlang_b(servers, a), fraction(row, "erlang_b_fraction"));
        if (!cJSON_IsNull(cJSON_GetObjectItem(row, "erlang_c_fraction")))
            check(erlang_c(servers, a), fraction(row, "erlang_c_fraction"));
        n++;
    }
    assert_int_equal(n, 7);
}

static void least_servers_are_equal(void **state) {
    (void)state;
    const cJSON *row;
    int n = 0;
    cJSON_ArrayForEach(row, oracle_section("least_servers")) {
        double a = number(row, "offered_erlangs"), target = number(row, "target");
        bool blocked =
            strcmp(cJSON_GetObjectItem(row, "model")->valuestring, "erlang_b") == 0;
        unsigned least =
            blocked ? erlang_b_servers(a, target) : erlang_c_servers(a, target);
        assert_int_equal(least, (unsigned)number(row, "least_servers"));
        check(blocked ? erlang_b(least, a) : erlang_c(least, a),
              number(row, "value_at_least"));
        n++;
    }
    assert_int_equal(n, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_equal),
        cmocka_unit_test(exact_fractions_are_equal),
        cmocka_unit_test(least_servers_are_equal),
    };
    return cmocka_run_group_tests(tests, load, oracle_end);
}
