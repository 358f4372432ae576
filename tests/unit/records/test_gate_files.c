/* Policies and evidence from files: mistakes with their place, and the three gates of the
 * lesson as they ship, with the stories their evidence tells. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "readiness/gate/explain.h"
#include "records/evidence.h"
#include "records/gate_policy.h"

#define HEAD "gate: g\narms: {control: 1, candidate: 1}\nevidence: {sample: 10}\n"
#define METRIC                                                                           \
    "metrics:\n  - {metric: m, measure: fraction, better: lower, role: protect, "        \
    "tolerance: {absolute: 0.1}}\n"
#define REST(text)                                                                       \
    "metrics:\n  - {metric: m, measure: mean, better: lower, role: protect, " text "}\n"

static gate_policy policy;

static void read_policy(const char *text) {
    diag d = DIAG_INIT;
    if (gate_policy_read_text(text, strlen(text), "p.yaml", &policy, &d) != OK)
        fail_msg("%s: %s", d.field, d.text);
}

static void mistakes_in_a_policy_name_the_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"", "p.yaml: is empty"},
        {"gate: g\n", "p.yaml:1:1: arms: missing"},
        {HEAD "metric: []\n", "p.yaml:4:1: metric: unknown key; did you mean metrics?"},
        {HEAD "metrics: []\n", "metrics: missing"},
        {"gate: a b\n", "p.yaml:1:7: gate: holds a blank"},
        {"gate: g\narms: {control: 1, candidate: 0}\n",
         "p.yaml:2:31: candidate: is 0; must be from 1e-06"},
        {HEAD "alpha: 0.9\n" METRIC, "p.yaml:4:8: alpha: is 0.9; must be from"},
        {HEAD "metrics:\n  - {metric: m, measure: fracton}\n",
         "p.yaml:5:26: measure: is \"fracton\"; one of mean, ratio"},
        {HEAD "metrics:\n  - {metric: m, measure: mean, role: protect}\n",
         "better: missing; lower, higher is needed"},
        {HEAD REST("tolerance: 3 %"), "tolerance: needs {relative: 0.03} or {absolute"},
        {HEAD REST("tolerance: {absolute: -1}"), "tolerance: is -1; must be from 0"},
        {HEAD REST("tolerance: {absolute: 1}, stop: {relative: 2}"),
         "stop: is relative, another limit of this metric is absolute"},
        {HEAD REST("tolerance: {absolute: 2}, stop: {absolute: 1}"),
         "stop: metric m: lies below the tolerance"},
        {HEAD REST("on_breach: hold"), "tolerance: metric m: missing"},
        {HEAD REST("tolerance: {absolute: 1}, gain: {absolute: 1}"),
         "gain: means nothing for a protect mean"},
        {HEAD REST("tolerance: {absolute: 1}, slices: [far]"),
         "slices: far is not among the policy's slices"},
        {HEAD REST("tolerance: {absolute: 1}, approvable: true"),
         "approval: metric m: may ship under an approval, but"},
        {HEAD REST("tolerance: {absolute: 1}, on_breach: pass"),
         "on_breach: is \"pass\"; one of hold, pause, rollback"},
        {"gate: g\narms: {control: 1, candidate: 1}\n" METRIC,
         "evidence: metric m: needs a sample or a detectable"},
        {HEAD "slices:\n  - {slice: a, role: protected}\n  - {slice: a, role: "
              "protected}\n" METRIC,
         "p.yaml:6:5: slice: a is there already"},
        {HEAD "evidence: {max_age: 1M}\n" METRIC, "there twice"},
        {"gate: g\narms: {control: 1, candidate: 1}\nevidence: {max_age: 1M}\n" METRIC,
         "p.yaml:3:21: max_age: needs a whole number and one of m h d w"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        diag d = DIAG_INIT;
        char said[800];
        policy.n_metrics = 77;
        status s = gate_policy_read_text(rows[i].text, strlen(rows[i].text), "p.yaml",
                                         &policy, &d);
        diag_format(&d, said, sizeof said);
        if (s == OK || !strstr(said, rows[i].said))
            fail_msg("row %zu: \"%s\", not \"%s\"", i, said, rows[i].said);
        assert_int_equal(policy.n_metrics, 77);
    }
}

#define EVIDENCE_POLICY                                                                  \
    HEAD "approval: {audience: 0.1, longest: 1d, checks: [c]}\n"                         \
         "slices:\n  - {slice: far, role: protected}\nmetrics:\n"                        \
         "  - {metric: f, measure: fraction, better: lower, role: protect, tolerance: "  \
         "{absolute: 0.1}, slices: all, approvable: true}\n"                             \
         "  - {metric: r, measure: ratio, better: lower, role: watch}\n"                 \
         "  - {metric: s, measure: mean, better: lower, role: watch}\n"                  \
         "  - {metric: q, measure: quantile, quantile: 0.5, better: lower, role: "       \
         "watch}\n"
#define M(rest) "{\"record\":\"metric\",\"time\":5,\"arm\":\"control\"," rest "}\n"

static void mistakes_in_evidence_name_the_line_and_the_field(void **state) {
    (void)state;
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"", "e.jsonl: holds no evidence"},
        {"\n\n[]\n", "e.jsonl:3: needs one JSON object"},
        {"{\"record\":\"metrc\",\"time\":5}\n", "record: is \"metrc\"; metric?"},
        {"{\"record\":\"metric\",\"time\":\"now\"}\n", "time: needs a time such as"},
        {"{\"record\":\"metric\",\"time\":5,\"metric\":\"f\",\"arm\":\"b\"}\n",
         "arm: is \"b\"; control or candidate"},
        {M("\"metric\":\"f\""), "counts: missing"},
        {M("\"metric\":\"f\",\"text\":\"hello\""), "text: unknown key"},
        {M("\"metric\":\"f\",\"sums\":{}"), "sums: unknown key"},
        {M("\"metric\":\"f\",\"counts\":{\"bad\":-1,\"total\":1}"), "bad: is -1"},
        {M("\"metric\":\"f\",\"counts\":{\"bad\":1.5,\"total\":2}"),
         "bad: is 1.5; a whole number"},
        {M("\"metric\":\"r\",\"blocks\":[[1]]"), "blocks: needs pairs of numbers"},
        {M("\"metric\":\"r\",\"blocks\":[],\"block_sums\":{}"),
         "block_sums: one of blocks and block_sums is needed"},
        {M("\"metric\":\"q\",\"sketch\":{\"scale\":9,\"offset\":0,\"counts\":[]}"),
         "scale: is 9"},
        {M("\"metric\":\"q\",\"sketch\":{\"scale\":0,\"offset\":99999,\"counts\":[1]}"),
         "offset: and scale make buckets beyond"},
        {"{\"record\":\"labels\",\"time\":5,\"audited\":3,\"wrong\":4}\n", "wrong: is 4"},
        {"{\"record\":\"check\",\"time\":5,\"check\":\"c\"}\n", "good: missing"},
        {"{\"record\":\"approval\",\"time\":5,\"who\":\"a\",\"why\":\"b\",\"audience\":"
         "\"c\",\"share\":0.1,\"expires\":9,\"metrics\":[\"r\"]}\n",
         "metrics: r is not approvable"},
    };
    read_policy(EVIDENCE_POLICY);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        diag d = DIAG_INIT;
        char said[800];
        evidence_file f = {.records = 77};
        status s = evidence_read_text(rows[i].text, strlen(rows[i].text), "e.jsonl",
                                      &policy, &f, &d);
        diag_format(&d, said, sizeof said);
        if (s == OK || !strstr(said, rows[i].said))
            fail_msg("row %zu: \"%s\", not \"%s\"", i, said, rows[i].said);
        assert_int_equal(f.records, 77);
    }
}

static void records_add_up_to_what_their_values_give(void **state) {
    (void)state;
    static const char text[] = M("\"metric\":\"f\",\"counts\":{\"bad\":1,\"total\":10}")
        M("\"metric\":\"f\",\"counts\":{\"bad\":2,\"total\":5},\"slice\":\"all\"")
            M("\"metric\":\"f\",\"counts\":{\"bad\":3,\"total\":3},\"slice\":\"far\"") M(
                "\"metric\":\"f\",\"counts\":{\"bad\":3,\"total\":3},\"slice\":\"near\"")
                M("\"metric\":\"r\",\"blocks\":[[1,10],[3,20]]")
                    M("\"metric\":\"r\",\"block_sums\":{\"n\":2,\"top\":7,\"bottom\":40,"
                      "\"top2\":25,"
                      "\"top_bottom\":145,\"bottom2\":850}") /* (3, 15) and (4, 25) */
        M("\"metric\":\"s\",\"sums\":{\"n\":2,\"sum\":3,\"sum2\":5}") /* 1 and 2 */
        M("\"metric\":\"s\",\"sums\":{\"n\":1,\"sum\":6,\"sum2\":36}") M(
            "\"metric\":\"q\",\"sketch\":{\"scale\":0,\"offset\":3,\"counts\":[1,2]}")
            M("\"metric\":\"q\",\"sketch\":{\"scale\":1,\"offset\":8,\"counts\":[4]}");
    diag d = DIAG_INIT;
    evidence_file f;
    read_policy(EVIDENCE_POLICY);
    status s = evidence_read_text(text, strlen(text), "e", &policy, &f, &d);
    if (s != OK)
        fail_msg("%d %s: %s", d.line, d.field, d.text);
    const gate_sample *a = &gate_cell_of(&policy, &f.evidence, 0, 0)->arms[0];
    assert_int_equal(a->count.bad, 3);
    assert_int_equal(a->count.total, 15);
    assert_int_equal(gate_cell_of(&policy, &f.evidence, 0, 1)->arms[0].count.bad, 3);
    assert_int_equal(f.ignored, 1);
    assert_string_equal(f.first_ignored, "near");
    stats_pairs pairs = {0};
    static const double xy[4][2] = {{10, 1}, {20, 3}, {15, 3}, {25, 4}};
    for (int i = 0; i < 4; i++)
        stats_pairs_add(&pairs, xy[i][0], xy[i][1]);
    const stats_pairs *b = &gate_cell_of(&policy, &f.evidence, 1, 0)->arms[0].blocks;
    assert_true(b->n == 4 && fabs(b->c_xx - pairs.c_xx) < 1e-9 &&
                fabs(b->c_xy - pairs.c_xy) < 1e-9 && fabs(b->c_yy - pairs.c_yy) < 1e-9);
    const stats_shape *v = &gate_cell_of(&policy, &f.evidence, 2, 0)->arms[0].values;
    assert_true(v->n == 3 && v->mean == 3 && fabs(v->m2 - 14) < 1e-12);
    const histogram *h = &gate_cell_of(&policy, &f.evidence, 3, 0)->arms[0].sketch;
    assert_int_equal(histogram_total(h), 7); /* 8..16: 1, 16..32: 2 + 4 */
    assert_int_equal(h->scale, 0);
    assert_int_equal(h->counts[4 - h->first], 6);
    evidence_deinit(&f);
}

