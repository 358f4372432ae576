#include "stats/sequence_quantile.h"

#include <math.h>
#include "stats/boundary.h"
#include "stats/sort.h"

/* Largest s >= 0 for which the count may exceed (sign 1) or fall short of (-1) p n. */
static double allowed(double p, double n, int sign, const stats_watch *w) {
    bool one_sided = w->side != STATS_BOTH_SIDES;
    double g = sign > 0 ? p : 1 - p;
    double v = p * (1 - p) * n;
    stats_mixture m = stats_beta_binomial_mixture(p * (1 - p) * w->n_opt, w->alpha_opt, g,
                                                  1 - g, one_sided);
    return stats_mixture_bound(&m, v, w->alpha);
}

stats_ranks stats_quantile_ranks(double p, uint64_t n, const stats_watch *w) {
    stats_ranks result = {0, n + 1};
    if (!stats_watch_valid(w) || !(p > 0 && p < 1) || n == 0 || n >= UINT64_C(1) << 53)
        return result;
    double count = (double)n;
    if (w->side != STATS_AT_MOST) { /* at least p n - s values are at or below it */
        double rank = ceil(p * count - allowed(p, count, -1, w) - 1e-9);
        result.low = rank > 0 ? (uint64_t)rank : 0;
    }
    if (w->side != STATS_AT_LEAST) { /* at most p n + s are below it */
        double rank = floor(p * count + allowed(p, count, 1, w) + 1e-9) + 1;
        result.high = rank > count ? n + 1 : (uint64_t)rank;
    }
    return result;
}

stats_interval stats_quantile_sequence(const double *sorted, size_t n, double p,
                                       const stats_watch *w) {
    stats_ranks r = stats_quantile_ranks(p, n, w);
    return (stats_interval){r.low == 0 ? -INFINITY : sorted[r.low - 1],
                            r.high > n ? INFINITY : sorted[r.high - 1]};
}

/* One arm while x walks up: values below and at or below x. */
typedef struct {
    const double *sorted;
    size_t n, below, at_most;
    double shift;   /* added to every value */
    double s_least; /* the s of least evidence */
} arm;

/* The mixture over s falls, then rises; its least is near 0, not at it unless p = 1/2. */
static double least_s(const stats_mixture *m, double p, double n) {
    double v = p * (1 - p) * n;
    double low = -p * n;
    double high = (1 - p) * n;
    while (high - low > 1e-6) {
        double left = low + (high - low) / 3;
        double right = high - (high - low) / 3;
        if (stats_mixture_log(m, left, v) < stats_mixture_log(m, right, v))
            high = right;
        else
            low = left;
    }
    return 0.5 * (low + high);
}

static double value_at(const arm *a, size_t i) {
    return a->sorted[i] + a->shift;
}

static void walk_to(arm *a, double x) {
    while (a->below < a->n && value_at(a, a->below) < x)
        a->below++;
    a->at_most = a->at_most < a->below ? a->below : a->at_most;
    while (a->at_most < a->n && value_at(a, a->at_most) <= x)
        a->at_most++;
}

/* s of the count in [below, at_most] that is kindest to x. */
static double kindest_s(const arm *a, double p) {
    double mean = p * (double)a->n;
    return fmin(fmax(a->s_least, (double)a->below - mean), (double)a->at_most - mean);
}

/* Least sum over the values of both arms. Where both arms are on the same side of their
 * least evidence another x is better for both, so only the stretch between counts. */
static double least_sum(const stats_mixture *m, double p, arm a, arm b) {
    double v_a = p * (1 - p) * (double)a.n;
    double v_b = p * (1 - p) * (double)b.n;
    double best = INFINITY;
    for (size_t i = 0, j = 0; i < a.n || j < b.n;) {
        double x = j == b.n || (i < a.n && value_at(&a, i) <= value_at(&b, j))
                       ? value_at(&a, i)
                       : value_at(&b, j);
        walk_to(&a, x);
        walk_to(&b, x);
        i = a.at_most;
        j = b.at_most;
        double s_a = kindest_s(&a, p);
        double s_b = kindest_s(&b, p);
        if (s_a < a.s_least && s_b < b.s_least)
            continue;
        best =
            fmin(best, stats_mixture_log(m, s_a, v_a) + stats_mixture_log(m, s_b, v_b));
        if (s_a >= a.s_least && s_b >= b.s_least)
            break;
    }
    return best;
}

/* Two arms as one question: log e against "the control moved by shift has the candidate's
 * quantile". */
typedef struct {
    stats_mixture mixture;
    double p;
    arm control, candidate;
} question;

static question ask(const double *control, size_t n_control, const double *candidate,
                    size_t n_candidate, double p, const stats_watch *w) {
    question q = {.mixture = stats_beta_binomial_mixture(p * (1 - p) * w->n_opt,
                                                         w->alpha_opt, p, 1 - p, false),
                  .p = p,
                  .control = {.sorted = control, .n = n_control},
                  .candidate = {.sorted = candidate, .n = n_candidate}};
    q.control.s_least = least_s(&q.mixture, p, (double)n_control);
    q.candidate.s_least = least_s(&q.mixture, p, (double)n_candidate);
    return q;
}

static double log_e(const question *q, double shift) {
    arm moved = q->control;
    moved.shift = shift;
    return least_sum(&q->mixture, q->p, moved, q->candidate);
}

double stats_quantile_ab_log_e(const double *control, size_t n_control,
                               const double *candidate, size_t n_candidate, double p,
                               const stats_watch *w) {
    if (!stats_watch_valid(w) || !(p > 0 && p < 1))
        return NAN;
    if (n_control == 0 || n_candidate == 0)
        return 0;
    question q = ask(control, n_control, candidate, n_candidate, p, w);
    return log_e(&q, 0);
}

/* From a shift that is possible towards one that parts the arms altogether. */
static double cross(const question *q, double inside, double outside, double threshold) {
    if (log_e(q, outside) < threshold)
        return outside > inside ? INFINITY : -INFINITY;
    double enough = 1e-9 * fabs(outside - inside);
    while (fabs(outside - inside) > enough) {
        double middle = 0.5 * (inside + outside);
        if (log_e(q, middle) < threshold)
            inside = middle;
        else
            outside = middle;
    }
    return outside;
}

stats_interval stats_quantile_shift_sequence(const double *control, size_t n_control,
                                             const double *candidate, size_t n_candidate,
                                             double p, const stats_watch *w) {
    if (!stats_watch_valid(w) || !(p > 0 && p < 1))
        return (stats_interval){NAN, NAN};
    if (n_control == 0 || n_candidate == 0)
        return (stats_interval){-INFINITY, INFINITY};
    question q = ask(control, n_control, candidate, n_candidate, p, w);
    double threshold = -log(w->alpha);
    double at = stats_sorted_quantile(candidate, n_candidate, p) -
                stats_sorted_quantile(control, n_control, p);
    double range = candidate[n_candidate - 1] - candidate[0] + control[n_control - 1] -
                   control[0] + 1;
    return (stats_interval){
        w->side == STATS_AT_MOST ? -INFINITY : cross(&q, at, at - range, threshold),
        w->side == STATS_AT_LEAST ? INFINITY : cross(&q, at, at + range, threshold)};
}
