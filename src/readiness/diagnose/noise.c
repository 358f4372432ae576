#include "readiness/diagnose/noise.h"

#include <math.h>

#include "stats/sort.h"

#define BINS 8         /* of row sizes: enough to see two kinds of noise */
#define BIN_ROWS_MIN 8 /* below it a quantile means little */
#define QUIET 0.4      /* quantile of |d| taken as noise: up to 60 % of rows may change */
#define QUIET_NORMAL 0.5244005127080407 /* the same quantile of |N(0, 1)| */
#define FLOOR 0.003                     /* a model is not trusted closer than 0.3 % */
#define FREEDOM 3.0

double slice_disagreement(double seen, double model) {
    double sum = seen + model;
    return sum > 0 ? 2 * (seen - model) / sum : 0;
}

double slice_deviance(slice_noise noise, double seen, double model, double expected,
                      double spread) {
    double largest = fmax(seen, expected);
    if (!(model > 0))
        return seen > 0 ? 4 / (noise.s2 + noise.phi * spread) : 0;
    double twice = 2 * ((seen > 0 ? seen * log(seen / model) : 0) - (seen - model));
    return fmax(twice, 0) / (noise.phi * spread * largest + noise.s2 * fmax(seen, model));
}

double slice_loss(double deviance) {
    return (FREEDOM + 1) / 2 * log1p(deviance / FREEDOM);
}

/* For a ratio phi / s2, the s2 that fits the bins best and how well it does (mean squared
 * error of the logarithms). */
static double fit_scale(const double *variance, const double *spread, int n, double ratio,
                        double *out_s2) {
    double mean = 0, square = 0;
    for (int b = 0; b < n; b++) {
        double e = log(variance[b]) - log(1 + ratio * spread[b]);
        mean += e / n;
        square += e * e / n;
    }
    *out_s2 = exp(mean);
    return square - mean * mean;
}

slice_noise slice_noise_fit(const double *d, const double *spread, size_t n,
                            size_t *order, double *key) {
    double variance[BINS], size[BINS];
    int bins = n >= (size_t)BINS * BIN_ROWS_MIN ? BINS : n >= BIN_ROWS_MIN ? 1 : 0;
    if (bins == 0)
        return (slice_noise){.s2 = 0.01, .phi = 1}; /* a count, and 10 % */
    stats_sort_order(spread, n, order);
    for (size_t i = 0; i < n; i++)
        key[i] = fabs(d[order[i]]);
    for (int b = 0; b < bins; b++) {
        size_t from = n * (size_t)b / (size_t)bins;
        size_t rows = n * (size_t)(b + 1) / (size_t)bins - from;
        size[b] = spread[order[from + rows / 2]];
        stats_sort(key + from, rows);
        double quiet = key[from + (size_t)(QUIET * (double)rows)] / QUIET_NORMAL;
        variance[b] = fmax(quiet * quiet, FLOOR * FLOOR);
    }
    double s2, best = fit_scale(variance, size, bins, 0, &s2);
    slice_noise fitted = {.s2 = s2, .phi = 0};
    if (bins == 1)
        return fitted;
    /* ratios from "nearly all relative" to "nearly all counting" */
    double middle = size[bins / 2];
    for (double step = -4; step <= 4; step += 0.5) {
        double ratio = pow(10, step) / middle;
        double error = fit_scale(variance, size, bins, ratio, &s2);
        if (error < best - 1e-3) {
            best = error;
            fitted = (slice_noise){.s2 = s2, .phi = s2 * ratio};
        }
    }
    fitted.s2 = fmax(fitted.s2, FLOOR * FLOOR);
    return fitted;
}
