/* Prometheus says the same: for random series and objectives the exported rules, run by
 * Debian's promtool, fire in exactly the minutes the evaluator says. Skips only where
 * promtool could not be had (tools/setup fetches it). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "readiness/slo/timeline.h"
#include "records/slo_rules.h"
#include "stats/rng.h"

enum { SERIES = 210, MINUTES = 110, TEXT_BYTES = 64 << 20 };

static const char *promtool(void) {
    static char path[1024];
    static const char *const places[] = {"/usr/bin/promtool",
                                         ROSTRUM_CACHE_DIR "/peer/promtool"};
    for (size_t i = 0; i < 2; i++)
        if (access(places[i], X_OK) == 0) {
            snprintf(path, sizeof path, "%s", places[i]);
            return path;
        }
    print_message("skip: no network: tools/setup could not fetch promtool\n");
    skip();
    return path;
}

/* One random service: its objective, its traffic, and its counters by the minute. */
typedef struct {
    slo_files *files;
    slo_objective *o; /* [n] */
    size_t n;
    slo_count sums[MINUTES + 1]; /* minute 0 is zero */
} service;

static slo_alert random_alert(stats_rng *rng) {
    static const int64_t windows[] = {1, 2, 5, 10, 30, 60, 100, 1440};
    slo_alert a = {.page = true};
    uint64_t far = stats_rng_below(rng, 8), near = stats_rng_below(rng, far + 1);
    a.rule = (slo_rule){.op = (slo_op)stats_rng_below(rng, 4),
                        .factor = (double)(1 + stats_rng_below(rng, 80)) / 4,
                        .short_s = 60 * windows[near],
                        .long_s = 60 * windows[far],
                        .hold_s = 60 * (int64_t)stats_rng_below(rng, 4)};
    return a;
}

/* Targets, factors and whole numbers of requests that often meet a threshold exactly. */
static void make_yaml(buf *out, size_t s, stats_rng *rng) {
    static const char *const targets[] = {"0.9", "0.95", "0.98", "0.99", "0.999"};
    static const char *const words[] = {"gt", "gte", "lt", "lte"};
    bool good = stats_rng_below(rng, 2), plain = stats_rng_below(rng, 3) == 0;
    const char *target = targets[stats_rng_below(rng, plain ? 2 : 5)];
    if (plain) /* the default pairs: budgets they can fire for */
        target = stats_rng_below(rng, 2) ? "0.99" : "0.995";
    buf_addf(out,
             "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: s%zu}\nspec:\n"
             "  service: x\n  budgetingMethod: Occurrences\n"
             "  timeWindow: [{duration: %s}]\n  objectives: [{target: %s}]\n"
             "  indicator:\n    metadata: {name: i}\n    spec:\n      ratioMetric:\n"
             "        counter: true\n"
             "        %s: {metricSource: {type: Prometheus, spec: {query: %s}}}\n"
             "        total: {metricSource: {type: Prometheus, spec: {query: "
             "'sum(total{s=\"%zu\"})'}}}\n",
             s, stats_rng_below(rng, 2) ? "30d" : "28d", target, good ? "good" : "bad",
             good ? "'sum(rate(good{s=\"N\"}[{{.window}}]))'" : "'bad{s=\"N\"}'", s);
    /* put the number where N stands */
    char number[24];
    snprintf(number, sizeof number, "%zu", s);
    char *text = strdup(buf_text(out)), *at = strstr(text, "\"N\"");
    assert_non_null(at);
    buf_clear(out);
    buf_addf(out, "%.*s\"%s\"%s", (int)(at - text), text, number, at + 3);
    free(text);
    if (plain)
        return;
    buf_add_text(out, "  alertPolicies:\n");
    for (int k = 0; k < 2; k++) {
        slo_alert a;
        double budget = 1 - strtod(target, NULL);
        do
            a = random_alert(rng);
        while (!slo_can_fire(&a.rule, budget));
        buf_addf(out,
                 "    - kind: AlertPolicy\n      metadata: {name: p%d}\n      spec:\n"
                 "        notificationTargets: []\n        conditions:\n"
                 "          - metadata: {name: c%d, annotations: {rostrum/short-window: "
                 "%lldm}}\n            spec: {severity: page, condition: {op: %s, "
                 "threshold: %g, lookbackWindow: %lldm, alertAfter: %lldm}}\n",
                 k, k, (long long)a.rule.short_s / 60, words[a.rule.op], a.rule.factor,
                 (long long)a.rule.long_s / 60, (long long)a.rule.hold_s / 60);
    }
}

