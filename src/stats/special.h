/* stats/special.h: the distribution functions everything statistical stands on.
 *
 * Each distribution has its lower tail (`_cdf` or `_lower`), its upper tail (`_upper`,
 * never computed as 1 - lower, so that 1e-40 is 1e-40 and not 0) and quantiles of
 * either tail. x is the value, p a lower and q an upper tail probability.
 *
 * Accuracy (checked against 50-digit values): relative error of the normal functions
 * 1e-13, of the others 1e-10 or better for parameters up to 1e6, in the tails too.
 * Out of its domain, or given NaN, every function returns NaN.
 *
 * Sources: NIST DLMF ch. 7 and 8; Loader 2000, "Fast and accurate computation of
 * binomial probabilities" (saddle-point densities: no cancellation of log-gammas);
 * Lentz's method for the continued fractions. Pure. Safe from any thread. */
#ifndef ROSTRUM_STATS_SPECIAL_H
#define ROSTRUM_STATS_SPECIAL_H

/* Standard normal. */
double stats_normal_cdf(double x);
double stats_normal_upper(double x);
double stats_normal_log_cdf(double x);        /* finite down to x = -1e150 */
double stats_normal_quantile(double p);       /* p 0: -inf, 1: +inf */
double stats_normal_upper_quantile(double q); /* = -stats_normal_quantile(q) */

/* ln Gamma(a), a > 0; ln B(a, b), a, b > 0, without cancellation for large a, b. */
double stats_log_gamma(double a);
double stats_log_beta(double a, double b);

/* Regularised incomplete gamma, a > 0, x >= 0: lower P(a, x), upper Q(a, x); x with
 * P(a, x) = p, and x with Q(a, x) = q. The chi-square with df degrees is P(df/2, x/2);
 * the gamma of shape a and rate 1 is P(a, x). */
double stats_gamma_lower(double a, double x);
double stats_gamma_upper(double a, double x);
double stats_gamma_quantile(double a, double p);
double stats_gamma_upper_quantile(double a, double q);

/* Regularised incomplete beta, a, b > 0, x in 0..1: lower I_x(a, b), upper 1 - I_x;
 * x with I_x(a, b) = p, and x with 1 - I_x(a, b) = q. */
double stats_beta_lower(double a, double b, double x);
double stats_beta_upper(double a, double b, double x);
double stats_beta_log_lower(double a, double b, double x); /* when I_x underflows */
double stats_beta_quantile(double a, double b, double p);
double stats_beta_upper_quantile(double a, double b, double q);

/* Chi-square with df > 0 degrees of freedom, x >= 0. */
double stats_chi_square_upper(double df, double x);
double stats_chi_square_upper_quantile(double df, double q);

/* Student's t with df > 0 degrees of freedom (fractions welcome: Welch). */
double stats_student_upper(double df, double t);
double stats_student_upper_quantile(double df, double q);

/* Fisher's F with df_1, df_2 > 0, f >= 0. */
double stats_f_upper(double df_1, double df_2, double f);

/* Binomial with n trials and chance p: P(X = k), P(X <= k), P(X >= k). n and k are
 * whole numbers held in doubles, 0 <= k <= n. */
double stats_binomial_mass(double n, double p, double k);
double stats_binomial_lower(double n, double p, double k);
double stats_binomial_upper(double n, double p, double k);

/* Poisson with the given mean >= 0: P(X = k), P(X <= k), P(X >= k). */
double stats_poisson_mass(double mean, double k);
double stats_poisson_lower(double mean, double k);
double stats_poisson_upper(double mean, double k);

#endif
