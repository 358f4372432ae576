#include "readiness/slo/burn_rate.h"

#include <float.h>
#include <math.h>

status slo_count_above(const float *latency_ms, size_t n, float threshold_ms,
                       slo_count *out_count) {
    slo_count count = {.total = n};
    for (size_t i = 0; i < n; i++) {
        if (!(latency_ms[i] >= 0 && latency_ms[i] <= FLT_MAX))
            return ERR_INVALID;
        count.bad += latency_ms[i] > threshold_ms;
    }
    *out_count = count;
    return OK;
}

static double ratio_of(slo_count window) {
    return window.total > 0 ? (double)window.bad / (double)window.total : NAN;
}

double slo_burn(slo_count window, double budget) {
    return window.total > 0 ? ratio_of(window) / budget : 0;
}

bool slo_beyond(double ratio, slo_op op, double threshold) {
    switch (op) {
    case SLO_GT:
        return ratio > threshold * (1 + SLO_TOLERANCE);
    case SLO_GTE:
        return ratio >= threshold * (1 - SLO_TOLERANCE);
    case SLO_LT:
        return ratio < threshold * (1 - SLO_TOLERANCE);
    case SLO_LTE:
        return ratio <= threshold * (1 + SLO_TOLERANCE);
    }
    return false;
}

static bool looks_for_high(const slo_rule *rule) {
    return rule->op == SLO_GT || rule->op == SLO_GTE;
}

double slo_evidence_nats(slo_count window, double healthy) {
    double ratio = ratio_of(window);
    if (!(ratio > healthy))
        return 0;
    return (double)window.total * (ratio * log(ratio / healthy) - ratio + healthy);
}

double slo_healthy(const slo_rule *rule, double budget) {
    return budget * fmin(1, rule->factor / 2);
}

uint64_t slo_requests_needed(const slo_rule *rule, double budget) {
    double threshold = rule->factor * budget;
    if (!looks_for_high(rule) || !(threshold > 0))
        return 0;
    if (threshold >= 1)
        return 1;
    return (uint64_t)ceil(log(0.05) / log1p(-threshold));
}

bool slo_can_fire(const slo_rule *rule, double budget) {
    return slo_beyond(looks_for_high(rule) ? 1 : 0, rule->op, rule->factor * budget);
}

status slo_judge(const slo_rule *rule, double budget, slo_count window_short,
                 slo_count window_long, slo_verdict *out_verdict) {
    if (!(budget > 0 && budget <= 1) || !(rule->factor >= 0 && rule->factor <= DBL_MAX) ||
        window_short.bad > window_short.total || window_long.bad > window_long.total)
        return ERR_INVALID;
    slo_verdict v = {.burn_short = slo_burn(window_short, budget),
                     .burn_long = slo_burn(window_long, budget),
                     .evidence_nats =
                         slo_evidence_nats(window_long, slo_healthy(rule, budget)),
                     .requests_needed = slo_requests_needed(rule, budget)};
    double threshold = rule->factor * budget;
    bool beyond = slo_beyond(ratio_of(window_short), rule->op, threshold) &&
                  slo_beyond(ratio_of(window_long), rule->op, threshold);
    if (beyond && looks_for_high(rule) && threshold > 0)
        v.answer = v.evidence_nats > SLO_EVIDENCE_NATS ? SLO_BREACHED : SLO_INSUFFICIENT;
    else if (beyond)
        v.answer = SLO_BREACHED;
    else
        v.answer = window_long.total == 0 || window_long.total < v.requests_needed
                       ? SLO_INSUFFICIENT
                       : SLO_QUIET;
    *out_verdict = v;
    return OK;
}
