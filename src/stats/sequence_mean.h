/* stats/sequence_mean.h: means watched while data arrives, and differences of two.
 *
 * Evidence against "the mean (difference) is d" is a mixture of t likelihood ratios, the
 * standardised effect normal with variance 1 / rho around d:
 *   log e = ln(k) / 2 + (nu + 1) / 2 ln((1 + t^2 / nu) / (1 + k t^2 / nu)),
 *   k = rho / (rho + time); one-sided: + ln 2 + ln P(T(nu + 1) <= sqrt(1 - k) t
 *                                                     sqrt((nu + 1) / (nu + k t^2)))
 * with time = n (one arm) or n_1 n_2 / (n_1 + n_2), nu Welch's, t by the larger of
 * Welch's and the pooled error. The interval holds all d with log e < ln(1 / alpha). For
 * normal data of equal variance alpha holds at every n (right Haar prior); for other data
 * it tends to the normal mixture with estimated variance: an asymptotic confidence
 * sequence, honest after a burn-in. rho is the best for n_opt (stats/boundary.h).
 *
 * Use moments of ln(latency) for latency: there a relative shift is a location shift, the
 * tail does not drown it, and exp(interval) is the ratio of geometric means.
 *
 * Sources: Wang and Ramdas 2025, "Anytime-valid t-tests and confidence sequences for
 * Gaussian means with unknown variance"; Waudby-Smith et al. 2024, Annals of Statistics
 * 52(6), "Time-uniform central limit theory and asymptotic confidence sequences".
 *
 * Measured (lognormal latency, sigma 0.6, alpha 0.05, burn-in 20, n_opt 250: about where
 * +20 % is decided; one-sided unless said):
 *   - 100,000 A/A comparisons of 40 looks, every 50 an arm: 2.0 % false alarms (two-sided
 *     1.9 %); a look after each of 2,000 observations: 3.2 %
 *   - median observations an arm to catch +10, +20, +35 %: 550, 200, 100 with looks
 *     every 50; 445, 140, 66 with a look after each (two-sided 569, 168, 75)
 *   - false alarms on other values, a look after each of 2,000: exponential, t(3),
 *     lognormal, 5 % outliers six times as wide, shares of 5 %: 1.5 to 3.6 %; with nine
 *     times the traffic on control: 0.03 to 2.5 %.
 * Pure. Safe from any thread. */
#ifndef ROSTRUM_STATS_SEQUENCE_MEAN_H
#define ROSTRUM_STATS_SEQUENCE_MEAN_H

#include "stats/watch.h"

/* Mean of one stream, in the unit of the values. Before burn_in (2 at least):
 * [-inf, inf]. {NaN, NaN}: broken moments or watch. */
stats_interval stats_mean_sequence(const stats_moments *m, const stats_watch *w);

/* candidate - control. The same before the burn-in of either arm. */
stats_interval stats_mean_difference_sequence(const stats_moments *control,
                                              const stats_moments *candidate,
                                              const stats_watch *w);

/* log e against "the difference is d" (BOTH_SIDES), "at most d" (AT_LEAST), "at least d"
 * (AT_MOST). Reject when it ever reaches ln(1 / alpha); exp(-largest so far) is an always
 * valid p-value. 0 before the burn-in: no evidence. One call costs about a microsecond.
 */
double stats_mean_difference_log_e(const stats_moments *control,
                                   const stats_moments *candidate, double d,
                                   const stats_watch *w);

/* Latency, moments of ln(milliseconds): interval of the ratio candidate / control of
 * geometric means, e.g. [1.04, 1.19]: between 4 and 19 % slower. [0, inf] before the
 * burn-in. This is what finds a shift of a latency distribution soonest. */
stats_interval stats_latency_ratio_sequence(const stats_moments *log_control,
                                            const stats_moments *log_candidate,
                                            const stats_watch *w);

/* The smallest difference (in the unit of the values) that this sample could have seen
 * with a chance of one half: half the width of the present interval, by the larger side.
 * inf before the burn-in. */
double stats_mean_difference_detectable(const stats_moments *control,
                                        const stats_moments *candidate,
                                        const stats_watch *w);

#endif
