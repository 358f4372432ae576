#include "readiness/gate/quantile.h"

#include <math.h>
#include "stats/boundary.h"

/* Values of one arm in (edge of i - 1, edge of i]; bucket -1 holds the zeros. */
typedef struct {
    const histogram *sketch;
    double n;
    double s_least; /* the s of least evidence, near 0 */
} arm;

static double edge(const histogram *h, int i) {
    return i < 0 ? 0 : exp2(ldexp((double)(h->first + i + 1), -h->scale));
}

static double count_of(const histogram *h, int i) {
    return (double)(i < 0 ? h->zero : h->counts[i]);
}

/* The mixture over s falls, then rises. */
static double least_s(const stats_mixture *m, double p, double n) {
    double v = p * (1 - p) * n;
    double low = -p * n;
    double high = (1 - p) * n;
    for (int step = 0; step < 80 && high - low > 1e-6; step++) {
        double left = low + (high - low) / 3;
        double right = high - (high - low) / 3;
        if (stats_mixture_log(m, left, v) < stats_mixture_log(m, right, v))
            high = right;
        else
            low = left;
    }
    return 0.5 * (low + high);
}

static arm arm_of(const histogram *h, const stats_mixture *m, double p) {
    arm a = {h, (double)histogram_total(h), 0};
    a.s_least = least_s(m, p, a.n);
    return a;
}

static double log_at(const stats_mixture *m, double p, double n, double s) {
    return stats_mixture_log(m, s, p * (1 - p) * n);
}

/* What x becomes when it changes by d. */
static double moved(double x, double d, bool relative) {
    return relative ? x * (1 + d) : x + d;
}

/* Walks the candidate's buckets up with y, which only grows. */
typedef struct {
    arm a;
    int next;     /* first bucket whose upper edge was not reached */
    double below; /* values in the buckets before it */
} walker;

/* Values certainly at or below y (its bucket left out) or possibly (taken whole). */
static double count_up_to(walker *w, double y, bool whole) {
    const histogram *h = w->a.sketch;
    while (w->next < HISTOGRAM_BUCKETS &&
           (whole ? edge(h, w->next) <= y : edge(h, w->next) < y))
        w->below += count_of(h, w->next++);
    bool inside =
        whole && w->next < HISTOGRAM_BUCKETS && y >= edge(h, w->next - 1) && y >= 0;
    return w->below + (inside ? count_of(h, w->next) : 0);
}

/* Least evidence of the candidate over all quantiles on the asked side of y. */
static double candidate_log(walker *w, const stats_mixture *m, double p, double y,
                            bool at_most_y) {
    double mean = p * w->a.n;
    double s = count_up_to(w, y, at_most_y) - mean;
    double kindest = at_most_y ? fmin(s, w->a.s_least) : fmax(s, w->a.s_least);
    return log_at(m, p, w->a.n, kindest);
}

double gate_quantile_log_e(const histogram *control, const histogram *candidate, double p,
                           double d, bool relative, const stats_watch *w) {
    if (histogram_total(control) == 0 || histogram_total(candidate) == 0)
        return 0;
    stats_mixture m = stats_beta_binomial_mixture(p * (1 - p) * w->n_opt, w->alpha_opt, p,
                                                  1 - p, false);
    bool at_most_y = w->side == STATS_AT_LEAST; /* refuted: candidate's <= f(x) */
    arm a = arm_of(control, &m, p);
    walker walk = {.a = arm_of(candidate, &m, p), .next = -1};
    double below = 0;
    double best = INFINITY;
    for (int i = -1; i < HISTOGRAM_BUCKETS; i++) {
        double count = count_of(control, i);
        if (count == 0 && i >= 0 && i + 1 < HISTOGRAM_BUCKETS)
            continue; /* x in a gap asks what its neighbours ask */
        /* the end of the bucket that leaves the candidate most room */
        double high = i + 1 < HISTOGRAM_BUCKETS ? edge(control, i) : INFINITY;
        double x = at_most_y ? high : i < 0 ? 0 : edge(control, i - 1);
        double s_low = below - p * a.n;
        double s = fmin(fmax(a.s_least, s_low), s_low + count);
        double sum = log_at(&m, p, a.n, s) +
                     candidate_log(&walk, &m, p, moved(x, d, relative), at_most_y);
        best = fmin(best, sum);
        below += count;
    }
    return best;
}
