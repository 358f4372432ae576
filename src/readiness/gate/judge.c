#include "readiness/gate/judge.h"

#include <math.h>
#include "stats/interval.h"
#include "stats/multiple.h"
#include "stats/sequence_ratio.h"

/* Units in all at which a broken split is wanted to show soonest. */
static const double traffic_n_opt = 2000;

/* Everything one judging passes around. */
typedef struct {
    const gate_policy *policy;
    const gate_evidence *evidence;
    double now_s;
    bool report;
    gate_verdict *v;
} judgement;

size_t gate_cells(const gate_policy *p) {
    size_t n = 0;
    for (size_t m = 0; m < p->n_metrics; m++)
        for (size_t s = 0; s < p->n_slices; s++)
            n += p->metrics[m].on[s];
    return n;
}

/* ---- one cell ---- */

static double sign_of(const gate_metric *m) {
    return m->higher_is_better ? -1 : 1;
}

/* log e that the harm is more than h; that it is less. */
static double more_harm(const gate_comparison *c, double h) {
    bool higher = c->metric->higher_is_better;
    return isinf(h) ? 0
                    : gate_log_e(c, sign_of(c->metric) * h,
                                 higher ? STATS_AT_MOST : STATS_AT_LEAST);
}

static double less_harm(const gate_comparison *c, double h) {
    bool higher = c->metric->higher_is_better;
    return gate_log_e(c, sign_of(c->metric) * h, higher ? STATS_AT_LEAST : STATS_AT_MOST);
}

static double p_of(double log_e) {
    return fmin(1, exp(-log_e)); /* NaN, an impossible watch, was refused before */
}

static void fill_interval(gate_finding *f, const gate_comparison *c) {
    stats_interval i = gate_interval(c);
    f->low = i.low;
    f->high = i.high;
    f->detectable = c->metric->higher_is_better ? i.high - c->change : c->change - i.low;
    if (isnan(f->detectable))
        f->detectable = INFINITY;
}

/* Observations an arm until the interval clears the limit, if the estimate stays: widths
 * shrink with the root of the sample. */
static double needed_of(const gate_finding *f, const gate_metric *m) {
    double estimate = sign_of(m) * f->change;
    double end = m->higher_is_better ? -f->low : f->high; /* worst harm still possible */
    double limit = m->role == GATE_GAIN && f->slice == 0 ? -m->gain : m->tolerance;
    double n = fmin(f->n[0], f->n[1]);
    double least = n < m->sample ? m->sample : 0;
    if (!(estimate < limit))
        return INFINITY;
    if (end <= limit)
        return least;
    double by_width = isinf(end) ? 0 : n * pow((end - estimate) / (limit - estimate), 2);
    return fmax(least, ceil(by_width));
}

static bool sample_is_there(const gate_finding *f, const gate_metric *m) {
    return fmin(f->n[0], f->n[1]) >= m->sample && f->detectable <= m->detectable;
}

static bool is_stale(const judgement *j, const gate_metric *m, const gate_cell *c) {
    double newest = m->measure == GATE_COUNT
                        ? c->arms[1].newest_s
                        : fmin(c->arms[0].newest_s, c->arms[1].newest_s);
    return j->now_s - newest > j->policy->max_age_s;
}

static void judge_gain(gate_finding *f, const gate_comparison *c, bool enough) {
    double threshold = -log(c->watch.alpha);
    const gate_metric *m = c->metric;
    if (less_harm(c, -m->gain) >= threshold)
        f->state = enough ? GATE_GAINED : GATE_UNDECIDED;
    else if (more_harm(c, -m->gain) >= threshold || enough)
        f->state = GATE_NO_GAIN;
    else
        f->state = GATE_UNDECIDED;
}

static void judge_count(gate_finding *f, const gate_cell *cell, const gate_metric *m) {
    double bad = (double)cell->arms[1].count.bad;
    bool breach = bad > m->tolerance;
    f->change = bad;
    f->low = f->high = bad;
    f->detectable = 1;
    f->p = f->p_adjusted = f->p_stop = breach ? 0 : 1;
    if (breach)
        f->state = GATE_BREACH;
    else
        f->state = f->n[1] >= m->sample ? GATE_WITHIN : GATE_UNDECIDED;
    f->needed = f->state == GATE_UNDECIDED ? m->sample : 0;
}

