#include "stats/interval.h"

#include <math.h>
#include <stdbool.h>
#include "stats/special.h"

static const stats_interval broken = {NAN, NAN};
static const stats_interval any_share = {0, 1};
static const stats_interval any_number = {-INFINITY, INFINITY};

static bool confidence_valid(double confidence) {
    return confidence > 0 && confidence < 1;
}

stats_interval stats_wilson(uint64_t successes, uint64_t trials, double confidence) {
    if (!confidence_valid(confidence) || successes > trials)
        return broken;
    if (trials == 0)
        return any_share;
    double n = (double)trials;
    double p = (double)successes / n;
    double z = stats_normal_upper_quantile((1 - confidence) / 2);
    double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
    /* at the ends middle and half are equal but for rounding */
    return (stats_interval){successes == 0 ? 0 : middle - half,
                            successes == trials ? 1 : middle + half};
}

stats_interval stats_clopper_pearson(uint64_t successes, uint64_t trials,
                                     double confidence) {
    if (!confidence_valid(confidence) || successes > trials)
        return broken;
    if (trials == 0)
        return any_share;
    double k = (double)successes;
    double n = (double)trials;
    double tail = (1 - confidence) / 2;
    return (stats_interval){
        successes == 0 ? 0 : stats_beta_quantile(k, n - k + 1, tail),
        successes == trials ? 1 : stats_beta_upper_quantile(k + 1, n - k, tail)};
}

stats_interval stats_newcombe(uint64_t control_successes, uint64_t control_trials,
                              uint64_t candidate_successes, uint64_t candidate_trials,
                              double confidence) {
    stats_interval control = stats_wilson(control_successes, control_trials, confidence);
    stats_interval candidate =
        stats_wilson(candidate_successes, candidate_trials, confidence);
    if (isnan(control.low) || isnan(candidate.low))
        return broken;
    if (control_trials == 0 || candidate_trials == 0)
        return (stats_interval){-1, 1};
    double p = (double)control_successes / (double)control_trials;
    double q = (double)candidate_successes / (double)candidate_trials;
    return (stats_interval){q - p - hypot(q - candidate.low, control.high - p),
                            q - p + hypot(candidate.high - q, p - control.low)};
}

static stats_interval around(double middle, double standard_error, double df,
                             double confidence) {
    double half = stats_student_upper_quantile(df, (1 - confidence) / 2) * standard_error;
    return (stats_interval){middle - half, middle + half};
}

stats_interval stats_mean_interval(const stats_moments *m, double confidence) {
    if (!confidence_valid(confidence) || !isfinite(m->mean) || !(m->m2 >= 0))
        return broken;
    if (m->n < 2)
        return any_number;
    return around(m->mean, sqrt(stats_variance(m) / m->n), m->n - 1, confidence);
}

stats_interval stats_mean_difference(const stats_moments *control,
                                     const stats_moments *candidate, double confidence) {
    double difference = candidate->mean - control->mean;
    if (!confidence_valid(confidence) || !isfinite(difference) ||
        !(control->m2 >= 0 && candidate->m2 >= 0))
        return broken;
    if (control->n < 2 || candidate->n < 2)
        return any_number;
    double a = stats_variance(control) / control->n;
    double b = stats_variance(candidate) / candidate->n;
    if (a + b == 0)
        return (stats_interval){difference, difference};
    double df =
        (a + b) * (a + b) / (a * a / (control->n - 1) + b * b / (candidate->n - 1));
    return around(difference, sqrt(a + b), df, confidence);
}

stats_interval stats_poisson_interval(uint64_t events, double confidence) {
    if (!confidence_valid(confidence))
        return broken;
    double k = (double)events;
    double tail = (1 - confidence) / 2;
    return (stats_interval){events == 0 ? 0 : stats_gamma_quantile(k, tail),
                            stats_gamma_upper_quantile(k + 1, tail)};
}

double stats_ratio(const stats_pairs *p) {
    return p->n > 0 && p->mean_x > 0 ? p->mean_y / p->mean_x : NAN;
}

double stats_ratio_standard_error(const stats_pairs *p) {
    if (p->n < 2)
        return INFINITY;
    double r = stats_ratio(p);
    /* sum (y - R x)^2: the residuals have mean 0 by the choice of R */
    double residual = p->c_yy - 2 * r * p->c_xy + r * r * p->c_xx;
    residual = residual < 0 ? 0 : residual; /* rounding; a NaN stays */
    return sqrt(residual / (p->n - 1) / p->n) / p->mean_x;
}

stats_interval stats_ratio_interval(const stats_pairs *p, double confidence) {
    if (!confidence_valid(confidence) || !isfinite(p->mean_x) || !isfinite(p->mean_y))
        return broken;
    if (p->n < 2 || p->mean_x <= 0)
        return any_number;
    return around(stats_ratio(p), stats_ratio_standard_error(p), p->n - 1, confidence);
}
