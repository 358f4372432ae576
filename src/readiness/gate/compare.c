#include "readiness/gate/compare.h"

#include <math.h>
#include "readiness/gate/quantile.h"
#include "stats/boundary.h"
#include "stats/sequence_mean.h"

static const double default_n_opt = 500;
static const double log_e_max = 700; /* exp(-700): a smaller p-value says no more */

/* ---- what an arm is ---- */

/* ln of a sketch's values: the middle of each bucket on the log scale. */
static stats_shape shape_of_sketch(const histogram *h) {
    stats_shape s = {0};
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (h->counts[i] == 0)
            continue;
        double middle = ldexp(h->first + i + 0.5, -h->scale) * 0.69314718055994530942;
        stats_shape bucket = {.n = (double)h->counts[i], .mean = middle};
        stats_shape_merge(&s, &bucket);
    }
    return s;
}

/* A mean of ratios that behaves like a mean of values. */
static stats_moments linearised(const stats_pairs *p) {
    double r = p->mean_y / p->mean_x;
    double squares = p->c_yy - 2 * r * p->c_xy + r * r * p->c_xx;
    return (stats_moments){p->n, r, fmax(squares, 0) / (p->mean_x * p->mean_x)};
}

static bool pairs_valid(const stats_pairs *p) {
    double slack = 1e-9 * p->c_xx * p->c_yy;
    return p->mean_x > 0 && p->mean_x < INFINITY && isfinite(p->mean_y) && p->c_xx >= 0 &&
           p->c_yy >= 0 && p->c_xy * p->c_xy <= p->c_xx * p->c_yy + slack;
}

/* m4 m2 >= m3^2 + m2^3 / n holds for all numbers (Pearson's inequality). */
static bool shape_valid(const stats_shape *s, bool fourth) {
    bool good = isfinite(s->mean) && s->m2 >= 0 && s->m2 < INFINITY;
    if (!fourth || !good)
        return good;
    return isfinite(s->m3) && s->m4 < INFINITY &&
           s->m4 * s->m2 >= (s->m3 * s->m3 + s->m2 * s->m2 * s->m2 / s->n) * (1 - 1e-6);
}

static gate_data arm_of_logs(const gate_sample *s, bool fourth, stats_shape *out) {
    stats_shape sketched = shape_of_sketch(&s->sketch);
    *out = s->values;
    stats_shape_merge(out, &sketched);
    if (s->sketch.zero > 0)
        return GATE_DATA_BROKEN;
    if (!(out->n > 0))
        return GATE_DATA_MISSING;
    return shape_valid(out, fourth) ? GATE_DATA_GOOD : GATE_DATA_BROKEN;
}

static gate_data arm_of_count(const gate_sample *s, double *n, double *value) {
    *n = (double)s->count.total;
    if (s->count.bad > s->count.total)
        return GATE_DATA_BROKEN;
    if (s->count.total == 0)
        return GATE_DATA_MISSING;
    *value = (double)s->count.bad / (double)s->count.total;
    return GATE_DATA_GOOD;
}

