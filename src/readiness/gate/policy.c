#include "readiness/gate/policy.h"

#include <math.h>

const char *const gate_measure_names[] = {"mean",     "ratio",  "fraction", "latency",
                                          "quantile", "spread", "count"};
const char *const gate_role_names[] = {"stop", "protect", "gain", "watch"};
const char *const gate_outcome_names[] = {"pass", "hold", "pause", "rollback", "invalid"};

static bool limit_valid(double x) {
    return x >= 0; /* INFINITY is "not limited" */
}

status gate_metric_check(const gate_policy *p, const gate_metric *m, diag *d) {
    if (m->measure == GATE_QUANTILE && !(m->quantile > 0 && m->quantile < 1))
        return diag_field(d, ERR_INVALID, "quantile",
                          "metric %s: a quantile between 0 and 1 is needed, e.g. 0.99",
                          m->name);
    if ((m->measure == GATE_LATENCY || m->measure == GATE_SPREAD) && !m->relative)
        return diag_field(d, ERR_INVALID, "tolerance",
                          "metric %s: the measure %s compares by ratio; write {relative: "
                          "0.05}",
                          m->name, gate_measure_names[m->measure]);
    if (m->measure == GATE_COUNT && (m->relative || m->higher_is_better))
        return diag_field(d, ERR_INVALID, "tolerance",
                          "metric %s: a count is of bad events and has an absolute limit",
                          m->name);
    if (m->measure == GATE_COUNT && m->role == GATE_GAIN)
        return diag_field(d, ERR_INVALID, "role", "metric %s: a count cannot be a gain",
                          m->name);
    if (!limit_valid(m->tolerance) || !limit_valid(m->gain) || !limit_valid(m->stop) ||
        !limit_valid(m->sample) || !limit_valid(m->detectable) || isinf(m->gain) ||
        !(m->sample < 1e15))
        return diag_field(d, ERR_INVALID, "tolerance",
                          "metric %s: a limit is not a "
                          "number of 0 or more",
                          m->name);
    if (m->relative && m->gain >= 1)
        return diag_field(d, ERR_INVALID, "gain", "metric %s: a relative gain is below 1",
                          m->name);
    if (m->role != GATE_WATCH && m->role != GATE_GAIN && isinf(m->tolerance))
        return diag_field(d, ERR_INVALID, "tolerance",
                          "metric %s: missing; say how much worse is allowed", m->name);
    for (size_t i = 1; i < p->n_slices; i++)
        if (m->on[i] && m->role != GATE_WATCH && isinf(m->tolerance))
            return diag_field(d, ERR_INVALID, "tolerance",
                              "metric %s: missing; its slices need one", m->name);
    if (m->stop < m->tolerance && isfinite(m->tolerance))
        return diag_field(d, ERR_INVALID, "stop",
                          "metric %s: lies below the tolerance, which is reached first",
                          m->name);
    if (m->role != GATE_WATCH && m->sample == 0 && isinf(m->detectable))
        return diag_field(d, ERR_INVALID, "evidence",
                          "metric %s: needs a sample or a detectable: how much must be "
                          "seen before it may pass?",
                          m->name);
    if (m->on_breach < GATE_HOLD || m->on_breach > GATE_ROLLBACK)
        return diag_field(d, ERR_INVALID, "on_breach",
                          "metric %s: hold, pause or rollback is needed", m->name);
    if (m->approvable && p->longest_s == 0)
        return diag_field(d, ERR_INVALID, "approval",
                          "metric %s: may ship under an approval, but the policy does "
                          "not say what one needs",
                          m->name);
    return OK;
}

status gate_policy_check(const gate_policy *p, diag *d) {
    if (!(p->alpha > 0 && p->alpha < 0.5) ||
        !(p->traffic_alpha > 0 && p->traffic_alpha < 0.5))
        return diag_field(d, ERR_INVALID, "alpha", "between 0 and 0.5 is needed");
    if (!(p->shares[0] > 0 && p->shares[0] < INFINITY) ||
        !(p->shares[1] > 0 && p->shares[1] < INFINITY))
        return diag_field(d, ERR_INVALID, "arms", "each needs a share above 0");
    if (p->n_metrics == 0 || p->n_metrics > GATE_METRICS_MAX || p->n_slices == 0 ||
        p->n_slices > GATE_SLICES_MAX || p->n_checks > GATE_CHECKS_MAX)
        return diag_field(d, ERR_INVALID, "metrics",
                          "1 to %d metrics and at most %d slices are needed",
                          GATE_METRICS_MAX, GATE_SLICES_MAX - 1);
    if (!(p->max_age_s > 0) || !(p->audited >= 0) || !(p->wrong >= 0) ||
        !(p->audience >= 0) || !(p->longest_s >= 0))
        return diag_field(d, ERR_INVALID, "evidence", "a limit is not a number above 0");
    for (size_t i = 1; i < p->n_slices; i++)
        if (p->slices[i].on_breach < GATE_HOLD || p->slices[i].on_breach > GATE_ROLLBACK)
            return diag_field(d, ERR_INVALID, "on_breach",
                              "slice %s: hold, pause or rollback is needed",
                              p->slices[i].name);
    bool decides = false;
    for (size_t i = 0; i < p->n_metrics; i++) {
        status s = gate_metric_check(p, &p->metrics[i], d);
        if (s != OK)
            return s;
        decides = decides || p->metrics[i].role != GATE_WATCH;
    }
    if (!decides)
        return diag_field(d, ERR_INVALID, "metrics",
                          "all are watched only: nothing could ever fail, so nothing can "
                          "pass");
    return OK;
}