static void judge_cell(const judgement *j, gate_finding *f) {
    const gate_metric *m = &j->policy->metrics[f->metric];
    const gate_cell *cell = gate_cell_of(j->policy, j->evidence, f->metric, f->slice);
    gate_comparison c;
    gate_data data = gate_compare(m, cell, j->policy->alpha, &c);
    for (int arm = 0; arm < 2; arm++) {
        f->n[arm] = c.n[arm];
        f->value[arm] = c.value[arm];
    }
    f->change = c.change;
    if (data == GATE_DATA_BROKEN) {
        f->state = GATE_BROKEN;
    } else if (data == GATE_DATA_MISSING) {
        f->state = GATE_MISSING;
    } else if (m->measure == GATE_COUNT) {
        judge_count(f, cell, m);
        if (f->state != GATE_BREACH && is_stale(j, m, cell))
            f->state = GATE_STALE;
    } else if (is_stale(j, m, cell)) {
        f->state = GATE_STALE;
    } else {
        if (j->report || isfinite(m->detectable))
            fill_interval(f, &c);
        if (m->role == GATE_WATCH)
            return;
        bool enough = sample_is_there(f, m) && !isnan(c.change);
        f->p = p_of(more_harm(&c, m->tolerance));
        f->p_stop = p_of(more_harm(&c, m->stop));
        if (m->role == GATE_GAIN && f->slice == 0)
            judge_gain(f, &c, enough);
        else if (enough && less_harm(&c, m->tolerance) >= -log(c.watch.alpha))
            f->state = GATE_WITHIN;
        f->needed = needed_of(f, m);
    }
}

/* ---- all cells together ---- */

static bool compared(const gate_finding *f, const gate_policy *p) {
    return p->metrics[f->metric].measure != GATE_COUNT && f->state != GATE_MISSING &&
           f->state != GATE_BROKEN && f->state != GATE_STALE;
}

static bool protects(const gate_finding *f) {
    return f->is_protected;
}

static bool explores(const gate_finding *f) {
    return !f->is_protected;
}

/* Adjusts the p-values of one family in place; a stop is a question of its own. */
static status adjust(const judgement *j, bool (*belongs)(const gate_finding *),
                     stats_correction how) {
    double p[2 * GATE_CELLS_MAX];
    double *from[2 * GATE_CELLS_MAX];
    size_t order[2 * GATE_CELLS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < j->v->n; i++) {
        gate_finding *f = &j->v->findings[i];
        const gate_metric *m = &j->policy->metrics[f->metric];
        if (!belongs(f) || !compared(f, j->policy) || m->role == GATE_WATCH)
            continue;
        if (isfinite(m->tolerance)) {
            p[n] = f->p;
            from[n++] = &f->p_adjusted;
        }
        if (isfinite(m->stop)) {
            p[n] = f->p_stop;
            from[n++] = &f->p_stop;
        }
    }
    if (n == 0)
        return OK;
    status s = stats_adjust(how, p, n, order, p);
    for (size_t i = 0; s == OK && i < n; i++)
        *from[i] = p[i];
    return s;
}

static void find_breaches(const judgement *j) {
    for (size_t i = 0; i < j->v->n; i++) {
        gate_finding *f = &j->v->findings[i];
        const gate_metric *m = &j->policy->metrics[f->metric];
        if (!compared(f, j->policy) || m->role == GATE_WATCH)
            continue;
        if (isfinite(m->stop) && f->p_stop <= j->policy->alpha)
            f->state = GATE_BEYOND;
        else if (isfinite(m->tolerance) && f->p_adjusted <= j->policy->alpha)
            f->state = GATE_BREACH;
        else if (!f->is_protected)
            f->state = GATE_SHOWN;
    }
}

/* ---- labels, approvals, traffic ---- */

