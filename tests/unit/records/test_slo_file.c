/* OpenSLO files: what fields demand of each other, where a mistake is said to stand, and
 * what an objective becomes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "records/slo_file.h"

/* Reads a text and makes objectives of it; the caller frees *out_list. */
static status objectives_of(const char *text, slo_objective **out_list, size_t *out_n,
                            diag *d) {
    slo_files *f = slo_files_create();
    assert_non_null(f);
    status s = slo_files_read_text(f, text, strlen(text), "slo.yaml", d);
    if (s == OK)
        s = slo_files_objectives(f, out_list, out_n, d);
    slo_files_destroy(f);
    return s;
}

#define HEAD "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: a}\nspec:\n"
#define QUERY "{metricSource: {type: Prometheus, spec: {query: q}}}"
#define INDICATOR                                                                        \
    "  indicator: {metadata: {name: i}, spec: {ratioMetric: {counter: true, bad: " QUERY \
    ", total: " QUERY "}}}\n"
#define COMMON                                                                           \
    "  service: s\n  budgetingMethod: Occurrences\n  timeWindow: [{duration: 30d}]\n"
#define GOAL "  objectives: [{target: 0.999}]\n"

static void mistakes_name_the_place_and_what_would_do(void **state) {
    (void)state;
    static const struct {
        const char *text, *said;
    } rows[] = {
        /* one object by itself */
        {"kind: SLO\n", "slo.yaml:1:1: apiVersion: missing; it is needed"},
        {"apiVersion: openslo/v1\nkind: Slo\n",
         "slo.yaml:2:7: kind: unknown; did you mean SLO?"},
        {HEAD COMMON INDICATOR "  objectives: [{target: 1.2}]\n",
         "slo.yaml:9:25: spec.objectives[0].target: needs a share from 0 to below 1"},
        {HEAD COMMON INDICATOR "  objetives: []\n" GOAL,
         "slo.yaml:9:3: objetives: unknown key; did you mean objectives?"},
        {HEAD COMMON INDICATOR "  objectives: [{target: 0.9, targetPercent: 90}]\n",
         "needs exactly one of target and targetPercent"},
        {HEAD COMMON INDICATOR "  objectives: []\n", "has 0 items; needs at least one"},
        {HEAD COMMON INDICATOR "  objectives: [{target: 0.999, op: lte}]\n",
         "op and value go with a thresholdMetric only"},
        {HEAD COMMON INDICATOR GOAL "  indicatorRef: i\n",
         "needs exactly one of indicator and indicatorRef"},
        {HEAD COMMON GOAL, "missing; needs indicator or indicatorRef"},
        {HEAD COMMON INDICATOR "  objectives: [{target: 0.999, compositeWeight: 2}]\n",
         "a weight needs several objectives"},
        {HEAD COMMON INDICATOR
         "  objectives: [{target: 0.999, indicatorRef: i}, {target: 0.9}]\n",
         "the SLO has an indicator already"},
        {HEAD "  service: s\n  budgetingMethod: Timeslices\n" INDICATOR
              "  objectives: [{target: 0.999, timeSliceWindow: 5m}]\n",
         "timeSliceTarget: missing; Timeslices needs it"},
        {HEAD "  service: s\n  budgetingMethod: RatioTimeslices\n" INDICATOR
              "  objectives: [{target: 0.999}]\n",
         "timeSliceWindow: missing; time slices need their length"},
        {HEAD "  service: s\n  budgetingMethod: Occurrences\n" INDICATOR GOAL
              "  timeWindow: [{duration: 30d, isRolling: true, calendar: {startTime: "
              "2026-01-01 00:00:00, timeZone: UTC}}]\n",
         "a calendar period does not roll"},
        {HEAD "  service: s\n  budgetingMethod: Occurrences\n" INDICATOR GOAL
              "  timeWindow: [{duration: 30d}, {duration: 7d}]\n",
         "has 2 items; needs exactly one"},
        /* an SLI */
        {"apiVersion: openslo/v1\nkind: SLI\nmetadata: {name: i}\nspec: {}\n",
         "needs exactly one of thresholdMetric and ratioMetric"},
        {"apiVersion: openslo/v1\nkind: SLI\nmetadata: {name: i}\nspec: {ratioMetric: "
         "{good: " QUERY ", bad: " QUERY ", total: " QUERY "}}\n",
         "needs exactly one of good and bad with total, or raw"},
        {"apiVersion: openslo/v1\nkind: SLI\nmetadata: {name: i}\nspec: {ratioMetric: "
         "{good: " QUERY "}}\n",
         "good or bad needs total beside it"},
        {"apiVersion: openslo/v1\nkind: SLI\nmetadata: {name: i}\nspec: {ratioMetric: "
         "{raw: " QUERY "}}\n",
         "raw and rawType go together"},
        {"apiVersion: openslo/v1\nkind: SLI\nmetadata: {name: i}\nspec: {ratioMetric: "
         "{raw: " QUERY ", rawType: success, total: " QUERY "}}\n",
         "raw goes without good, bad and total"},
        {"apiVersion: openslo/v1\nkind: SLI\nmetadata: {name: i}\nspec: "
         "{thresholdMetric: "
         "{metricSource: {spec: {}}}}\n",
         "metricSource needs a type, unless metricSourceRef names a DataSource"},
        /* an alert policy */
        {"apiVersion: openslo/v1\nkind: AlertPolicy\nmetadata: {name: p}\nspec: "
         "{conditions: [{}], notificationTargets: []}\n",
         "needs exactly one of conditionRef and spec"},
        {"apiVersion: openslo/v1\nkind: AlertPolicy\nmetadata: {name: p}\nspec: "
         "{conditions: [{kind: SLO, metadata: {name: c}, spec: {severity: page, "
         "condition: {op: gt, threshold: 2, lookbackWindow: 1h}}}], "
         "notificationTargets: []}\n",
         "kind is \"SLO\"; needs AlertCondition"},
        /* several objects */
        {HEAD COMMON INDICATOR GOAL "---\n" HEAD COMMON INDICATOR GOAL,
         "slo.yaml:13:18: metadata.name: there is already a SLO \"a\""},
        {HEAD COMMON GOAL "  indicatorRef: firstpartial\n---\napiVersion: openslo/v1\n"
                          "kind: SLI\nmetadata: {name: first-partial}\nspec: "
                          "{thresholdMetric: " QUERY "}\n",
         "slo.yaml:9:17: SLI: no SLI \"firstpartial\" in the files given; did you mean "
         "\"first-partial\"?"},
        {HEAD COMMON INDICATOR GOAL "  alertPolicies: [{alertPolicyRef: p}]\n",
         "no AlertPolicy \"p\" in the files given"},
        /* what a burn needs */
        {HEAD "  service: s\n  budgetingMethod: Occurrences\n" INDICATOR GOAL,
         "spec.timeWindow: missing; a burn rate needs the period"},
        {HEAD "  service: s\n  budgetingMethod: Occurrences\n  timeWindow: [{duration: "
              "42d}]\n" INDICATOR GOAL,
         "there are window pairs for 28d and 30d only"},
        {HEAD "  service: s\n  budgetingMethod: Occurrences\n  timeWindow: [{duration: "
              "1M}]\n" INDICATOR GOAL,
         "months, quarters and years have no fixed length"},
        {HEAD "  service: s\n  budgetingMethod: Occurrences\n  timeWindow: [{duration: "
              "30d, calendar: {startTime: 2026-01-01 00:00:00, timeZone: "
              "Europe/Paris}}]\n" INDICATOR GOAL,
         "only UTC is judged here"},
        {HEAD COMMON INDICATOR "  objectives: [{target: 0.9}]\n",
         "slo.yaml:9:25: spec.objectives[].target: leaves a budget of 10 %; alert "
         "page-1h "
         "over 1h needs 14.4 times that, 144 % of all requests: it can never fire. Use a "
         "target above 93.0556 %"},
        {HEAD COMMON INDICATOR GOAL
         "  alertPolicies: [{metadata: {name: p}, spec: {notificationTargets: [], "
         "conditions: [{metadata: {name: c, annotations: {rostrum/short-window: 2h}}, "
         "spec: "
         "{severity: page, condition: {op: gt, threshold: 2, lookbackWindow: 1h}}}]}}]\n",
         "rostrum/short-window: needs a duration such as 5m, not longer than"},
        {HEAD COMMON INDICATOR GOAL
         "  alertPolicies: [{metadata: {name: p}, spec: {notificationTargets: [], "
         "conditions: [{metadata: {name: c}, spec: {severity: page, condition: {op: gt, "
         "threshold: 2, lookbackWindow: 1h, alertAfter: 1M}}}]}}]\n",
         "alertAfter: months, quarters and years have no fixed length"},
        {HEAD "  service: s\n  budgetingMethod: RatioTimeslices\n" INDICATOR
              "  objectives: [{target: 0.999, timeSliceWindow: 1.5}]\n",
         "timeSliceWindow: needs a duration such as 5m, or a whole number of minutes"},
        {HEAD COMMON "  indicator: {metadata: {name: i}, spec: {thresholdMetric: " QUERY
                     "}}\n" GOAL,
         "a thresholdMetric needs the value to compare with"},
        {HEAD COMMON "  indicator: {metadata: {name: i}, spec: {thresholdMetric: " QUERY
                     "}}\n  objectives: [{target: 0.99, value: 1}, {target: 0.98, value: "
                     "2}]\n",
         "a thresholdMetric has exactly one objective"},
        {HEAD COMMON "  indicator: {metadata: {name: i}, spec: {thresholdMetric: "
                     "{metricSource: {type: rostrum, spec: {}}}}}\n  objectives: "
                     "[{target: 0.99, value: 1}]\n",
         "rostrum needs a speech latency"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        slo_objective *list = NULL;
        size_t n = 0;
        diag d = DIAG_INIT;
        char said[1024];
        status s = objectives_of(rows[i].text, &list, &n, &d);
        diag_format(&d, said, sizeof said);
        if (s == OK || !strstr(said, rows[i].said))
            fail_msg("row %zu: said \"%s\", wanted \"%s\"", i, s == OK ? "ok" : said,
                     rows[i].said);
        assert_null(list);
    }
}

static slo_objective only(const char *text) {
    slo_objective *list = NULL;
    size_t n = 0;
    diag d = DIAG_INIT;
    if (objectives_of(text, &list, &n, &d) != OK)
        fail_msg("%s: %s", d.field, d.text);
    assert_int_equal(n, 1);
    slo_objective o = list[0];
    free(list);
    return o;
}

static void without_policies_the_published_pairs_watch(void **state) {
    (void)state;
    slo_objective o = only(HEAD COMMON INDICATOR GOAL);
    assert_string_equal(o.name, "a");
    assert_string_equal(o.service, "s");
    assert_true(o.budget == 0.001); /* not 0.0010000000000000009 */
    assert_true(o.target == 0.999);
    assert_int_equal(o.period_s, 30 * 86400);
    assert_true(o.rolling);
    assert_int_equal(o.method, SLO_OCCURRENCES);
    assert_int_equal(o.indicator.kind, SLI_BAD_TOTAL);
    assert_true(o.indicator.counter);
    assert_null(o.indicator.speech);
    assert_int_equal(o.n_alerts, 4);
    assert_string_equal(o.alerts[0].name, "page-1h");
    assert_true(o.alerts[0].page && o.alerts[0].rule.factor == 14.4);
    assert_string_equal(o.alerts[3].name, "ticket-3d");
    assert_false(o.alerts[3].page);
    assert_int_equal(o.alerts[3].rule.short_s, 6 * 3600);
}

static void conditions_become_windows_with_their_own_thresholds(void **state) {
    (void)state;
    slo_objective o = only(
        HEAD
        "  service: s\n  budgetingMethod: Occurrences\n  timeWindow: [{duration: "
        "7d}]\n" INDICATOR "  objectives: [{targetPercent: 99}]\n  alertPolicies:\n"
        "    - alertPolicyRef: p\n    - kind: AlertPolicy\n      metadata: {name: q}\n"
        "      spec: {notificationTargets: [], conditions: [{metadata: {name: slow}, "
        "spec: {severity: mail, condition: {op: gte, threshold: 1.5, lookbackWindow: "
        "2d, alertAfter: 15m}}}]}\n"
        "---\napiVersion: openslo/v1\nkind: AlertPolicy\nmetadata: {name: p}\nspec: "
        "{conditions: [{conditionRef: c}], notificationTargets: [{targetRef: t}]}\n"
        "---\napiVersion: openslo/v1\nkind: AlertCondition\nmetadata: {name: c, "
        "annotations: {rostrum/short-window: 5m}}\nspec: {severity: page, condition: "
        "{kind: burnrate, op: gt, threshold: 13.44, lookbackWindow: 1h}}\n");
    assert_true(o.budget == 0.01);
    assert_int_equal(o.n_alerts, 2);
    assert_string_equal(o.alerts[0].name, "c");
    assert_true(o.alerts[0].page);
    assert_int_equal(o.alerts[0].rule.short_s, 300);
    assert_int_equal(o.alerts[0].rule.long_s, 3600);
    assert_true(o.alerts[0].rule.factor == 13.44);
    assert_int_equal(o.alerts[0].rule.op, SLO_GT);
    assert_string_equal(o.alerts[1].severity, "mail");
    assert_false(o.alerts[1].page);
    assert_int_equal(o.alerts[1].rule.op, SLO_GTE);
    assert_int_equal(o.alerts[1].rule.short_s, 2 * 86400);
    assert_int_equal(o.alerts[1].rule.hold_s, 900);
}

static void speech_indicators_are_known_by_name_or_annotation(void **state) {
    (void)state;
    for (size_t i = 0; i < SLO_SPEECH_INDICATORS; i++) {
        const slo_speech *row = &slo_speech_table[i];
        assert_ptr_equal(slo_speech_find(row->name), row);
        if (row->kind == SPEECH_COUNTERS)
            continue;
        for (int annotated = 0; annotated < 2; annotated++) {
            char text[1024];
            snprintf(text, sizeof text,
                     HEAD COMMON
                     "  objectives: [{target: 0.99, value: 700}]\n  indicator: "
                     "{metadata: {name: %s%s%s%s}, spec: {thresholdMetric: "
                     "{metricSource: {type: rostrum, spec: {}}}}}\n",
                     annotated ? "mine" : row->name,
                     annotated ? ", annotations: {rostrum/indicator: " : "",
                     annotated ? row->name : "", annotated ? "}" : "");
            slo_objective o = only(text);
            assert_ptr_equal(o.indicator.speech, row);
            assert_int_equal(o.indicator.kind, SLI_THRESHOLD);
            assert_int_equal(o.indicator.op, SLO_LTE); /* the default */
            assert_true(o.indicator.by_profile && o.indicator.value == 700);
        }
    }
    assert_null(slo_speech_find("wakeword"));
}

static void several_objectives_are_told_apart(void **state) {
    (void)state;
    slo_objective *list = NULL;
    size_t n = 0;
    diag d = DIAG_INIT;
    assert_int_equal(
        objectives_of(HEAD COMMON INDICATOR
                      "  objectives: [{target: 0.99}, {target: 0.999, displayName: t}]\n",
                      &list, &n, &d),
        OK);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].name, "a/1");
    assert_string_equal(list[1].name, "a/2");
    assert_string_equal(list[1].title, "t");
    free(list);
}

