/* The labs' files: the lesson's keys, its defaults, and the name of what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "records/lab_file.h"

static void burn_takes_the_lessons_defaults(void **state) {
    (void)state;
    static const char text[] = "{\"latencies_ms\": [1, 2.5]}";
    lab_burn_input b;
    assert_int_equal(lab_burn_parse(text, strlen(text), &b, NULL), OK);
    assert_int_equal(b.n, 2);
    assert_true(b.latencies_ms[1] == 2.5 && b.threshold_ms == 250 &&
                b.allowed_bad_fraction == 0.01);
    lab_burn_input_deinit(&b);
}

static void a_gate_lets_other_metrics_of_the_canary_pass(void **state) {
    (void)state;
    static const char text[] =
        "{\"p95_latency_ms_delta\": 1, \"far_field_wer_relative_delta\": 2, \"more\": 5,"
        "\"privacy_error_count\": 3, \"overall_wer_relative_delta\": 4}";
    lab_gate_metrics m;
    assert_int_equal(lab_gate_parse(text, strlen(text), &m, NULL), OK);
    assert_true(m.p95_latency_ms_delta == 1 && m.far_field_wer_relative_delta == 2 &&
                m.privacy_error_count == 3 && m.overall_wer_relative_delta == 4);
}

#define OLD                                                                              \
    "\"old\":{\"gpu_dollars\":1,\"successful_turns\":2,\"avg_context_tokens\":3,"        \
    "\"retry_rate\":4,\"shadow_traffic_fraction\":5}"
#define NEW                                                                              \
    "\"new\":{\"gpu_dollars\":6,\"successful_turns\":7,\"avg_context_tokens\":8,"        \
    "\"retry_rate\":9,\"shadow_traffic_fraction\":10}"

static void cost_reads_both_periods(void **state) {
    (void)state;
    static const char text[] = "{" OLD "," NEW "}";
    lab_cost_input c;
    assert_int_equal(lab_cost_parse(text, strlen(text), &c, NULL), OK);
    assert_true(c.old_period.gpu_dollars == 1 && c.old_period.successful_turns == 2);
    assert_true(c.old_period.avg_context_tokens == 3 && c.old_period.retry_rate == 4);
    assert_true(c.old_period.shadow_traffic_fraction == 5 &&
                c.new_period.retry_rate == 9);
    assert_true(c.new_period.gpu_dollars == 6 && c.tolerance == 0.10);
}

static status parse(char lab, const char *text, diag *d) {
    size_t n = strlen(text);
    lab_gate_metrics m;
    lab_burn_input b = {0};
    lab_cost_input c;
    if (lab == 'g')
        return lab_gate_parse(text, n, &m, d);
    if (lab == 'c')
        return lab_cost_parse(text, n, &c, d);
    status s = lab_burn_parse(text, n, &b, d);
    lab_burn_input_deinit(&b);
    return s;
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    static const struct {
        char lab;
        const char *text, *field;
    } rows[] = {
        {'g', "{}", "p95_latency_ms_delta"},
        {'g', "{\"p95_latency_ms_delta\": \"12\"}",
         "p95_latency_ms_delta"}, /* a string */
        {'g', "{\"p95_latency_ms_delta\": null}", "p95_latency_ms_delta"},
        {'g', "{\"p95_latency_ms_delta\": true}", "p95_latency_ms_delta"},
        {'g', "{\"p95_latency_ms_delta\": NaN}", "p95_latency_ms_delta"},
        {'g', "{\"p95_latency_ms_delta\": -Infinity}", "p95_latency_ms_delta"},
        {'g', "{\"p95_latency_ms_delta\": nan}", "p95_latency_ms_delta"},
        {'g', "{\"p95_latency_ms_delta\": 1e999}", "p95_latency_ms_delta"},
        {'b', "{}", "latencies_ms"},
        {'b', "{\"latencies_ms\": 5}", "latencies_ms"},
        {'b', "{\"latencies_ms\": [1, null]}", "latencies_ms[1]"},
        {'b', "{\"latencies_ms\": [1], \"treshold_ms\": 3}", "treshold_ms"},
        {'b', "{\"latencies_ms\": [1], \"threshold_ms\": null}", "threshold_ms"},
        {'c', "{}", "old"},
        {'c', "{" OLD "}", "new"},
        {'c', "{\"old\": {}}", "old.gpu_dollars"},
        {'c', "{" OLD ", \"new\": {\"gpu_dollars\": []}}", "new.gpu_dollars"},
        {'c', "{" OLD "," NEW ", \"tolerance\": {}}", "tolerance"},
        {'c', "{" OLD "," NEW ", \"tolerances\": 1}", "tolerances"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        diag d = DIAG_INIT;
        assert_int_equal(parse(rows[i].lab, rows[i].text, &d), ERR_INVALID);
        assert_string_equal(d.field, rows[i].field);
    }
    diag d = DIAG_INIT; /* letters inside strings and words of JSON are no NaN */
    assert_int_equal(parse('c', "{\"old\": \"NaN \\\" I\", \"new\": null}", &d),
                     ERR_INVALID);
    assert_string_equal(d.field, "old");
    assert_int_equal(parse('b', "{\"latencies_ms\": [1", &d), ERR_SYNTAX);
    assert_int_equal(parse('b', "[]", &d), ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burn_takes_the_lessons_defaults),
        cmocka_unit_test(a_gate_lets_other_metrics_of_the_canary_pass),
        cmocka_unit_test(cost_reads_both_periods),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
