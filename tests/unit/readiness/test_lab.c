/* The labs equal the lesson's formulas, bit for bit. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "readiness/lab/burn.h"
#include "readiness/lab/cost.h"
#include "readiness/lab/gate.h"

static void joined(const char *first, const char *const *items, size_t n, char out[128]) {
    size_t at = (size_t)snprintf(out, 128, "%s:", first);
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(out + at, 128 - at, "%s%s", i ? "," : "", items[i]);
}

static void gate_limits_are_the_lessons(void **state) {
    (void)state;
    const struct {
        double latency, far_field, overall, privacy;
        const char *answer;
    } rows[] = {
        {0, 0, -0.04, 0, "continue:quality_gain"},
        {100, 0.03, -0.02, 0, "continue:quality_gain"}, /* all at the limit */
        {100, 0.03, -0.019999999999999997, 0, "pause:insufficient_gain"},
        {100.00000000000001, 0, -1, 0, "rollback:latency"}, /* the next double */
        {0, 0.030000000000000002, -1, 0, "rollback:far_field_wer"},
        {0, 0, -1, 1, "rollback:privacy"}, /* dominates any gain */
        {101, 0.08, -0.04, 3, "rollback:latency,far_field_wer,privacy"}, /* in order */
        {0, 0.08, -0.04, 0, "rollback:far_field_wer"}, /* the lesson's gate 1 */
        {-50, -1, 0, 0, "pause:insufficient_gain"},
        {0, 0, -0.02, -0.0, "continue:quality_gain"}, /* minus zero is zero */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        lab_gate_metrics m = {rows[i].latency, rows[i].far_field, rows[i].overall,
                              rows[i].privacy};
        lab_gate_result r;
        char text[128];
        assert_int_equal(lab_gate(&m, &r, NULL), OK);
        joined(r.decision, r.reasons, r.n_reasons, text);
        assert_string_equal(text, rows[i].answer);
    }
}