static void calendar_periods_and_slices_keep_their_numbers(void **state) {
    (void)state;
    slo_objective o = only(
        HEAD
        "  service: s\n  budgetingMethod: Timeslices\n  timeWindow: [{duration: 28d, "
        "isRolling: false, calendar: {startTime: 2026-02-01 06:30:00, timeZone: "
        "UTC}}]\n" INDICATOR
        "  objectives: [{target: 0.99, timeSliceTarget: 0.95, timeSliceWindow: 5}]\n");
    assert_false(o.rolling);
    assert_int_equal(o.start_s, 1769927400); /* date -u -d '2026-02-01 06:30' +%s */
    assert_int_equal(o.method, SLO_TIMESLICES);
    assert_int_equal(o.slice_s, 300); /* a bare number is minutes */
    assert_true(o.slice_target == 0.95);
}

/* The files that ship are good, and so are the examples. */
static void shipped_files_are_valid(void **state) {
    (void)state;
    static const char *const files[] = {
        "policies/slo/first-partial.yaml",    "policies/slo/first-audio.yaml",
        "policies/slo/finalise-latency.yaml", "policies/slo/queue-age.yaml",
        "policies/slo/turn-latency.yaml",     "policies/slo/success.yaml",
        "examples/slo/first-partial.yaml"};
    slo_files *f = slo_files_create();
    diag d = DIAG_INIT;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", ROSTRUM_SOURCE, files[i]);
        if (slo_files_read(f, path, &d) != OK)
            fail_msg("%s:%d: %s", d.file, d.line, d.text);
    }
    slo_objective *list = NULL;
    size_t n = 0;
    assert_int_equal(slo_files_objectives(f, &list, &n, &d), OK);
    assert_int_equal(n, 7);
    for (size_t i = 0; i < SLO_SPEECH_INDICATORS; i++) {
        size_t k = 0;
        while (k < n && list[k].indicator.speech != &slo_speech_table[i])
            k++;
        assert_true(k < n); /* every speech indicator ships */
    }
    free(list);
    slo_files_destroy(f);
    f = slo_files_create();
    assert_int_equal(slo_files_read(f, "no/such/file.yaml", &d), ERR_IO);
    slo_files_destroy(f);
}

