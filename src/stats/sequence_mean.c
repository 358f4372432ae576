#include "stats/sequence_mean.h"

#include <math.h>
#include "stats/boundary.h"
#include "stats/special.h"

static const stats_interval broken = {NAN, NAN};

/* An estimate with its error, reduced to what the t mixture wants. */
typedef struct {
    double value, standard_error;
    double nu;   /* degrees of freedom of the error */
    double time; /* observations' worth, n or n_1 n_2 / (n_1 + n_2) */
    double rho;
} estimate;

static double log_one_sided(double k, double nu, double t) {
    double to = t < INFINITY ? sqrt((1 - k) / (nu / t / t + k) * (nu + 1))
                             : sqrt((1 - k) / k * (nu + 1));
    return log(2) + log(stats_student_upper(nu + 1, t < 0 ? to : -to));
}

/* log e at the statistic t; t may be infinite (no variance seen at all). */
static double t_mixture_log(const estimate *e, double t, bool one_sided) {
    double k = e->rho / (e->rho + e->time);
    double square = t * t / e->nu;
    double gain = square < INFINITY ? log1p(square) - log1p(k * square) : -log(k);
    double both = 0.5 * log(k) + 0.5 * (e->nu + 1) * gain;
    return one_sided ? both + log_one_sided(k, e->nu, t) : both;
}

/* The t at which the two-sided log e is ln(1 / alpha); inf if it never is. */
static double t_bound_both(const estimate *e, double alpha) {
    double k = e->rho / (e->rho + e->time);
    double a = exp((-2 * log(alpha) - log(k)) / (e->nu + 1));
    return k * a < 1 ? sqrt(e->nu * (a - 1) / (1 - k * a)) : INFINITY;
}

static double t_bound_one(const estimate *e, double alpha) {
    double threshold = -log(alpha);
    if (t_mixture_log(e, INFINITY, true) < threshold)
        return INFINITY;
    double low = 0;
    double high = 4;
    while (t_mixture_log(e, high, true) < threshold)
        high *= 2;
    while (high - low > 1e-12 * high) {
        double middle = 0.5 * (low + high);
        if (t_mixture_log(e, middle, true) < threshold)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static stats_interval around(const estimate *e, const stats_watch *w) {
    double t = w->side == STATS_BOTH_SIDES ? t_bound_both(e, w->alpha)
                                           : t_bound_one(e, w->alpha);
    double half = t < INFINITY ? t * e->standard_error : INFINITY;
    return (stats_interval){w->side == STATS_AT_MOST ? -INFINITY : e->value - half,
                            w->side == STATS_AT_LEAST ? INFINITY : e->value + half};
}

static bool moments_valid(const stats_moments *m) {
    return m->n >= 0 && m->n < INFINITY && m->m2 >= 0 && m->m2 < INFINITY &&
           isfinite(m->mean);
}

static bool enough(const stats_moments *m, const stats_watch *w) {
    return m->n >= 2 && m->n >= w->burn_in;
}

stats_interval stats_mean_sequence(const stats_moments *m, const stats_watch *w) {
    if (!stats_watch_valid(w) || !moments_valid(m))
        return broken;
    if (!enough(m, w))
        return (stats_interval){-INFINITY, INFINITY};
    estimate e = {m->mean, sqrt(stats_variance(m) / m->n), m->n - 1, m->n,
                  stats_best_rho(w->n_opt, w->alpha_opt, w->side != STATS_BOTH_SIDES)};
    return around(&e, w);
}

/* The larger of Welch's and the pooled squared error. They are equal when the arms are;
 * in a small arm of skewed values the variance is underestimated just when the mean is
 * low, and Welch's alone would then take a tenth of the traffic for an improvement. */
static double squared_error(const stats_moments *a, const stats_moments *b) {
    double welch = stats_variance(a) / a->n + stats_variance(b) / b->n;
    double pooled = (a->m2 + b->m2) / (a->n + b->n - 2) * (1 / a->n + 1 / b->n);
    return fmax(welch, pooled);
}

static double degrees_of_freedom(const stats_moments *a, const stats_moments *b) {
    double p = stats_variance(a) / a->n;
    double q = stats_variance(b) / b->n;
    double welch = (p + q) * (p + q) / (p * p / (a->n - 1) + q * q / (b->n - 1));
    return p + q > 0 ? welch : a->n + b->n - 2;
}

static estimate difference(const stats_moments *control, const stats_moments *candidate,
                           const stats_watch *w) {
    return (estimate){
        .value = candidate->mean - control->mean,
        .standard_error = sqrt(squared_error(control, candidate)),
        .nu = degrees_of_freedom(control, candidate),
        .time = control->n * candidate->n / (control->n + candidate->n),
        .rho = stats_best_rho(w->n_opt / 2, w->alpha_opt, w->side != STATS_BOTH_SIDES)};
}

stats_interval stats_mean_difference_sequence(const stats_moments *control,
                                              const stats_moments *candidate,
                                              const stats_watch *w) {
    if (!stats_watch_valid(w) || !moments_valid(control) || !moments_valid(candidate))
        return broken;
    if (!enough(control, w) || !enough(candidate, w))
        return (stats_interval){-INFINITY, INFINITY};
    estimate e = difference(control, candidate, w);
    return around(&e, w);
}

double stats_mean_difference_log_e(const stats_moments *control,
                                   const stats_moments *candidate, double d,
                                   const stats_watch *w) {
    if (!stats_watch_valid(w) || !moments_valid(control) || !moments_valid(candidate) ||
        !isfinite(d))
        return NAN;
    if (!enough(control, w) || !enough(candidate, w))
        return 0;
    estimate e = difference(control, candidate, w);
    double off = w->side == STATS_AT_MOST ? d - e.value : e.value - d;
    double t = off == 0 ? 0 : off / e.standard_error;
    return t_mixture_log(&e, t, w->side != STATS_BOTH_SIDES);
}

stats_interval stats_latency_ratio_sequence(const stats_moments *log_control,
                                            const stats_moments *log_candidate,
                                            const stats_watch *w) {
    stats_interval d = stats_mean_difference_sequence(log_control, log_candidate, w);
    return (stats_interval){exp(d.low), exp(d.high)};
}

double stats_mean_difference_detectable(const stats_moments *control,
                                        const stats_moments *candidate,
                                        const stats_watch *w) {
    stats_interval d = stats_mean_difference_sequence(control, candidate, w);
    double at = candidate->mean - control->mean;
    return w->side == STATS_AT_MOST ? d.high - at : at - d.low;
}
