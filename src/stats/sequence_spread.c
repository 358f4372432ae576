#include "stats/sequence_spread.h"

#include <math.h>
#include "stats/boundary.h"

void stats_shape_merge(stats_shape *s, const stats_shape *more) {
    if (more->n == 0)
        return;
    double a = s->n;
    double b = more->n;
    double n = a + b;
    double d = more->mean - s->mean;
    double step = d / n;
    double m4 = s->m4 + more->m4 +
                d * step * step * step * a * b * (a * a - a * b + b * b) +
                6 * step * step * (a * a * more->m2 + b * b * s->m2) +
                4 * step * (a * more->m3 - b * s->m3);
    double m3 = s->m3 + more->m3 + d * step * step * a * b * (a - b) +
                3 * step * (a * more->m2 - b * s->m2);
    s->m2 += more->m2 + d * step * a * b;
    s->m3 = m3;
    s->m4 = m4;
    s->mean += step * b;
    s->n = n;
}

void stats_shape_add(stats_shape *s, double x) {
    stats_shape one = {.n = 1, .mean = x};
    stats_shape_merge(s, &one);
}

/* Asymptotic variance of ln of the standard deviation. */
static double log_spread_variance(const stats_shape *s) {
    double kurtosis = s->m4 * s->n / (s->m2 * s->m2);
    return (kurtosis - 1) / (4 * s->n);
}

stats_interval stats_spread_ratio_sequence(const stats_shape *control,
                                           const stats_shape *candidate,
                                           const stats_watch *w) {
    if (!stats_watch_valid(w) || !isfinite(control->m4) || !isfinite(candidate->m4))
        return (stats_interval){NAN, NAN};
    double burn_in = fmax(w->burn_in, STATS_SPREAD_BURN_IN);
    double variance = log_spread_variance(control) + log_spread_variance(candidate);
    if (control->n < burn_in || candidate->n < burn_in || !(variance > 0))
        return (stats_interval){0, INFINITY};
    /* time in observations an arm, as the mean's: n_1 n_2 / (n_1 + n_2) */
    double time = control->n * candidate->n / (control->n + candidate->n);
    stats_mixture m =
        stats_normal_mixture(w->n_opt / 2, w->alpha_opt, w->side != STATS_BOTH_SIDES);
    double half = stats_mixture_bound(&m, time, w->alpha) / sqrt(time) * sqrt(variance);
    double at =
        0.5 * log(candidate->m2 / (candidate->n - 1) / (control->m2 / (control->n - 1)));
    return (stats_interval){w->side == STATS_AT_MOST ? 0 : exp(at - half),
                            w->side == STATS_AT_LEAST ? INFINITY : exp(at + half)};
}
