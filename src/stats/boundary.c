#include "stats/boundary.h"

#include <math.h>
#include "stats/special.h"

double stats_best_rho(double v, double alpha, bool one_sided) {
    double l = -log(one_sided ? 2 * alpha : alpha);
    return v / (2 * l + log1p(2 * l));
}

stats_mixture stats_normal_mixture(double v_opt, double alpha_opt, bool one_sided) {
    return (stats_mixture){.kind = STATS_NORMAL,
                           .one_sided = one_sided,
                           .rho = stats_best_rho(v_opt, alpha_opt, one_sided)};
}

/* Both gamma mixtures put a gamma distribution of shape and rate rho / c^2 on 1 - c l or
 * on e^(c l), cut off where l would be negative. */
static stats_mixture gamma_mixture(stats_mixture_kind kind, double rho, double c) {
    double shape = rho / (c * c);
    double kept = kind == STATS_GAMMA_EXPONENTIAL ? stats_gamma_lower(shape, shape)
                                                  : stats_gamma_upper(shape, shape);
    return (stats_mixture){.kind = kind,
                           .one_sided = true,
                           .rho = rho,
                           .c = c,
                           .leading =
                               shape * log(shape) - stats_log_gamma(shape) - log(kept)};
}

stats_mixture stats_gamma_exponential_mixture(double v_opt, double alpha_opt, double c) {
    return gamma_mixture(STATS_GAMMA_EXPONENTIAL, stats_best_rho(v_opt, alpha_opt, true),
                         c);
}

stats_mixture stats_gamma_poisson_mixture(double v_opt, double alpha_opt, double c) {
    return gamma_mixture(STATS_GAMMA_POISSON, stats_best_rho(v_opt, alpha_opt, true), c);
}

/* ln of the integral of t^(a-1) (1-t)^(b-1) from 0 to x. */
static double log_incomplete_beta(double a, double b, double x) {
    return stats_log_beta(a, b) + (x < 1 ? stats_beta_log_lower(a, b, x) : 0);
}

/* The mixture lets the chance of the step -g vary about its true value h / (g + h), which
 * gives s mean 0; one-sided: only below it. */
static double beta_cut(const stats_mixture *m) {
    return m->one_sided ? m->h / (m->g + m->h) : 1;
}

stats_mixture stats_beta_binomial_mixture(double v_opt, double alpha_opt, double g,
                                          double h, bool one_sided) {
    /* one step is already worth g h of intrinsic time */
    double rho = stats_best_rho(v_opt, alpha_opt, one_sided) - g * h;
    stats_mixture m = {.kind = STATS_BETA_BINOMIAL,
                       .one_sided = one_sided,
                       .rho = fmax(rho, 1e-3 * g * h),
                       .g = g,
                       .h = h};
    m.leading =
        -log_incomplete_beta(m.rho / (g * (g + h)), m.rho / (h * (g + h)), beta_cut(&m));
    return m;
}

static double normal_log(const stats_mixture *m, double s, double v) {
    double total = v + m->rho;
    double log_sides = m->one_sided ? log(2) + stats_normal_log_cdf(s / sqrt(total)) : 0;
    return 0.5 * log(m->rho / total) + s * s / (2 * total) + log_sides;
}

static double gamma_exponential_log(const stats_mixture *m, double s, double v) {
    double square = m->c * m->c;
    double shape = (v + m->rho) / square;
    double rate = (m->c * s + v + m->rho) / square;
    return m->leading + stats_log_gamma(shape) + log(stats_gamma_lower(shape, rate)) -
           shape * log(rate) + (m->c * s + v) / square;
}

static double gamma_poisson_log(const stats_mixture *m, double s, double v) {
    double rate = (v + m->rho) / (m->c * m->c);
    double shape = s / m->c + rate;
    return m->leading + stats_log_gamma(shape) + log(stats_gamma_upper(shape, rate)) -
           shape * log(rate) + v / (m->c * m->c);
}

static double beta_binomial_log(const stats_mixture *m, double s, double v) {
    double g = m->g;
    double h = m->h;
    double down = (v - g * s) / (g * (g + h));
    double up = (v + h * s) / (h * (g + h));
    return m->leading + v / (g * h) * log(g + h) - up * log(g) - down * log(h) +
           log_incomplete_beta(m->rho / (g * (g + h)) + down, m->rho / (h * (g + h)) + up,
                               beta_cut(m));
}

double stats_mixture_log(const stats_mixture *m, double s, double v) {
    switch (m->kind) {
    case STATS_NORMAL:
        return normal_log(m, s, v);
    case STATS_GAMMA_EXPONENTIAL:
        return gamma_exponential_log(m, s, v);
    case STATS_GAMMA_POISSON:
        return gamma_poisson_log(m, s, v);
    case STATS_BETA_BINOMIAL:
        return beta_binomial_log(m, s, v);
    }
    return NAN;
}