static void gate_refuses_what_is_no_measurement(void **state) {
    (void)state;
    const struct {
        lab_gate_metrics m;
        const char *field;
    } rows[] = {
        {{NAN, 0, 0, 0}, "p95_latency_ms_delta"},
        {{0, INFINITY, 0, 0}, "far_field_wer_relative_delta"},
        {{0, 0, -INFINITY, 0}, "overall_wer_relative_delta"},
        {{0, 0, 0, NAN}, "privacy_error_count"},
        {{0, 0, 0, -1}, "privacy_error_count"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        diag d = DIAG_INIT;
        lab_gate_result r = {.decision = "untouched"};
        assert_int_equal(lab_gate(&rows[i].m, &r, &d), ERR_INVALID);
        assert_string_equal(d.field, rows[i].field);
        assert_string_equal(r.decision, "untouched");
    }
}

static void burn_counts_what_lies_above_the_threshold(void **state) {
    (void)state;
    static const double at[] = {250, 250, 250}, over[] = {250.00000000000003, 1, 1, 1};
    double many[1000];
    for (size_t i = 0; i < 1000; i++)
        many[i] = i < 144 ? 251 : 0;
    const struct {
        const double *x;
        size_t n;
        double allowed, burn;
    } rows[] = {
        {NULL, 0, 0.01, 0.0},  /* nothing asked, nothing burnt */
        {at, 3, 0.01, 0.0},    /* exactly at it is good */
        {over, 4, 0.01, 25.0}, /* the next double is bad */
        {over, 1, 1.0, 1.0},
        {many, 1000, 0.01, 14.399999999999999}, /* doubles have no 14.4 here */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        lab_burn_result r;
        assert_int_equal(lab_burn(rows[i].x, rows[i].n, LAB_BURN_THRESHOLD_MS,
                                  rows[i].allowed, &r, NULL),
                         OK);
        assert_true(r.burn_rate == rows[i].burn);
    }
}

static void burn_refuses_an_empty_budget_and_broken_samples(void **state) {
    (void)state;
    const double bad[] = {1, 2, NAN}, good[] = {300};
    const struct {
        const double *x;
        size_t n;
        double threshold, allowed;
        const char *field;
    } rows[] = {
        {bad, 3, 250, 0.01, "latencies_ms[2]"},
        {good, 1, NAN, 0.01, "threshold_ms"},
        {good, 1, 250, 0, "allowed_bad_fraction"},
        {NULL, 0, 250, -1, "allowed_bad_fraction"},
        {good, 1, 250, NAN, "allowed_bad_fraction"},
        {good, 1, 250, 4e-324, "allowed_bad_fraction"}, /* the rate would be infinite */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        diag d = DIAG_INIT;
        lab_burn_result r = {.bad = 77};
        assert_int_equal(
            lab_burn(rows[i].x, rows[i].n, rows[i].threshold, rows[i].allowed, &r, &d),
            ERR_INVALID);
        assert_string_equal(d.field, rows[i].field);
        assert_int_equal(r.bad, 77);
    }
}

static void cost_compares_successful_turns(void **state) {
    (void)state;
    const lab_cost_period old_period = {100, 1000, 512, 0.02, 0.1};
    const struct {
        lab_cost_period now;
        double tolerance, unit, relative;
        const char *answer;
    } rows[] = {
        {{100, 1000, 512, 0.02, 0.1}, 0.1, 0.1, 0, "no:"},
        {{200, 2000, 512, 0.02, 0.1},
         0.1,
         0.1,
         0,
         "no:"}, /* more traffic is not dearer */
        {{125, 1000, 512, 0.02, 0.1}, 0.25, 0.125, 0.24999999999999994, "no:"},
        {{150, 1000, 513, 0.03, 0.2},
         0.1,
         0.15,
         0.4999999999999999,
         "yes:avg_context_tokens,retry_rate,shadow_traffic_fraction"},
        {{100, 0, 512, 0, 0},
         0.1,
         100,
         999.0,
         "yes:"}, /* none succeeded: as if one had */
        {{100, 0.5, 512, 0, 0}, 0.1, 100, 999.0, "yes:"},
        {{0, 1000, 512, 0.02, 0.1000001}, 0.1, 0, -1, "no:shadow_traffic_fraction"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        lab_cost_result r;
        char text[128];
        assert_int_equal(lab_cost(&old_period, &rows[i].now, rows[i].tolerance, &r, NULL),
                         OK);
        joined(r.regressed ? "yes" : "no", r.drivers, r.n_drivers, text);
        assert_string_equal(text, rows[i].answer);
        assert_true(r.old_unit_cost == 0.1 && r.new_unit_cost == rows[i].unit);
        assert_true(r.relative_delta == rows[i].relative);
    }
}

static void a_relative_change_at_the_tolerance_is_not_a_regression(void **state) {
    (void)state;
    lab_cost_period before = {4, 1, 0, 0, 0}, after = {5, 1, 0, 0, 0}; /* + 1/4, exact */
    lab_cost_result r;
    assert_int_equal(lab_cost(&before, &after, 0.25, &r, NULL), OK);
    assert_false(r.regressed);
    assert_int_equal(lab_cost(&before, &after, 0.24999999999999997, &r, NULL), OK);
    assert_true(r.regressed);
}

static void cost_refuses_what_cannot_be_compared(void **state) {
    (void)state;
    const lab_cost_period good = {100, 1000, 512, 0.02, 0.1};
    lab_cost_period free_of_charge = good, negative = good, broken = good;
    free_of_charge.gpu_dollars = 0;
    negative.successful_turns = -1;
    broken.retry_rate = NAN;
    const struct {
        const lab_cost_period *before, *after;
        double tolerance;
        const char *field;
    } rows[] = {
        {&free_of_charge, &good, 0.1, "old.gpu_dollars"},
        {&free_of_charge, &free_of_charge, 0.1, "old.gpu_dollars"}, /* 0 / 0 */
        {&negative, &good, 0.1, "old.successful_turns"},
        {&good, &negative, 0.1, "new.successful_turns"},
        {&good, &broken, 0.1, "new.retry_rate"},
        {&good, &good, NAN, "tolerance"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        diag d = DIAG_INIT;
        lab_cost_result r = {.n_drivers = 77};
        assert_int_equal(
            lab_cost(rows[i].before, rows[i].after, rows[i].tolerance, &r, &d),
            ERR_INVALID);
        assert_string_equal(d.field, rows[i].field);
        assert_int_equal(r.n_drivers, 77);
    }
}

/* The numbers of one row of the reference, and what follows them. */
static size_t read_row(char *text, double *out, size_t max, const char **tail) {
    size_t n = 0;
    for (;;) {
        char *end;
        double x = strtod(text, &end);
        if (end == text)
            break;
        assert_true(n < max);
        out[n++] = x;
        text = end;
    }
    *tail = text + strspn(text, " ");
    return n;
}

static void check_row(char *line) {
    double x[128];
    const char *tail;
    char text[128] = "";
    line[strcspn(line, "\n")] = '\0';
    (void)read_row(line + 5, x, 128, &tail);
    if (strncmp(line, "gate ", 5) == 0) {
        lab_gate_metrics m = {x[0], x[1], x[2], x[3]};
        lab_gate_result r;
        assert_int_equal(lab_gate(&m, &r, NULL), OK);
        joined(r.decision, r.reasons, r.n_reasons, text);
    } else if (strncmp(line, "burn ", 5) == 0) {
        lab_burn_result r;
        assert_int_equal(lab_burn(x + 4, (size_t)x[3], x[0], x[1], &r, NULL), OK);
        assert_memory_equal(&r.burn_rate, &x[2], sizeof r.burn_rate);
    } else {
        lab_cost_period before = {x[0], x[1], x[2], x[3], x[4]};
        lab_cost_period after = {x[5], x[6], x[7], x[8], x[9]};
        lab_cost_result r;
        assert_int_equal(lab_cost(&before, &after, x[10], &r, NULL), OK);
        assert_memory_equal(&r.old_unit_cost, &x[11], sizeof x[11]);
        assert_memory_equal(&r.new_unit_cost, &x[12], sizeof x[12]);
        assert_memory_equal(&r.relative_delta, &x[13], sizeof x[13]);
        joined(r.regressed ? "yes" : "no", r.drivers, r.n_drivers, text);
    }
    assert_string_equal(tail, text);
}

/* Recorded from lab_reference.py, for machines without python3. */
static void recorded_rows_are_equal(void **state) {
    (void)state;
    static const char *const rows[] = {
        "gate 0x1.9000000000000p+6 0x1.eb851eb851eb9p-6 -0x1.47ae147ae147cp-6 "
        "0x1.c000000000000p+2 rollback:far_field_wer,privacy",
        "gate 0x1.996029bbfbc9cp+7 0x1.eb851eb851eb7p-6 -0x1.936539f3535f4p-5 "
        "0x1.0000000000000p+0 rollback:latency,privacy",
        "gate 0x1.9000000000000p+6 0x1.afb11cc35ef6cp-5 -0x1.47ae147ae147ap-6 "
        "0x0.0p+0 rollback:far_field_wer",
        "gate 0x1.9000000000001p+6 0x1.eb851eb851eb8p-6 -0x1.47ae147ae147cp-6 "
        "0x0.0p+0 rollback:latency",
        "gate -0x1.7a979acfc6d54p+6 0x1.eb851eb851eb7p-6 -0x1.47ae147ae147cp-6 "
        "0x1.c000000000000p+2 rollback:privacy",
        "gate 0x1.8ffffffffffffp+6 0x1.eb851eb851eb7p-6 -0x1.47ae147ae147ap-6 "
        "0x0.0p+0 pause:insufficient_gain",
        "gate 0x1.a7768de6271dap+7 -0x1.6ea67f63c803dp-4 -0x1.47ae147ae147ap-6 "
        "0x1.0000000000000p+0 rollback:latency,privacy",
        "gate -0x1.1d8891c90bd69p+8 0x1.eb851eb851eb7p-6 -0x1.1999dba1c2390p-7 "
        "0x0.0p+0 pause:insufficient_gain",
        "gate -0x1.4fe832fd415c0p+7 -0x1.f7aec44a8c44ep-5 -0x1.47ae147ae147ap-6 "
        "0x1.0000000000000p+0 rollback:privacy",
        "gate 0x1.9000000000001p+6 -0x1.10d7d2bbce118p-5 -0x1.47ae147ae147bp-6 "
        "0x0.0p+0 rollback:latency",
        "gate 0x1.9000000000001p+6 0x1.eb851eb851eb9p-6 -0x1.47ae147ae147bp-6 "
        "0x1.0000000000000p+0 rollback:latency,far_field_wer,privacy",
        "gate 0x1.8ffffffffffffp+6 0x1.eb851eb851eb7p-6 -0x1.47ae147ae147ap-6 "
        "0x0.0p+0 pause:insufficient_gain",
        "burn 0x1.2f2b4ad7b01b0p+9 0x1.0624dd2f1a9fcp-10 0x0.0p+0 0x0.0p+0",
        "burn 0x1.f400000000000p+7 0x1.0624dd2f1a9fcp-10 0x1.4d55555555555p+8 "
        "0x1.8000000000000p+1 0x1.f400000000001p+7 0x1.f400000000000p+7 "
        "0x1.1e55e2d6cdaecp+7",
        "burn 0x1.f400000000000p+7 0x1.999999999999ap-5 0x0.0p+0 0x0.0p+0",
        "burn 0x1.f400000000000p+7 0x1.0624dd2f1a9fcp-10 0x1.4d55555555555p+8 "
        "0x1.8000000000000p+1 -0x1.896ceb810e7e2p+8 0x1.f400000000000p+7 "
        "0x1.9251d67a08286p+8",
        "burn 0x1.f400000000000p+7 0x1.0000000000000p+0 0x1.5555555555555p-2 "
        "0x1.8000000000000p+1 -0x1.65c3537aa179bp+8 -0x1.eb40402e027c0p+1 "
        "0x1.496517cf1988dp+8",
        "burn 0x1.f400000000000p+7 0x1.0000000000000p+0 0x1.0000000000000p+0 "
        "0x1.0000000000000p+0 0x1.0386924ee398ep+8",
        "burn 0x1.f400000000000p+7 0x1.47ae147ae147bp-7 0x0.0p+0 0x0.0p+0",
        "burn 0x1.f400000000000p+7 0x1.0624dd2f1a9fcp-10 0x1.f400000000000p+9 "
        "0x1.0000000000000p+0 0x1.f400000000001p+7",
        "cost 0x1.46e5c00000000p+19 0x1.0000000000000p+1 0x1.169e5fbbe2b34p+11 "
        "0x0.0p+0 0x1.999999999999ap-4 0x1.461bc00000000p+18 0x1.0000000000000p+0 "
        "0x1.0000000000000p+9 0x0.0p+0 0x0.0p+0 0x0.0p+0 0x1.46e5c00000000p+18 "
        "0x1.461bc00000000p+18 -0x1.3c616c074d4edp-9 no:",
        "cost 0x1.98a7800000000p+17 0x1.0000000000000p+0 0x1.0000000000000p+9 "
        "0x1.160379cc13f00p-7 0x1.999999999999ap-4 0x1.6377800000000p+17 0x0.0p+0 "
        "0x1.66a4b08063868p+10 0x1.10fb2975948bap-1 0x1.511a1344303eep-1 0x0.0p+0 "
        "0x1.98a7800000000p+17 0x1.6377800000000p+17 -0x1.0a8d8cca474f4p-3 "
        "no:avg_context_tokens,retry_rate,shadow_traffic_fraction",
        "cost 0x1.3bd5400000000p+18 0x1.112bc80000000p+21 0x1.6116e12277eadp+11 "
        "0x1.47ae147ae147bp-6 0x1.377828aab6e9ap-2 0x1.3faa400000000p+18 0x0.0p+0 "
        "0x1.0000000000000p+9 0x1.908348cc50076p-2 0x0.0p+0 0x1.999999999999ap-4 "
        "0x1.27faf73216012p-3 0x1.3faa400000000p+18 0x1.147c3d22453e7p+21 "
        "yes:retry_rate",
        "cost 0x1.c49e000000000p+18 0x1.0000000000000p+0 0x1.d7eea06dfbab8p+11 "
        "0x0.0p+0 0x1.999999999999ap-4 0x1.36846ac5fb9d6p+17 0x1.0000000000000p+0 "
        "0x1.81310bab6c102p+11 0x0.0p+0 0x0.0p+0 0x1.131536677e1eap-2 "
        "0x1.c49e000000000p+18 0x1.36846ac5fb9d6p+17 -0x1.505f23672c93ep-1 no:",
        "cost 0x1.934e609a992c3p+17 0x1.0000000000000p+1 0x1.0000000000000p+9 "
        "0x1.4870ec63b5897p-1 0x1.62b7c75b4cb30p-4 0x1.0a6335186db31p+17 "
        "0x1.0000000000000p+1 0x1.05df6a6a460e1p+11 0x1.e4938186054bcp-2 "
        "0x1.999999999999ap-4 0x1.999999999999ap-4 0x1.934e609a992c3p+16 "
        "0x1.0a6335186db31p+16 -0x1.5ba3697cb5b2bp-2 "
        "no:avg_context_tokens,shadow_traffic_fraction",
        "cost 0x1.8206c78a4080cp+19 0x1.0000000000000p+1 0x1.58a8980b9c276p+11 "
        "0x0.0p+0 0x1.efcee04fc8c72p-1 0x1.80cd13ff7db1ep+19 0x0.0p+0 "
        "0x1.0000000000000p+9 0x0.0p+0 0x1.f0ec503bbd38cp-3 0x1.999999999999ap-4 "
        "0x1.8206c78a4080cp+18 0x1.80cd13ff7db1ep+19 0x1.fcbfdac5ef107p-1 yes:",
        "cost 0x1.b496600000000p+19 0x0.0p+0 0x1.0000000000000p+9 "
        "0x1.f4753509a914ep-1 0x1.a614b5c8ee61cp-2 0x1.c4ffc00000000p+18 "
        "0x1.0000000000000p+0 0x1.b12407b7ba194p+10 0x1.47ae147ae147bp-6 0x0.0p+0 "
        "0x1.999999999999ap-4 0x1.b496600000000p+19 0x1.c4ffc00000000p+18 "
        "-0x1.ecc0e9cb8c5dap-2 no:avg_context_tokens",
        "cost 0x1.c8df400000000p+19 0x1.0000000000000p+1 0x1.0000000000000p+9 "
        "0x0.0p+0 0x0.0p+0 0x1.a7327c77126eep+18 0x1.03e5640000000p+23 "
        "0x1.0000000000000p+9 0x1.47ae147ae147bp-6 0x0.0p+0 0x1.999999999999ap-4 "
        "0x1.c8df400000000p+18 0x1.a0da670e6715cp-5 -0x1.fffffc59b20f4p-1 "
        "no:retry_rate",
        "cost 0x1.0fac23f275ed0p+18 0x1.a283000000000p+18 0x1.0000000000000p+9 "
        "0x1.47ae147ae147bp-6 0x1.999999999999ap-4 0x1.0fac23f275ed0p+18 "
        "0x1.a283000000000p+18 0x1.0000000000000p+9 0x1.47ae147ae147bp-6 "
        "0x1.999999999999ap-4 0x0.0p+0 0x1.4c5bfe0d6c642p-1 0x1.4c5bfe0d6c642p-1 "
        "0x0.0p+0 no:",
        "cost 0x1.d86f7a1b78b03p+19 0x0.0p+0 0x1.76e6759b635bap+10 "
        "0x1.b90234f862a90p-2 0x1.d05e5eb182a53p-1 0x1.4fff6b0dd1d92p+19 0x0.0p+0 "
        "0x1.0000000000000p+9 0x1.47ae147ae147bp-6 0x0.0p+0 0x1.999999999999ap-4 "
        "0x1.d86f7a1b78b03p+19 0x1.4fff6b0dd1d92p+19 -0x1.27ba48584277dp-2 no:",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[1024];
        snprintf(line, sizeof line, "%s", rows[i]);
        check_row(line);
    }
}

static void ten_thousand_random_inputs_are_equal(void **state) {
    (void)state;
    FILE *reference = popen("python3 " ROSTRUM_SOURCE
                            "/tests/unit/readiness/lab_reference.py rows 10000 1 "
                            "2>/dev/null",
                            "r");
    assert_non_null(reference);
    static char line[1 << 14];
    int rows = 0;
    for (; fgets(line, sizeof line, reference); rows++)
        check_row(line);
    if (pclose(reference) != 0 && rows == 0) {
        print_message("skip: no python3; the recorded rows stand in\n");
        skip();
    }
    assert_int_equal(rows, 30000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gate_limits_are_the_lessons),
        cmocka_unit_test(gate_refuses_what_is_no_measurement),
        cmocka_unit_test(burn_counts_what_lies_above_the_threshold),
        cmocka_unit_test(burn_refuses_an_empty_budget_and_broken_samples),
        cmocka_unit_test(cost_compares_successful_turns),
        cmocka_unit_test(a_relative_change_at_the_tolerance_is_not_a_regression),
        cmocka_unit_test(cost_refuses_what_cannot_be_compared),
        cmocka_unit_test(recorded_rows_are_equal),
        cmocka_unit_test(ten_thousand_random_inputs_are_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