static void impossible_sums_mark_their_cell_as_broken(void **state) {
    (void)state;
    static const char *const rows[] = {
        M("\"metric\":\"f\",\"counts\":{\"bad\":3,\"total\":2}"),
        M("\"metric\":\"s\",\"sums\":{\"n\":2,\"sum\":10,\"sum2\":10}"),
        M("\"metric\":\"s\",\"sums\":{\"n\":1.5,\"sum\":1,\"sum2\":10}"),
        M("\"metric\":\"r\",\"blocks\":[[1,-1]]"),
        M("\"metric\":\"r\",\"block_sums\":{\"n\":2,\"top\":9,\"bottom\":9,\"top2\":1,"
          "\"top_bottom\":1,\"bottom2\":99}"),
        M("\"metric\":\"q\",\"sketch\":{\"scale\":0,\"offset\":3,\"counts\":[1],\"min\":"
          "9,"
          "\"max\":8}"),
    };
    read_policy(EVIDENCE_POLICY);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        evidence_file f;
        diag d = DIAG_INIT;
        bool broken = false;
        assert_int_equal(
            evidence_read_text(rows[i], strlen(rows[i]), "e", &policy, &f, &d), OK);
        for (size_t k = 0; k < policy.n_metrics * policy.n_slices; k++)
            broken = broken || f.evidence.cells[k].arms[0].broken;
        if (!broken)
            fail_msg("row %zu passed", i);
        evidence_deinit(&f);
    }
}

