#include "stats/sequence_fraction.h"

#include <math.h>
#include "stats/boundary.h"

static const stats_interval broken = {NAN, NAN};

/* Shares are looked for in [edge, 1 - edge]; an interval that reaches an edge is taken to
 * reach the end. */
static const double edge = 1e-12;

/* Which way a share has to be off to count as evidence. */
typedef enum { EITHER_WAY, ABOVE, BELOW } way;

static double arm_log(stats_count c, double p, way to, const stats_watch *w) {
    double n = (double)c.total;
    double s = (double)c.bad - p * n;
    double g = to == BELOW ? 1 - p : p;
    double spread = p * (1 - p);
    stats_mixture m = stats_beta_binomial_mixture(spread * w->n_opt, w->alpha_opt, g,
                                                  1 - g, to != EITHER_WAY);
    return stats_mixture_log(&m, to == BELOW ? -s : s, spread * n);
}

static bool count_valid(stats_count c) {
    return c.bad <= c.total && c.total < UINT64_C(1) << 53;
}

/* What may still be true: f(x, context) is log e against x, falling then rising in x. */
typedef double log_e_of(double x, const void *context);

/* The x between `inside` (little evidence) and `outside` where the evidence becomes
 * `threshold`; `outside` if it never does. */
static double cross(log_e_of *f, const void *context, double inside, double outside,
                    double threshold) {
    if (f(outside, context) < threshold)
        return outside;
    for (int step = 0; step < 60; step++) {
        double middle = 0.5 * (inside + outside);
        if (fabs(outside - inside) <= 1e-11 * fabs(middle))
            break;
        if (f(middle, context) < threshold)
            inside = middle;
        else
            outside = middle;
    }
    return outside;
}

typedef struct {
    stats_count count;
    way to;
    const stats_watch *watch;
} share_question;

static double share_log_e(double p, const void *context) {
    const share_question *q = context;
    return arm_log(q->count, p, q->to, q->watch);
}

static way way_of(stats_side side) {
    return side == STATS_BOTH_SIDES ? EITHER_WAY : side == STATS_AT_LEAST ? ABOVE : BELOW;
}

stats_interval stats_fraction_sequence(stats_count c, const stats_watch *w) {
    if (!stats_watch_valid(w) || !count_valid(c))
        return broken;
    stats_interval result = {0, 1};
    if (c.total == 0)
        return result;
    share_question q = {c, way_of(w->side), w};
    double at = fmin(fmax((double)c.bad / (double)c.total, edge), 1 - edge);
    if (c.bad > 0 && w->side != STATS_AT_MOST)
        result.low = cross(share_log_e, &q, at, edge, -log(w->alpha));
    if (c.bad < c.total && w->side != STATS_AT_LEAST)
        result.high = cross(share_log_e, &q, at, 1 - edge, -log(w->alpha));
    result.low = result.low <= edge ? 0 : result.low;
    result.high = result.high >= 1 - edge ? 1 : result.high;
    return result;
}

double stats_fraction_log_e(stats_count c, double p, const stats_watch *w) {
    if (!stats_watch_valid(w) || !count_valid(c) || !(p > 0 && p < 1))
        return NAN;
    return arm_log(c, p, way_of(w->side), w);
}

/* Two arms: candidate's share is p + by or p * by. */
typedef struct {
    stats_count control, candidate;
    bool ratio;
    const stats_watch *watch;
} pair_question;

static double pair_log(const pair_question *q, double p, double by) {
    double other = q->ratio ? p * by : p + by;
    way up = way_of(q->watch->side);
    way down = up == EITHER_WAY ? up : up == ABOVE ? BELOW : ABOVE;
    /* control as extreme in the one way as candidate in the other */
    return arm_log(q->control, p, down, q->watch) +
           arm_log(q->candidate, fmin(fmax(other, edge), 1 - edge), up, q->watch);
}

