/* stats/boundary.h: lines that a random walk crosses with chance alpha at most, ever.
 *
 * A fixed-sample test holds at one moment; these hold at all moments together, so one
 * may look after every observation and stop whenever one likes. s is a sum with mean
 * zero under the hypothesis, v its intrinsic time (for n values of variance 1: n).
 *
 * A mixture gives, for a state (s, v), ln of a nonnegative supermartingale that starts
 * at 1. By Ville's inequality it ever reaches ln(1 / alpha) with chance alpha at most:
 * it is at once a test (`stats_mixture_log`, an e-value in logs), an always valid
 * p-value exp(-log), and a boundary (`stats_mixture_bound`).
 *
 * Each mixture is tuned to be narrowest at the intrinsic time v_opt for alpha_opt. The
 * guarantee does not depend on it; choose it where a decision is expected, before
 * seeing data. Rather too early than too late: at v = 1000 and alpha 0.05, a v_opt ten
 * times too small costs 7 to 8 % of width, ten times too large 26 to 31 % (normal and
 * beta-binomial; a test holds them to it).
 *
 * Sources: Howard, Ramdas, McAuliffe, Sekhon 2021, Annals of Statistics 49(2), "Time-
 * uniform, nonparametric, nonasymptotic confidence sequences"; Howard and Ramdas 2022,
 * Bernoulli 28(3), "Sequential estimation of quantiles". Pure. Safe from any thread. */
#ifndef ROSTRUM_STATS_BOUNDARY_H
#define ROSTRUM_STATS_BOUNDARY_H

#include <stdbool.h>

typedef enum {
    STATS_NORMAL,            /* sub-Gaussian: Gaussian or bounded steps */
    STATS_GAMMA_EXPONENTIAL, /* sub-exponential, scale c: one-sided */
    STATS_GAMMA_POISSON,     /* sub-Poisson, scale c: one-sided */
    STATS_BETA_BINOMIAL      /* steps are h or -g, mean 0: shares and quantiles */
} stats_mixture_kind;

/* Made by the functions below; read only. */
typedef struct {
    stats_mixture_kind kind;
    bool one_sided;
    double rho;     /* precision of the mixing distribution, in units of v */
    double c, g, h; /* of the kinds that have them */
    double leading; /* ln of the mixing distribution's normalising constant */
} stats_mixture;

/* rho with the narrowest normal mixture at v: v / (2 l + ln(1 + 2 l)), l = ln(1 / alpha);
 * one-sided: alpha is doubled first. v > 0, 0 < alpha < 1 (1/2 if one-sided). */
double stats_best_rho(double v, double alpha, bool one_sided);

stats_mixture stats_normal_mixture(double v_opt, double alpha_opt, bool one_sided);
stats_mixture stats_gamma_exponential_mixture(double v_opt, double alpha_opt, double c);
stats_mixture stats_gamma_poisson_mixture(double v_opt, double alpha_opt, double c);
stats_mixture stats_beta_binomial_mixture(double v_opt, double alpha_opt, double g,
                                          double h, bool one_sided);

/* ln of the supermartingale at (s, v), v >= 0. One-sided mixtures answer s > 0. */
double stats_mixture_log(const stats_mixture *m, double s, double v);

/* The s at which that reaches ln(1 / alpha); two-sided: |s|. For the beta-binomial at
 * most v / g, the largest s there can be. 0 < alpha < 1. */
double stats_mixture_bound(const stats_mixture *m, double v, double alpha);

/* Polynomial stitching: closed form, grows like sqrt(v ln ln v); one-sided, sub-gamma
 * with scale c (0: sub-Gaussian; may be negative). Typical: s 1.4, eta 2. */
double stats_stitched_bound(double v, double alpha, double v_min, double c, double s,
                            double eta);

/* sup over x of |empirical - true distribution function| stays below this for all
 * t >= t_min, with chance 1 - alpha: a sqrt((ln ln(e t / t_min) + C) / t), C found for
 * alpha. a > 1 / sqrt 2, typically 0.85. t < t_min: +inf. */
double stats_distribution_bound(double t, double alpha, double t_min, double a);

/* The same for all quantile levels p at once, as a deviation of the count of values below
 * the quantile: |count - p t| <= bound, for all t and p. Double stitching; typical: delta
 * 0.5, s 1.4, eta 2; tightest near t_opt. */
double stats_all_quantiles_bound(double p, double t, double alpha, double t_opt,
                                 double delta, double s, double eta);

#endif