/* ---- the lesson's gates ---- */

static char *read_whole(const char *path, size_t *out_n) {
    char name[512];
    snprintf(name, sizeof name, "%s/%s", ROSTRUM_SOURCE, path);
    FILE *file = fopen(name, "rb");
    if (!file)
        fail_msg("%s is missing", name);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    *out_n = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    return text;
}

static void collect(void *context, const char *step) {
    buf_addf(context, "%s\n", step);
}

/* Everything a report says of it, in one text; returns the verdict. */
static gate_outcome story(const char *policy_path, const char *evidence_path, buf *said,
                          gate_verdict *v, gate_finding *findings) {
    size_t n = 0;
    diag d = DIAG_INIT;
    char sentence[GATE_SENTENCE_BYTES];
    char *text = read_whole(policy_path, &n);
    if (gate_policy_read_text(text, n, policy_path, &policy, &d) != OK)
        fail_msg("%d %s: %s", d.line, d.field, d.text);
    free(text);
    evidence_file f;
    text = read_whole(evidence_path, &n);
    if (evidence_read_text(text, n, evidence_path, &policy, &f, &d) != OK)
        fail_msg("%d %s: %s", d.line, d.field, d.text);
    free(text);
    assert_int_equal(f.ignored, 0);
    assert_int_equal(
        gate_judge(&policy, &f.evidence, f.evidence.newest_s, true, findings, v), OK);
    gate_verdict_text(&policy, v, sentence);
    buf_addf(said, "%s\n", sentence);
    for (size_t i = 0; i < v->n; i++) {
        gate_finding_text(&policy, &findings[i], sentence);
        buf_addf(said, "%s\n", sentence);
    }
    gate_steps(&policy, v, collect, said);
    evidence_deinit(&f);
    return v->outcome;
}