static bool labels_good(const gate_policy *p, const gate_audit *a) {
    if (a->count.bad > a->count.total || (double)a->count.total < p->audited)
        return false;
    return stats_wilson(a->count.bad, a->count.total, 0.9).high <= p->wrong;
}

static unsigned checks_missing(const judgement *j) {
    unsigned missing = 0;
    for (size_t i = 0; i < j->policy->n_checks; i++) {
        bool fresh = j->evidence->checked_s[i] > 0 &&
                     j->now_s - j->evidence->checked_s[i] <= j->policy->max_age_s;
        if (!fresh || !j->evidence->checked_good[i])
            missing |= 1u << i;
    }
    return missing;
}

const char *gate_approval_fault(const gate_policy *p, const gate_approval *a,
                                double now_s) {
    if (!a->who[0] || !a->why[0] || !a->audience[0])
        return "does not say who, why or for whom";
    if (!(a->share > 0 && a->share <= p->audience))
        return "is for a wider audience than the policy allows";
    if (!(a->time_s <= now_s))
        return "is from the future";
    if (!(now_s < a->expires_s))
        return "has expired";
    if (!(a->expires_s - a->time_s <= p->longest_s))
        return "lives longer than the policy allows";
    return NULL;
}

static const gate_approval *approval_for(const judgement *j, size_t metric) {
    for (size_t i = j->evidence->n_approvals; i-- > 0;) {
        const gate_approval *a = &j->evidence->approvals[i];
        if (a->covers[metric] && !gate_approval_fault(j->policy, a, j->now_s))
            return a;
    }
    return NULL;
}

/* false: the split is broken. */
static void judge_traffic(const judgement *j) {
    gate_verdict *v = j->v;
    const gate_evidence *e = j->evidence;
    v->has_traffic = e->has_units && e->units[0] + e->units[1] > 0;
    v->traffic_p = 1;
    if (!v->has_traffic)
        return;
    double c = stats_ratio_concentration(traffic_n_opt, j->policy->traffic_alpha);
    v->traffic_p = p_of(stats_ratio_log_e(e->units, j->policy->shares, 2, c));
    v->split_broken = !(v->traffic_p > j->policy->traffic_alpha);
}

/* ---- what each finding leads to ---- */

static gate_outcome breach_leads_to(const gate_policy *p, const gate_finding *f) {
    const gate_metric *m = &p->metrics[f->metric];
    if (!f->is_protected)
        return GATE_PAUSE;
    return f->slice == 0 || m->role == GATE_STOP ? m->on_breach
                                                 : p->slices[f->slice].on_breach;
}

static void lead_breach(const judgement *j, gate_finding *f) {
    const gate_metric *m = &j->policy->metrics[f->metric];
    f->leads_to = breach_leads_to(j->policy, f);
    if (f->slice > 0 && f->is_protected && j->policy->slices[f->slice].routable)
        j->v->route[f->slice] = true;
    if (!m->approvable)
        return;
    const gate_approval *a = approval_for(j, f->metric);
    unsigned missing = checks_missing(j);
    j->v->checks_missing |= missing;
    f->needs |= (a ? 0 : GATE_NEEDS_APPROVAL) | (missing ? GATE_NEEDS_CHECKS : 0);
    f->leads_to = GATE_HOLD;
    if (a && !missing) {
        f->state = GATE_ALLOWED;
        f->leads_to = GATE_PASS;
        j->v->approval = a;
    }
}

static void lead(const judgement *j, gate_finding *f) {
    const gate_metric *m = &j->policy->metrics[f->metric];
    bool decides = f->is_protected && m->role != GATE_WATCH;
    unsigned lacking = f->state == GATE_MISSING     ? GATE_NEEDS_METRIC
                       : f->state == GATE_STALE     ? GATE_NEEDS_FRESH
                       : f->state == GATE_UNDECIDED ? GATE_NEEDS_SAMPLE
                                                    : 0;
    f->leads_to = GATE_PASS;
    if (f->state == GATE_BROKEN) {
        f->leads_to = GATE_INVALID;
    } else if (f->state == GATE_BEYOND) {
        f->leads_to = f->is_protected ? GATE_ROLLBACK : GATE_PAUSE;
    } else if (f->state == GATE_BREACH && m->role != GATE_WATCH) {
        lead_breach(j, f);
    } else if (f->state == GATE_NO_GAIN) {
        f->leads_to = GATE_PAUSE;
    } else if (decides && lacking) {
        f->leads_to = GATE_HOLD;
        f->needs |= lacking;
    }
    if (decides && m->labels && !j->v->labels_audited[f->slice]) {
        f->needs |= GATE_NEEDS_LABELS;
        f->leads_to = f->leads_to > GATE_HOLD ? f->leads_to : GATE_HOLD;
    }
}

