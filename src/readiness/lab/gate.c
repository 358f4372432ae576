#include "readiness/lab/gate.h"

#include <math.h>
#include <stdbool.h>

static status check(const lab_gate_metrics *m, diag *d) {
    const struct {
        const char *name;
        double value;
    } fields[] = {
        {"p95_latency_ms_delta", m->p95_latency_ms_delta},
        {"far_field_wer_relative_delta", m->far_field_wer_relative_delta},
        {"overall_wer_relative_delta", m->overall_wer_relative_delta},
        {"privacy_error_count", m->privacy_error_count},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (!isfinite(fields[i].value))
            return diag_field(d, ERR_INVALID, fields[i].name, "is not a finite number");
    if (m->privacy_error_count < 0)
        return diag_field(d, ERR_INVALID, "privacy_error_count",
                          "is %g; a count is 0 or more", m->privacy_error_count);
    return OK;
}

status lab_gate(const lab_gate_metrics *m, lab_gate_result *out, diag *d) {
    status s = check(m, d);
    if (s != OK)
        return s;
    lab_gate_result r = {.decision = "rollback"};
    if (m->p95_latency_ms_delta > 100)
        r.reasons[r.n_reasons++] = "latency";
    if (m->far_field_wer_relative_delta > 0.03)
        r.reasons[r.n_reasons++] = "far_field_wer";
    if (m->privacy_error_count > 0)
        r.reasons[r.n_reasons++] = "privacy";
    if (r.n_reasons == 0) {
        bool gained = m->overall_wer_relative_delta <= -0.02;
        r.decision = gained ? "continue" : "pause";
        r.reasons[r.n_reasons++] = gained ? "quality_gain" : "insufficient_gain";
    }
    *out = r;
    return OK;
}