double stats_mixture_bound(const stats_mixture *m, double v, double alpha) {
    double threshold = -log(alpha);
    if (m->kind == STATS_NORMAL && !m->one_sided)
        return sqrt((v + m->rho) * (log1p(v / m->rho) + 2 * threshold));
    double low = 0;
    double high = sqrt((v + m->rho) * (log1p(v / m->rho) + 2 * threshold));
    if (m->kind == STATS_BETA_BINOMIAL) {
        high = v / m->g;
        if (!(stats_mixture_log(m, high, v) > threshold))
            return high;
    }
    while (stats_mixture_log(m, high, v) < threshold)
        high *= 2;
    /* it grows with s; bisection to the last bit, since a bound is rarely asked for */
    for (;;) {
        double middle = 0.5 * (low + high);
        if (middle == low || middle == high)
            break;
        if (stats_mixture_log(m, middle, v) < threshold)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* Riemann's zeta for s > 1: Euler and Maclaurin's sum from 20 on. */
static double zeta(double s) {
    double n = 20;
    double sum = 0;
    for (double k = 1; k < n; k++)
        sum += pow(k, -s);
    double tail = pow(n, -s);
    return sum + tail * (n / (s - 1) + 0.5 + s / (12 * n) -
                         s * (s + 1) * (s + 2) / (720 * n * n * n) +
                         s * (s + 1) * (s + 2) * (s + 3) * (s + 4) / (30240 * pow(n, 5)));
}

/* The curve all stitching ends in: sqrt(k1^2 v l + (k2 c l)^2) + k2 c l. */
static double stitched(double v, double c, double l, double eta) {
    double k1_square = 0.5 * (sqrt(eta) + 2 + 1 / sqrt(eta));
    double k2 = 0.5 * (sqrt(eta) + 1);
    double linear = k2 * c * l;
    return sqrt(k1_square * v * l + linear * linear) + linear;
}

double stats_stitched_bound(double v, double alpha, double v_min, double c, double s,
                            double eta) {
    double at = fmax(v, v_min);
    double l = s * log(log(eta * at / v_min)) + log(zeta(s) / pow(log(eta), s) / alpha);
    return stitched(at, c, l, eta);
}

/* Chance that the distribution bound with constant C is ever crossed, for one choice of
 * the epoch ratio eta. */
static double crossing_chance(double eta, double a, double constant) {
    double gamma = sqrt(2 / eta) * (a - sqrt(2 * (eta - 1) / constant));
    double square = gamma * gamma;
    if (gamma <= 0 || square <= 1)
        return INFINITY;
    return 4 * exp(-square * constant) * (1 + 1 / ((square - 1) * log(eta)));
}

/* The least over eta in (1, 2 a^2), by golden section. */
static double least_crossing_chance(double a, double constant) {
    const double golden = 0.61803398874989484820;
    double low = 1;
    double high = 2 * a * a;
    while (high - low > 1e-10) {
        double left = high - golden * (high - low);
        double right = low + golden * (high - low);
        /* infinite on the right of the useful range: then go left */
        if (crossing_chance(left, a, constant) <= crossing_chance(right, a, constant))
            high = right;
        else
            low = left;
    }
    return crossing_chance(0.5 * (low + high), a, constant);
}

double stats_distribution_bound(double t, double alpha, double t_min, double a) {
    if (t < t_min)
        return INFINITY;
    double low = 0;
    double high = 1;
    while (!(least_crossing_chance(a, high) <= alpha))
        high *= 2;
    for (int step = 0; step < 60; step++) {
        double middle = 0.5 * (low + high);
        if (least_crossing_chance(a, middle) <= alpha)
            high = middle;
        else
            low = middle;
    }
    return a * sqrt((log1p(log(t / t_min)) + high) / t);
}

double stats_all_quantiles_bound(double p, double t, double alpha, double t_opt,
                                 double delta, double s, double eta) {
    double at = fmax(t, t_opt);
    double logit = log(p / (1 - p));
    double grid = delta * sqrt(eta * t_opt / at); /* half a step between levels */
    double r = p;                                 /* where the variance is taken */
    if (p < 0.5)
        r = fmin(0.5, 1 / (1 + exp(-logit - 2 * grid)));
    double j = sqrt(at / t_opt) * fabs(logit) / (2 * delta) + 1;
    double l = s * log(log(eta * at / t_opt)) + s * log(j) +
               log(2 * zeta(s) * (2 * zeta(s) + 1) / (alpha * pow(log(eta), s)));
    double c = (1 - 2 * p) / 3;
    return delta * sqrt(eta * at / t_opt * r * (1 - r)) +
           stitched(r * (1 - r) * at, c, l, eta);
}
