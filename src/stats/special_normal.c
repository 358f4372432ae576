#include "stats/special.h"

#include <math.h>

static const double sqrt_half = 0.70710678118654752440;
static const double sqrt_half_low = -4.833646656726457e-17; /* 1/sqrt 2 less the above */
static const double two_over_sqrt_pi = 1.12837916709551257390;
static const double log_sqrt_two_pi = 0.91893853320467274178;

/* erfc(x / sqrt 2) / 2. x / sqrt 2 is rounded; far out erfc multiplies that rounding by
 * x^2, so it is put back to first order. */
double stats_normal_upper(double x) {
    double z = x * sqrt_half;
    if (fabs(z) > 100 || isnan(z))
        return 0.5 * erfc(z);
    double lost = fma(x, sqrt_half, -z) + x * sqrt_half_low;
    return 0.5 * (erfc(z) - two_over_sqrt_pi * exp(-z * z) * lost);
}

double stats_normal_cdf(double x) {
    return stats_normal_upper(-x);
}

double stats_normal_log_cdf(double x) {
    if (x > 0)
        return log1p(-stats_normal_upper(x));
    if (x > -30)
        return log(stats_normal_cdf(x));
    /* asymptotic series of Mills' ratio, DLMF 7.12.1; its next term is below 1e-14 */
    double w = 1 / (x * x);
    double series = 1 - w * (1 - w * (3 - w * (15 - w * (105 - w * 945))));
    return -0.5 * x * x - log(-x) - log_sqrt_two_pi + log(series);
}

/* x <= 0 with Phi(x) = p, 0 < p <= 1/2. The start is within 4.5e-4 (Abramowitz and
 * Stegun 26.2.23); Halley's step on ln Phi cubes the error each time. */
static double quantile_low(double p) {
    double log_p = log(p);
    double t = sqrt(-2 * log_p);
    double x = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                         (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
    for (int step = 0; step < 3; step++) {
        double log_cdf = stats_normal_log_cdf(x);
        double slope = exp(-0.5 * x * x - log_sqrt_two_pi - log_cdf);
        double newton = (log_cdf - log_p) / slope;
        x -= newton / (1 + 0.5 * newton * (x + slope));
    }
    return x;
}

double stats_normal_quantile(double p) {
    if (!(p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? -INFINITY : INFINITY;
    return p <= 0.5 ? quantile_low(p) : -quantile_low(1 - p);
}

double stats_normal_upper_quantile(double q) {
    return -stats_normal_quantile(q);
}