static void make_traffic(service *v, stats_rng *rng) {
    static const uint64_t rates[] = {1, 3, 10, 100, 1000};
    uint64_t rate = rates[stats_rng_below(rng, 5)];
    bool even = stats_rng_below(rng, 3) == 0; /* exactly rate requests a minute */
    double bad = 0;
    v->sums[0] = (slo_count){0};
    for (size_t m = 1; m <= MINUTES; m++) {
        static const double shares[] = {0, 0, 0.001, 0.01, 0.02, 0.05, 0.144, 0.3, 1};
        if (m == 1 || stats_rng_below(rng, 25) == 0)
            bad = shares[stats_rng_below(rng, 9)];
        uint64_t n = even ? rate : stats_rng_poisson(rng, (double)rate);
        if (!even && stats_rng_below(rng, 40) == 0)
            n = 0;
        uint64_t k = 0;
        if (even)
            k = (uint64_t)((double)n * bad + 0.5);
        else
            for (uint64_t i = 0; i < n; i++)
                k += stats_rng_uniform(rng) < bad;
        v->sums[m] = (slo_count){v->sums[m - 1].total + n, v->sums[m - 1].bad + k};
    }
}

static void add_counter(buf *out, const char *name, size_t s, const service *v,
                        int what) {
    buf_addf(out, "      - series: '%s{s=\"%zu\"}'\n        values: '", name, s);
    for (size_t m = 0; m <= MINUTES; m++) {
        slo_count c = v->sums[m];
        uint64_t value = what == 0 ? c.total : what == 1 ? c.bad : c.total - c.bad;
        buf_addf(out, "%s%llu", m ? " " : "", (unsigned long long)value);
    }
    buf_add_text(out, "'\n");
}

/* The minutes in which each alert must fire, as a series of 0 and 1. */
static void add_expected(buf *out, const service *v, size_t *minutes, size_t *changes) {
    slo_timeline t = {.first = 0, .n = MINUTES + 1, .sums = v->sums};
    for (size_t a = 0; a < v->o->n_alerts; a++) {
        slo_watch w = {0};
        buf_addf(out,
                 "      - series: 'expected{slo=\"%s\",alert=\"%s\"}'\n        values: '",
                 v->o->name, v->o->alerts[a].name);
        for (int64_t m = 0; m <= MINUTES; m++) {
            *changes += slo_watch_step(&w, &v->o->alerts[a].rule, v->o->budget, &t, m);
            *minutes += w.firing;
            buf_addf(out, "%s%d", m ? " " : "", w.firing);
        }
        buf_add_text(out, "'\n");
    }
}

/* Every minute, behind all alerts: those that fire and should not, and the other way. */
static const char compare_rules[] =
    "  - name: compare\n    interval: 1m\n    rules:\n"
    "      - record: wrong\n"
    "        expr: 'count(ALERTS{alertstate=\"firing\"} unless on(slo, alert) "
    "(expected == 1)) or vector(0)'\n"
    "      - record: missed\n"
    "        expr: 'count((expected == 1) unless on(slo, alert) "
    "ALERTS{alertstate=\"firing\"}) or vector(0)'\n"
    "      - record: fired\n"
    "        expr: 'count(ALERTS{alertstate=\"firing\"}) or vector(0)'\n";

static void write_file(const char *path, buf *text) {
    assert_false(text->failed);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text->data, 1, text->size, f), text->size);
    assert_int_equal(fclose(f), 0);
}

