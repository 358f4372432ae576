/* Fuzzes release policies: any bytes are refused with a reason, or make a policy that can
 * be judged by; without evidence no policy ever passes. */
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "readiness/gate/explain.h"
#include "records/evidence.h"
#include "records/gate_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses memory when it refuses a quoted text that is never closed. */
const char *__lsan_default_suppressions(void) {
    return "leak:libfyaml";
}

static void count(void *context, const char *step) {
    ASSERT(step[0] != '\0');
    ++*(int *)context;
}

static void judge(const gate_policy *p) {
    static const char nothing[] = "{\"record\":\"check\",\"time\":5,\"check\":\"x\","
                                  "\"good\":true}\n";
    diag d = DIAG_INIT;
    evidence_file f;
    gate_verdict v;
    char text[GATE_SENTENCE_BYTES];
    int steps = 0;
    status s = evidence_read_text(nothing, sizeof nothing - 1, "none", p, &f, &d);
    ASSERT(s == OK);
    gate_finding *findings = calloc(gate_cells(p) + 1, sizeof *findings);
    ASSERT(findings != NULL);
    s = gate_judge(p, &f.evidence, 5, true, findings, &v);
    ASSERT(s == OK);
    ASSERT(v.outcome == GATE_HOLD);
    for (size_t i = 0; i < v.n; i++)
        gate_finding_text(p, &findings[i], text);
    gate_verdict_text(p, &v, text);
    gate_steps(p, &v, count, &steps);
    ASSERT(steps > 0);
    free(findings);
    evidence_deinit(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static gate_policy policy;
    diag d = DIAG_INIT;
    if (gate_policy_read_text((const char *)data, n, "fuzz", &policy, &d) != OK)
        ASSERT(d.code != OK);
    else
        judge(&policy);
    return 0;
}
