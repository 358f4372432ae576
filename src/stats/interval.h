/* stats/interval.h: fixed-sample confidence intervals.
 *
 * For a sample whose size was decided beforehand and that is looked at once. Where
 * somebody looks again and again, use the confidence sequences (stats/sequence_*.h).
 *
 * confidence is two-sided, in (0, 1), e.g. 0.95. No data gives the interval that says
 * nothing ([0, 1] of a share, [-inf, inf] of a mean), never a narrow one. Broken input
 * (NaN, more successes than trials) gives {NaN, NaN}: compare so that NaN fails.
 * Pure. Safe from any thread. */
#ifndef ROSTRUM_STATS_INTERVAL_H
#define ROSTRUM_STATS_INTERVAL_H

#include <stdint.h>
#include "stats/moments.h"

typedef struct {
    double low, high;
} stats_interval;

/* Share successes / trials. Wilson 1927 (score): good average coverage, never empty,
 * inside [0, 1]. */
stats_interval stats_wilson(uint64_t successes, uint64_t trials, double confidence);

/* The same, Clopper and Pearson 1934 ("exact"): coverage never below confidence; wider.
 */
stats_interval stats_clopper_pearson(uint64_t successes, uint64_t trials,
                                     double confidence);

/* Difference candidate - control of two independent shares, in [-1, 1]: Newcombe 1998,
 * method 10 (two Wilson intervals combined). */
stats_interval stats_newcombe(uint64_t control_successes, uint64_t control_trials,
                              uint64_t candidate_successes, uint64_t candidate_trials,
                              double confidence);

/* Mean of independent values: mean +- t(n - 1) sqrt(m2 / (n - 1) / n). n < 2: says
 * nothing. */
stats_interval stats_mean_interval(const stats_moments *m, double confidence);

/* Difference candidate - control of two means, Welch's degrees of freedom. */
stats_interval stats_mean_difference(const stats_moments *control,
                                     const stats_moments *candidate, double confidence);

/* Expected number of events, given that `events` were seen: Garwood 1936 (exact).
 * Divide by the exposure (hours, turns) for a rate. */
stats_interval stats_poisson_interval(uint64_t events, double confidence);

/* Ratio of sums R = sum y / sum x over independent units (errors over words of
 * speakers, cost over turns of tenants), delta method:
 *   se = sqrt(sum (y - R x)^2 n / (n - 1)) / sum x,   R +- t(n - 1) se.
 * Units must be the independent thing (speakers, not their utterances). n < 2 or
 * sum x <= 0: says nothing. Source: Cochran, Sampling Techniques, 1977, ch. 6. */
stats_interval stats_ratio_interval(const stats_pairs *p, double confidence);
double stats_ratio(const stats_pairs *p);                /* R; NaN when sum x <= 0 */
double stats_ratio_standard_error(const stats_pairs *p); /* inf when n < 2 */

#endif