/* One arm of the comparison. */
static gate_data arm_of(gate_comparison *c, int arm, const gate_sample *s) {
    const gate_metric *m = c->metric;
    gate_data data = GATE_DATA_GOOD;
    switch (m->measure) {
    case GATE_MEAN:
        c->moments[arm] = (stats_moments){s->values.n, s->values.mean, s->values.m2};
        c->n[arm] = s->values.n;
        c->value[arm] = s->values.mean;
        data = shape_valid(&s->values, false) ? data : GATE_DATA_BROKEN;
        break;
    case GATE_RATIO:
        c->n[arm] = s->blocks.n;
        if (s->blocks.n > 0 && !pairs_valid(&s->blocks))
            return GATE_DATA_BROKEN;
        if (s->blocks.n > 0)
            c->moments[arm] = linearised(&s->blocks);
        c->value[arm] = c->moments[arm].mean;
        break;
    case GATE_FRACTION:
    case GATE_COUNT:
        data = arm_of_count(s, &c->n[arm], &c->value[arm]);
        if (m->measure == GATE_COUNT)
            c->value[arm] = (double)s->count.bad;
        break;
    case GATE_QUANTILE:
        c->n[arm] = (double)histogram_total(&s->sketch);
        if (c->n[arm] > 0)
            c->value[arm] = histogram_quantile(&s->sketch, m->quantile);
        break;
    case GATE_LATENCY:
    case GATE_SPREAD:
        data = arm_of_logs(s, m->measure == GATE_SPREAD, &c->shape[arm]);
        c->n[arm] = c->shape[arm].n;
        c->moments[arm] =
            (stats_moments){c->n[arm], c->shape[arm].mean, c->shape[arm].m2};
        c->value[arm] = m->measure == GATE_LATENCY
                            ? exp(c->shape[arm].mean)
                            : sqrt(c->shape[arm].m2 / fmax(c->n[arm] - 1, 1));
        break;
    }
    if (s->broken || !(c->n[arm] >= 0))
        return GATE_DATA_BROKEN;
    return c->n[arm] == 0 && data == GATE_DATA_GOOD ? GATE_DATA_MISSING : data;
}

/* A relative change needs something to relate to. */
static bool has_base(const gate_comparison *c) {
    return !c->metric->relative || c->value[0] > 0;
}

gate_data gate_compare(const gate_metric *m, const gate_cell *cell, double alpha,
                       gate_comparison *out) {
    double n_opt = m->sample > 0 ? m->sample : default_n_opt;
    gate_comparison c = {.metric = m,
                         .value = {NAN, NAN},
                         .change = NAN,
                         .watch = stats_watch_of(alpha, n_opt, STATS_BOTH_SIDES),
                         .cell = cell};
    c.watch.burn_in = GATE_BURN_IN;
    gate_data control = arm_of(&c, 0, &cell->arms[0]);
    gate_data candidate = arm_of(&c, 1, &cell->arms[1]);
    if (m->measure == GATE_COUNT && control == GATE_DATA_MISSING)
        control = GATE_DATA_GOOD; /* it is the candidate's alone */
    gate_data data = control > candidate ? control : candidate;
    if (data == GATE_DATA_GOOD && c.value[0] < 0 && m->relative)
        data = GATE_DATA_BROKEN;
    if (data == GATE_DATA_GOOD && has_base(&c))
        c.change = m->relative ? c.value[1] / c.value[0] - 1 : c.value[1] - c.value[0];
    *out = c;
    return data;
}

/* ---- evidence ---- */

static double mean_log_e(const gate_comparison *c, double d, const stats_watch *w) {
    if (c->metric->measure == GATE_LATENCY)
        return stats_mean_difference_log_e(&c->moments[0], &c->moments[1], log1p(d), w);
    if (!c->metric->relative)
        return stats_mean_difference_log_e(&c->moments[0], &c->moments[1], d, w);
    stats_moments scaled = c->moments[0];
    scaled.mean *= 1 + d;
    scaled.m2 *= (1 + d) * (1 + d);
    return stats_mean_difference_log_e(&scaled, &c->moments[1], 0, w);
}

/* Interval of a change that src/stats gives directly. */
static stats_interval direct_interval(const gate_comparison *c, const stats_watch *w) {
    const gate_cell *cell = c->cell;
    if (c->metric->measure == GATE_FRACTION && !c->metric->relative)
        return stats_fraction_difference_sequence(cell->arms[0].count,
                                                  cell->arms[1].count, w);
    stats_interval r =
        c->metric->measure == GATE_SPREAD
            ? stats_spread_ratio_sequence(&c->shape[0], &c->shape[1], w)
            : stats_fraction_ratio_sequence(cell->arms[0].count, cell->arms[1].count, w);
    return (stats_interval){r.low - 1, r.high - 1};
}

static bool excludes(const gate_comparison *c, double d, const stats_watch *w) {
    stats_interval i = direct_interval(c, w);
    return w->side == STATS_AT_LEAST ? i.low > d : i.high < d;
}