static void prometheus_fires_and_clears_in_the_same_minutes(void **state) {
    (void)state;
    const char *tool = promtool();
    static service services[SERIES];
    static slo_objective all[SERIES];
    stats_rng rng = stats_rng_make(2026, 11);
    buf yaml, tests, rules;
    buf_init(&yaml, 1 << 20);
    buf_init(&tests, TEXT_BYTES);
    buf_init(&rules, TEXT_BYTES);
    buf_add_text(&tests, "rule_files: [rules.yml]\nevaluation_interval: 1m\n"
                         "group_eval_order: [");
    for (size_t s = 0; s < SERIES; s++) /* named, so that `compare` comes last */
        buf_addf(&tests, "slo-s%zu, ", s);
    buf_add_text(&tests, "compare]\ntests:\n  - interval: 1m\n    input_series:\n");
    size_t minutes = 0, changes = 0;
    for (size_t s = 0; s < SERIES; s++) {
        service *v = &services[s];
        buf_clear(&yaml);
        make_yaml(&yaml, s, &rng);
        make_traffic(v, &rng);
        diag d = DIAG_INIT;
        v->files = slo_files_create();
        assert_non_null(v->files);
        if (slo_files_read_text(v->files, buf_text(&yaml), yaml.size, "y", &d) != OK ||
            slo_files_objectives(v->files, &v->o, &v->n, &d) != OK)
            fail_msg("%s:%d %s: %s\n%s", d.file, d.line, d.field, d.text,
                     buf_text(&yaml));
        all[s] = v->o[0];
        add_counter(&tests, "total", s, v, 0);
        add_counter(&tests, "bad", s, v, 1);
        add_counter(&tests, "good", s, v, 2);
        add_expected(&tests, v, &minutes, &changes);
    }
    print_message("%d series, %zu minutes of firing, %zu changes\n", SERIES, minutes,
                  changes);
    assert_true(minutes > 1000 && changes > 200); /* or this test says nothing */
    buf_addf(&tests,
             "    promql_expr_test:\n"
             "      - {expr: 'sum_over_time(wrong[%dm])', eval_time: %dm, exp_samples: "
             "[{labels: '{}', value: 0}]}\n"
             "      - {expr: 'sum_over_time(missed[%dm])', eval_time: %dm, exp_samples: "
             "[{labels: '{}', value: 0}]}\n"
             "      - {expr: 'sum_over_time(fired[%dm])', eval_time: %dm, exp_samples: "
             "[{labels: '{}', value: %zu}]}\n",
             MINUTES, MINUTES, MINUTES, MINUTES, MINUTES, MINUTES, minutes);
    diag d = DIAG_INIT;
    if (slo_rules_write(all, SERIES, &rules, &d) != OK)
        fail_msg("%s: %s", d.field, d.text);
    buf_add_text(&rules, compare_rules);

    char folder[] = "/tmp/rostrum-promtool-XXXXXX", path[128], command[4096];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/rules.yml", folder);
    write_file(path, &rules);
    snprintf(path, sizeof path, "%s/tests.yml", folder);
    write_file(path, &tests);
    snprintf(command, sizeof command,
             "cd %s && %s check rules rules.yml && %s test rules tests.yml 2>&1 | cut -c "
             "1-2000",
             folder, tool, tool);
    FILE *run = popen(command, "r");
    assert_non_null(run);
    static char said[1 << 16];
    size_t n = fread(said, 1, sizeof said - 1, run);
    said[n] = '\0';
    int result = pclose(run);
    if (!WIFEXITED(result) || WEXITSTATUS(result) != 0 || !strstr(said, "SUCCESS") ||
        strstr(said, "FAILED"))
        fail_msg("promtool in %s: %s", folder, said);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    for (size_t s = 0; s < SERIES; s++) {
        free(services[s].o);
        slo_files_destroy(services[s].files);
    }
    buf_deinit(&yaml);
    buf_deinit(&tests);
    buf_deinit(&rules);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prometheus_fires_and_clears_in_the_same_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
