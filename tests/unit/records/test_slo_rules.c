/* What the exported rules say for each way of measuring. That Prometheus then decides as
 * we do is tests/golden/test_promtool.c's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "records/slo_rules.h"

/* Objectives of one SLO with this budgeting, goal and indicator spec. */
static status rules_of(const char *method, const char *goal, const char *name,
                       const char *spec, buf *out, diag *d) {
    char text[4096];
    snprintf(text, sizeof text,
             "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: a}\nspec:\n"
             "  service: it's\n  budgetingMethod: %s\n  timeWindow: [{duration: 30d}]\n"
             "  objectives: [{%s}]\n  indicator: {metadata: {name: %s}, spec: %s}\n",
             method, goal, name, spec);
    slo_files *f = slo_files_create();
    slo_objective *list = NULL;
    size_t n = 0;
    status s = slo_files_read_text(f, text, strlen(text), "t", d);
    if (s == OK)
        s = slo_files_objectives(f, &list, &n, d);
    if (s != OK)
        fail_msg("%s: %s", d->field, d->text);
    s = slo_rules_write(list, n, out, d);
    free(list);
    slo_files_destroy(f);
    return s;
}

#define SOURCE(query) "{metricSource: {type: Prometheus, spec: {query: '" query "'}}}"
#define RATIO(counter, part, query)                                                      \
    "{ratioMetric: {counter: " counter ", " part                                         \
    ": " SOURCE(query) ", total: " SOURCE("all") "}}"

static void each_way_of_measuring_has_its_expression(void **state) {
    (void)state;
    static const struct {
        const char *goal, *name, *spec, *wanted;
    } rows[] = {
        {"target: 0.99", "i", RATIO("true", "bad", "failed{a=\"b c\"}"),
         "expr: '(sum(rate(failed{a=\"b c\"}[5m])) or vector(0)) / sum(rate(all[5m]))'"},
        {"target: 0.99", "i", RATIO("true", "good", "sum(fine)"),
         "expr: '1 - (sum(rate(fine[5m])) or vector(0)) / sum(rate(all[5m]))'"},
        {"target: 0.99", "i", RATIO("true", "good", "f(x[{{.window}}]) + y[{{.window}}]"),
         "expr: '1 - ((f(x[1h]) + y[1h]) or vector(0)) / sum(rate(all[1h]))'"},
        {"target: 0.99", "i", RATIO("false", "bad", "failed"),
         "'((sum(sum_over_time(failed[30m])) / 1800) or vector(0)) / "
         "(sum(sum_over_time(all[30m])) / 1800)'"},
        {"target: 0.99", "i", "{ratioMetric: {rawType: success, raw: " SOURCE("ok") "}}",
         "expr: '1 - avg(avg_over_time(ok[6h]))'"},
        {"target: 0.99", "i", "{ratioMetric: {rawType: failure, raw: " SOURCE("ko") "}}",
         "expr: 'avg(avg_over_time(ko[6h]))'"},
        {"target: 0.99, op: gt, value: 0.5", "i",
         "{thresholdMetric: " SOURCE("level") "}",
         "expr: '1 - avg(avg_over_time((level > bool 0.5)[5m:1m]))'"},
        {"target: 0.99, value: 700", "first-partial",
         "{thresholdMetric: {metricSource: {type: rostrum, spec: {}}}}",
         "rostrum_first_partial_seconds_bucket{le=\"0.7\"}[5m])) or vector(0)) / "
         "sum(rate(rostrum_first_partial_seconds_count[5m]))"},
        {"target: 0.99, value: 250", "queue-age",
         "{thresholdMetric: {metricSource: {type: rostrum, spec: {}}}}",
         "'sum(count_over_time((rostrum_queue_age_seconds <= bool 0.25)[3d:1m]))'"},
        /* names are quoted where YAML needs it; thresholds carry the tolerance */
        {"target: 0.99", "i", RATIO("true", "bad", "failed"), "service: 'it''s'"},
        {"target: 0.99", "i", RATIO("true", "bad", "failed"),
         "slo:bad_ratio:rate5m{slo=\"a\"} > 14.4 * 0.01 * (1 + 1e-9)"},
        {"target: 0.99", "i", RATIO("true", "bad", "failed"),
         "- slo:bad_ratio:rate1h{slo=\"a\"} + 0.01) > 6.907755278982137"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf out;
        diag d = DIAG_INIT;
        buf_init(&out, 1 << 20);
        assert_int_equal(
            rules_of("Occurrences", rows[i].goal, rows[i].name, rows[i].spec, &out, &d),
            OK);
        if (!strstr(buf_text(&out), rows[i].wanted))
            fail_msg("row %zu:\n%s", i, buf_text(&out));
        buf_deinit(&out);
    }
}

static void what_prometheus_cannot_count_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *method, *goal, *name, *spec, *said;
        status code;
    } rows[] = {
        {"Timeslices", "target: 0.99, timeSliceTarget: 0.9, timeSliceWindow: 5m", "i",
         RATIO("true", "bad", "failed"), "time slices", ERR_UNSUPPORTED},
        {"Occurrences", "target: 0.99", "i", RATIO("true", "bad", "f(x) / y"),
         "must be a metric selector", ERR_INVALID},
        {"Occurrences", "target: 0.99", "i",
         "{ratioMetric: {bad: " SOURCE("x") ", total: {metricSource: {type: Other, spec: "
                                            "{}}}}}",
         "no query", ERR_INVALID},
        {"Occurrences", "target: 0.99, op: gte, value: 7", "first-partial",
         "{thresholdMetric: {metricSource: {type: rostrum, spec: {}}}}", "op lte only",
         ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf out;
        diag d = DIAG_INIT;
        buf_init(&out, 1 << 20);
        assert_int_equal(
            rules_of(rows[i].method, rows[i].goal, rows[i].name, rows[i].spec, &out, &d),
            rows[i].code);
        assert_non_null(strstr(d.text, rows[i].said));
        assert_string_equal(d.field, "a");
        buf_deinit(&out);
    }
}

/* A ratio that comes ready made has no counts, so there is no evidence to ask for. */
static void raw_ratios_alert_without_evidence(void **state) {
    (void)state;
    buf out;
    diag d = DIAG_INIT;
    buf_init(&out, 1 << 20);
    assert_int_equal(rules_of("Occurrences", "target: 0.99", "i",
                              "{ratioMetric: {rawType: failure, raw: " SOURCE("ko") "}}",
                              &out, &d),
                     OK);
    assert_non_null(strstr(buf_text(&out), "- alert: SLOBurn"));
    assert_null(strstr(buf_text(&out), "slo:requests"));
    buf_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_of_measuring_has_its_expression),
        cmocka_unit_test(what_prometheus_cannot_count_is_refused),
        cmocka_unit_test(raw_ratios_alert_without_evidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
