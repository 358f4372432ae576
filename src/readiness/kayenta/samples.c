#include "readiness/kayenta/kayenta.h"

#include <math.h>
#include <string.h>
#include "stats/moments.h"
#include "stats/sort.h"

size_t kayenta_remove_nan(double *x, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i]))
            x[kept++] = x[i];
    return kept;
}

size_t kayenta_replace_nan(double *x, size_t n, double value) {
    for (size_t i = 0; i < n; i++)
        x[i] = isnan(x[i]) ? value : x[i];
    return n;
}

kayenta_summary kayenta_summarise(const double *x, size_t n) {
    stats_moments m = stats_moments_of(x, n);
    kayenta_summary s = {.n = n};
    if (n == 0)
        return s;
    s.min = s.max = x[0];
    for (size_t i = 1; i < n; i++) {
        s.min = fmin(s.min, x[i]);
        s.max = fmax(s.max, x[i]);
    }
    s.mean = m.mean;
    s.std = sqrt(stats_variance(&m));
    return s;
}

void kayenta_outliers(kayenta_detector how, double factor, const double *x, size_t n,
                      double *scratch, bool *out) {
    if (n == 0)
        return;
    kayenta_summary s = kayenta_summarise(x, n);
    double low = s.mean - factor * s.std;
    double high = s.mean + factor * s.std;
    if (how == KAYENTA_IQR) {
        memcpy(scratch, x, n * sizeof *x);
        stats_sort(scratch, n);
        double first = stats_sorted_quantile(scratch, n, 0.25);
        double third = stats_sorted_quantile(scratch, n, 0.75);
        low = first - factor * (third - first);
        high = third + factor * (third - first);
    }
    for (size_t i = 0; i < n; i++)
        out[i] = x[i] < low || x[i] > high;
}

/* Chance that a value of the experiment is the larger one, ties half. */
static double superiority(const double *control, size_t n, const double *experiment,
                          size_t m) {
    double wins = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t k = 0; k < n; k++)
            wins += experiment[i] > control[k]    ? 1
                    : experiment[i] == control[k] ? 0.5
                                                  : 0;
    return wins / ((double)n * (double)m);
}

double kayenta_effect_size(kayenta_effect how, const double *control, size_t n_control,
                           const double *experiment, size_t n_experiment) {
    stats_moments c = stats_moments_of(control, n_control);
    stats_moments e = stats_moments_of(experiment, n_experiment);
    if (n_control == 0 || n_experiment == 0)
        return NAN;
    if (how == KAYENTA_CLES)
        return superiority(control, n_control, experiment, n_experiment);
    if (how == KAYENTA_COHEN_D)
        return (e.mean - c.mean) / sqrt((c.m2 + e.m2) / (c.n + e.n - 2));
    return c.mean != 0 && e.mean != 0 ? e.mean / c.mean : NAN;
}