/* More of it is checked against the specification's examples in tests/golden. */
static void durations_are_whole_and_bounded(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds; /* 0: refused */
    } rows[] = {{"5m", 300},     {"12h", 43200},
                {"4w", 2419200}, {"0d", 0},
                {"1.5h", 0},     {"5s", 0},
                {"m", 0},        {"5", 0},
                {"1D", 0},       {"999999m", 59999940},
                {"1000000m", 0}, {"", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        slo_duration d = {0};
        assert_int_equal(slo_duration_parse(rows[i].text, &d), rows[i].seconds > 0);
        assert_int_equal(d.seconds, rows[i].seconds);
    }
    slo_duration quarter;
    assert_true(slo_duration_parse("2Q", &quarter));
    assert_int_equal(quarter.months, 6);
}

static void too_many_objects_are_refused(void **state) {
    (void)state;
    static char text[SLO_OBJECTS_MAX * 96 + 1024];
    size_t n = 0;
    for (int i = 0; i <= SLO_OBJECTS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "apiVersion: openslo/v1\nkind: Service\nmetadata: {name: "
                              "s%d}\nspec: {}\n---\n",
                              i);
    slo_files *f = slo_files_create();
    diag d = DIAG_INIT;
    assert_int_equal(slo_files_read_text(f, text, n, "many", &d), ERR_LIMIT);
    assert_int_equal(slo_files_count(f, SLO_KIND_SERVICE), SLO_OBJECTS_MAX);
    slo_files_destroy(f);
    slo_files_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_name_the_place_and_what_would_do),
        cmocka_unit_test(without_policies_the_published_pairs_watch),
        cmocka_unit_test(conditions_become_windows_with_their_own_thresholds),
        cmocka_unit_test(speech_indicators_are_known_by_name_or_annotation),
        cmocka_unit_test(several_objectives_are_told_apart),
        cmocka_unit_test(calendar_periods_and_slices_keep_their_numbers),
        cmocka_unit_test(shipped_files_are_valid),
        cmocka_unit_test(durations_are_whole_and_bounded),
        cmocka_unit_test(too_many_objects_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