/* The evidence against d of a sequence that only gives intervals: the smallest alpha that
 * still excludes d. alpha_opt stays, so it is the same sequence at every alpha. */
static double inverted_log_e(const gate_comparison *c, double d, const stats_watch *w) {
    stats_watch at = *w;
    at.alpha = 0.4999;
    if (!excludes(c, d, &at))
        return 0;
    double low = -log(at.alpha);
    double high = log_e_max;
    while (high - low > 1e-3 * high) {
        double middle = 0.5 * (low + high);
        at.alpha = exp(-middle);
        if (excludes(c, d, &at))
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool inverted(const gate_metric *m) {
    return m->measure == GATE_SPREAD || (m->measure == GATE_FRACTION && m->relative);
}

double gate_log_e(const gate_comparison *c, double d, stats_side side) {
    const gate_metric *m = c->metric;
    const gate_cell *cell = c->cell;
    stats_watch w = c->watch;
    w.side = side;
    if (!has_base(c))
        return 0;
    if (m->relative && d <= -1) /* a value below nothing: impossible */
        return side == STATS_AT_LEAST ? log_e_max : 0;
    if (isinf(d))
        return (d > 0) == (side == STATS_AT_MOST) ? log_e_max : 0;
    if (inverted(m))
        return inverted_log_e(c, d, &w);
    if (m->measure == GATE_FRACTION) {
        if (fabs(d) >= 1) /* no two shares differ by more */
            return (d > 0) == (side == STATS_AT_MOST) ? log_e_max : 0;
        return stats_fraction_difference_log_e(cell->arms[0].count, cell->arms[1].count,
                                               d, &w);
    }
    if (m->measure == GATE_QUANTILE)
        return gate_quantile_log_e(&cell->arms[0].sketch, &cell->arms[1].sketch,
                                   m->quantile, d, m->relative, &w);
    return mean_log_e(c, d, &w);
}

/* ---- intervals ---- */

/* A width beyond which nobody looks: a thousand times all values there are. */
static double far_off(const gate_comparison *c) {
    if (c->metric->relative)
        return 1e4;
    return 1e3 * (fabs(c->value[0]) + fabs(c->value[1])) + 1;
}

/* From the estimate outwards to where the evidence suffices. */
static double end_of(const gate_comparison *c, stats_side side) {
    double outwards = side == STATS_AT_LEAST ? -1 : 1;
    double threshold = -log(c->watch.alpha);
    double inside = c->change;
    double step = 0.01 * (fabs(inside) + (c->metric->relative ? 1 : fabs(c->value[0])));
    step = step > 0 ? step : 0.01;
    double outside = inside + outwards * step;
    while (gate_log_e(c, outside, side) < threshold) {
        inside = outside;
        step *= 2;
        outside += outwards * step;
        if (step > far_off(c))
            return outwards * INFINITY;
    }
    if (c->metric->relative && outside < -1)
        outside = -1;
    double enough = 1e-7 * fmax(fabs(outside - c->change), 1e-9);
    while (fabs(outside - inside) > enough) {
        double middle = 0.5 * (inside + outside);
        if (middle == inside || middle == outside)
            break;
        if (gate_log_e(c, middle, side) < threshold)
            inside = middle;
        else
            outside = middle;
    }
    return outside;
}

stats_interval gate_interval(const gate_comparison *c) {
    const gate_metric *m = c->metric;
    if (m->measure == GATE_COUNT || isnan(c->change) || !has_base(c))
        return (stats_interval){-INFINITY, INFINITY};
    if (inverted(m) || m->measure == GATE_FRACTION) {
        stats_watch w = c->watch;
        w.side = STATS_AT_LEAST;
        double low = direct_interval(c, &w).low;
        w.side = STATS_AT_MOST;
        return (stats_interval){low, direct_interval(c, &w).high};
    }
    return (stats_interval){end_of(c, STATS_AT_LEAST), end_of(c, STATS_AT_MOST)};
}