/* Of two outcomes, the one that decides. */
static gate_outcome worse(gate_outcome a, gate_outcome b) {
    return a > b ? a : b;
}

static void conclude(const judgement *j) {
    gate_verdict *v = j->v;
    gate_outcome all = GATE_PASS;
    bool counted = false; /* a count that must not be is there */
    for (size_t i = 0; i < v->n; i++) {
        gate_finding *f = &v->findings[i];
        const gate_metric *m = &j->policy->metrics[f->metric];
        lead(j, f);
        all = worse(all, f->leads_to);
        v->needs |= f->needs;
        counted = counted || (m->measure == GATE_COUNT && f->leads_to == GATE_ROLLBACK);
    }
    if (!v->has_traffic) {
        v->needs |= GATE_NEEDS_TRAFFIC;
        all = worse(all, GATE_HOLD);
    }
    if (v->split_broken || v->from_the_future)
        all = GATE_INVALID;
    v->outcome = counted ? GATE_ROLLBACK : all;
    for (size_t i = 0; i < j->policy->n_slices; i++) /* where there is a canary left */
        v->route[i] = v->route[i] && (all == GATE_HOLD || all == GATE_PAUSE) && !counted;
}

/* What the change is held against, signed like the change. */
static double limit_of(const gate_metric *m, size_t slice) {
    bool gains = m->role == GATE_GAIN && slice == 0;
    return sign_of(m) * (gains ? -m->gain : m->tolerance);
}

static void list_findings(const judgement *j) {
    const gate_policy *p = j->policy;
    for (size_t m = 0; m < p->n_metrics; m++)
        for (size_t s = 0; s < p->n_slices; s++) {
            const gate_metric *metric = &p->metrics[m];
            if (!metric->on[s])
                continue;
            j->v->findings[j->v->n++] = (gate_finding){
                .metric = m,
                .slice = s,
                .is_protected =
                    metric->role != GATE_WATCH &&
                    (s == 0 || metric->role == GATE_STOP || p->slices[s].is_protected),
                .state = metric->role == GATE_WATCH ? GATE_SHOWN : GATE_UNDECIDED,
                .value = {NAN, NAN},
                .change = NAN,
                .low = -INFINITY,
                .high = INFINITY,
                .limit = limit_of(metric, s),
                .detectable = INFINITY,
                .needed = INFINITY,
                .p = 1,
                .p_adjusted = 1,
                .p_stop = 1};
        }
}

status gate_judge(const gate_policy *p, const gate_evidence *e, double now_s, bool report,
                  gate_finding *findings, gate_verdict *out) {
    status s = gate_policy_check(p, NULL);
    if (s != OK || !isfinite(now_s))
        return ERR_INVALID;
    gate_verdict v = {.findings = findings, .from_the_future = e->newest_s > now_s};
    judgement j = {p, e, now_s, report, &v};
    list_findings(&j);
    for (size_t i = 0; i < v.n; i++)
        judge_cell(&j, &v.findings[i]);
    s = adjust(&j, protects, STATS_HOLM);
    if (s == OK)
        s = adjust(&j, explores, STATS_BH);
    if (s != OK)
        return s;
    find_breaches(&j);
    for (size_t i = 0; i < p->n_slices; i++)
        v.labels_audited[i] = labels_good(p, &e->labels[i]);
    judge_traffic(&j);
    conclude(&j);
    *out = v;
    return OK;
}
