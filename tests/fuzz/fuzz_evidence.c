/* Fuzzes evidence: any bytes are refused with a reason, or judged; every figure of the
 * verdict is a number or says that it is not known, and every sentence ends. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "readiness/gate/explain.h"
#include "records/evidence.h"
#include "records/gate_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char policy_text[] =
    "gate: fuzz\n"
    "arms: {control: 1, candidate: 1}\n"
    "evidence: {sample: 3, max_age: 1d, labels: {audited: 5, wrong: 0.5}}\n"
    "approval: {audience: 0.1, longest: 1d, checks: [c]}\n"
    "slices:\n"
    "  - {slice: far, role: protected, routable: true, on_breach: hold}\n"
    "  - {slice: lab, role: exploratory}\n"
    "metrics:\n"
    "  - {metric: c, measure: count, role: stop, tolerance: {absolute: 0}}\n"
    "  - {metric: f, measure: fraction, better: lower, role: protect, tolerance: "
    "{absolute: 0.1}, stop: {absolute: 0.5}, slices: all, approvable: true}\n"
    "  - {metric: r, measure: ratio, better: lower, role: gain, gain: {relative: 0.1}, "
    "tolerance: {relative: 0.1}, slices: [far], labels: true}\n"
    "  - {metric: m, measure: mean, better: higher, role: protect, tolerance: {absolute: "
    "1}}\n"
    "  - {metric: l, measure: latency, better: lower, role: protect, tolerance: "
    "{relative: 0.1}}\n"
    "  - {metric: s, measure: spread, better: lower, role: protect, tolerance: "
    "{relative: 0.1}}\n"
    "  - {metric: q, measure: quantile, quantile: 0.9, better: lower, role: protect, "
    "tolerance: {absolute: 10}}\n";

static void judge(const gate_policy *p, const evidence_file *f) {
    static gate_finding findings[GATE_CELLS_MAX];
    gate_verdict v;
    char text[GATE_SENTENCE_BYTES];
    status s = gate_judge(p, &f->evidence, f->evidence.newest_s, true, findings, &v);
    ASSERT(s == OK);
    ASSERT(v.n == gate_cells(p));
    for (size_t i = 0; i < v.n; i++) {
        const gate_finding *x = &findings[i];
        ASSERT(x->p >= 0 && x->p <= 1 && x->p_adjusted >= 0 && x->p_adjusted <= 1);
        ASSERT(!isnan(x->low) && !isnan(x->high) && !isnan(x->detectable));
        ASSERT(v.outcome == GATE_INVALID || v.outcome >= x->leads_to ||
               v.outcome == GATE_ROLLBACK);
        gate_finding_text(p, x, text);
        ASSERT(text[strlen(text) - 1] == '.');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static gate_policy policy;
    diag d = DIAG_INIT;
    evidence_file f;
    if (policy.n_metrics == 0)
        ASSERT(gate_policy_read_text(policy_text, sizeof policy_text - 1, "p", &policy,
                                     &d) == OK);
    if (evidence_read_text((const char *)data, n, "fuzz", &policy, &f, &d) != OK) {
        ASSERT(d.code != OK);
        return 0;
    }
    judge(&policy, &f);
    evidence_deinit(&f);
    return 0;
}