/* Least evidence over the control share p, by golden section: both arms' evidence is one
 * valley, and so is the sum. Two-sided it lies between the arms' own shares; one-sided
 * evidence still falls a little beyond them. */
static double pair_log_e(double by, const void *context) {
    const double golden = 0.61803398874989484820;
    const pair_question *q = context;
    double control = (double)q->control.bad / (double)q->control.total;
    double candidate = (double)q->candidate.bad / (double)q->candidate.total;
    double shifted = q->ratio ? candidate / by : candidate - by;
    double least = q->ratio ? edge : fmax(edge, edge - by);
    double most =
        q->ratio ? fmin(1 - edge, (1 - edge) / by) : fmin(1 - edge, 1 - edge - by);
    bool between = q->watch->side == STATS_BOTH_SIDES;
    double low = between ? fmin(fmax(fmin(control, shifted), least), most) : least;
    double high = between ? fmin(fmax(fmax(control, shifted), least), most) : most;
    double left = high - golden * (high - low);
    double right = low + golden * (high - low);
    double at_left = pair_log(q, left, by);
    double at_right = pair_log(q, right, by);
    double best = fmin(pair_log(q, low, by), pair_log(q, high, by));
    for (int step = 0; step < 40 && high - low > 1e-7 * high; step++) {
        best = fmin(best, fmin(at_left, at_right));
        if (at_left < at_right) {
            high = right;
            right = left;
            at_right = at_left;
            left = high - golden * (high - low);
            at_left = pair_log(q, left, by);
        } else {
            low = left;
            left = right;
            at_left = at_right;
            right = low + golden * (high - low);
            at_right = pair_log(q, right, by);
        }
    }
    return fmin(best, fmin(at_left, at_right));
}

static bool pair_valid(const pair_question *q) {
    return stats_watch_valid(q->watch) && count_valid(q->control) &&
           count_valid(q->candidate);
}

stats_interval stats_fraction_difference_sequence(stats_count control,
                                                  stats_count candidate,
                                                  const stats_watch *w) {
    pair_question q = {control, candidate, false, w};
    stats_interval result = {-1, 1};
    if (!pair_valid(&q))
        return broken;
    if (control.total == 0 || candidate.total == 0)
        return result;
    double at = (double)candidate.bad / (double)candidate.total -
                (double)control.bad / (double)control.total;
    double threshold = -log(w->alpha);
    if (w->side != STATS_AT_MOST)
        result.low = cross(pair_log_e, &q, at, -1 + 3 * edge, threshold);
    if (w->side != STATS_AT_LEAST)
        result.high = cross(pair_log_e, &q, at, 1 - 3 * edge, threshold);
    return result;
}

stats_interval stats_fraction_ratio_sequence(stats_count control, stats_count candidate,
                                             const stats_watch *w) {
    pair_question q = {control, candidate, true, w};
    stats_interval result = {0, INFINITY};
    if (!pair_valid(&q))
        return broken;
    if (control.total == 0 || candidate.total == 0)
        return result;
    const double farthest = 1e9;
    double p = (double)control.bad / (double)control.total;
    double at = (double)candidate.bad / (double)candidate.total / p;
    double threshold = -log(w->alpha);
    if (candidate.bad > 0 && w->side != STATS_AT_MOST)
        result.low = cross(pair_log_e, &q, fmin(at, farthest), 1 / farthest, threshold);
    if (control.bad > 0 && w->side != STATS_AT_LEAST)
        result.high = cross(pair_log_e, &q, fmax(at, 1 / farthest), farthest, threshold);
    result.low = result.low <= 1 / farthest ? 0 : result.low;
    result.high = result.high >= farthest ? INFINITY : result.high;
    return result;
}

double stats_fraction_difference_log_e(stats_count control, stats_count candidate,
                                       double d, const stats_watch *w) {
    pair_question q = {control, candidate, false, w};
    if (!pair_valid(&q) || !(d > -1 && d < 1))
        return NAN;
    return control.total == 0 || candidate.total == 0 ? 0 : pair_log_e(d, &q);
}