static void the_gates_of_the_lesson_say_what_the_lesson_says(void **state) {
    (void)state;
    static const struct {
        const char *gate, *evidence;
        gate_outcome outcome;
        unsigned needs;
        const char *says[8]; /* all of these */
        const char *never;   /* and not this */
    } rows[] = {
        /* gate 1: average better, far-field worse, labels not audited */
        {"asr-canary",
         "asr-canary",
         GATE_HOLD,
         GATE_NEEDS_LABELS,
         {"HOLD. Do not launch broadly", "wer is 4.", "better",
          "wer on device=far-field is", "a protected slice, which no average gain",
          "Routing rule: keep device=far-field on control", "Audit the labels of all",
          "entity-misses on device=far-field"},
         "ROLLBACK"},
        {"asr-canary",
         "asr-canary-healthy",
         GATE_PASS,
         0,
         {"PASS. Every protected"},
         "HOLD"},
        {"asr-canary",
         "asr-canary-privacy",
         GATE_ROLLBACK,
         0,
         {"ROLLBACK.", "privacy-errors: 1 in", "no gain outweighs it"},
         "Routing rule"},
        /* gate 2: liked better, slower, dearer */
        {"tts-voice",
         "tts-voice",
         GATE_HOLD,
         GATE_NEEDS_APPROVAL | GATE_NEEDS_CHECKS,
         {"HOLD. Do not ship by default: 2 limits", "opinion is 0.",
          "first-audio-p99 is 7", "cost-a-minute is 3",
          "record an approval: who, why, the audience (at most 5 %",
          "Record the check fallback-voice", "Record the check prewarm",
          "Record the check p99-alert"},
         "PASS"},
        {"tts-voice",
         "tts-voice-approved",
         GATE_PASS,
         0,
         {"PASS, for the approved audience only", "a recorded approval covers it",
          "keep the way back ready"},
         "HOLD"},
        {"tts-voice",
         "tts-voice-expired",
         GATE_HOLD,
         GATE_NEEDS_APPROVAL,
         {"HOLD. Do not ship by default"},
         "Record the check"},
        /* gate 3: more found, but expired */
        {"rag-policy",
         "rag-policy",
         GATE_ROLLBACK,
         0,
         {"ROLLBACK.", "recall is 6.", "better", "stale-citations is 3.", "worse",
          "Rank by freshness"},
         "Routing rule"},
        {"rag-policy", "rag-policy-fresh", GATE_PASS, 0, {"PASS."}, "worse than"},
    };
    gate_finding *findings = calloc(GATE_CELLS_MAX, sizeof *findings);
    assert_non_null(findings);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char gate[128], evidence[128];
        gate_verdict v;
        buf said;
        buf_init(&said, 1 << 16);
        snprintf(gate, sizeof gate, "policies/gates/%s.yaml", rows[i].gate);
        snprintf(evidence, sizeof evidence, "examples/gate/%s.jsonl", rows[i].evidence);
        gate_outcome outcome = story(gate, evidence, &said, &v, findings);
        if (outcome != rows[i].outcome || v.needs != rows[i].needs)
            fail_msg("%s: %s", rows[i].evidence, buf_text(&said));
        for (size_t k = 0; k < 8 && rows[i].says[k]; k++)
            if (!strstr(buf_text(&said), rows[i].says[k]))
                fail_msg("%s does not say \"%s\": %s", rows[i].evidence, rows[i].says[k],
                         buf_text(&said));
        if (strstr(buf_text(&said), rows[i].never))
            fail_msg("%s says \"%s\"", rows[i].evidence, rows[i].never);
        buf_deinit(&said);
    }
    free(findings);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_in_a_policy_name_the_place),
        cmocka_unit_test(mistakes_in_evidence_name_the_line_and_the_field),
        cmocka_unit_test(records_add_up_to_what_their_values_give),
        cmocka_unit_test(impossible_sums_mark_their_cell_as_broken),
        cmocka_unit_test(the_gates_of_the_lesson_say_what_the_lesson_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
