/* stats/sequence_quantile.h: quantiles watched while data arrives, one arm or two.
 *
 * Nonasymptotic, for any distribution, ties welcome. Evidence against "the p-quantile is
 * x" is the beta-binomial mixture (g = p, h = 1 - p, v = p (1 - p) n) of the count of
 * values below x; of ties the number is taken that is kindest to x. Two arms: evidence
 * against "both have the same p-quantile" is the least over x of the sum of both arms'.
 *
 * Source: Howard and Ramdas 2022, Bernoulli 28(3), theorems 1 and 6; ours searches every
 * x where the sum can change, so that no minimum is missed. Pure. Safe from any thread.
 * The burn-in of the watch is ignored. n_opt counts an arm. */
#ifndef ROSTRUM_STATS_SEQUENCE_QUANTILE_H
#define ROSTRUM_STATS_SEQUENCE_QUANTILE_H

#include <stddef.h>
#include "stats/watch.h"

/* Ranks among n values, 1 the smallest, between which the p-quantile lies. low 0: the
 * sample does not bound it from below; high n + 1: nor from above. For a histogram take
 * the lower edge of the bucket that holds rank low, the upper edge of the one with high.
 */
typedef struct {
    uint64_t low, high;
} stats_ranks;

/* Both sides or one, 0 < p < 1, n < 2^53. Broken input: {0, n + 1}. */
stats_ranks stats_quantile_ranks(double p, uint64_t n, const stats_watch *w);

/* The same on sorted values: [-inf, inf] where unbounded. */
stats_interval stats_quantile_sequence(const double *sorted, size_t n, double p,
                                       const stats_watch *w);

/* log e against "both arms have the same p-quantile"; p-value exp(-largest so far).
 * 0 when an arm is empty. Two-sided: which arm is worse say the sample quantiles. NaN for
 * p outside (0, 1) or an invalid watch. One step per value near the quantiles. */
double stats_quantile_ab_log_e(const double *control, size_t n_control,
                               const double *candidate, size_t n_candidate, double p,
                               const stats_watch *w);

/* Interval of the shift candidate - control of the p-quantile: all d for which the
 * control shifted by d is not told from the candidate. About 50 evaluations.
 *   control, candidate  sorted, finite
 * [-inf, inf] while unbounded. Only BOTH_SIDES is offered; other sides cut its ends. */
stats_interval stats_quantile_shift_sequence(const double *control, size_t n_control,
                                             const double *candidate, size_t n_candidate,
                                             double p, const stats_watch *w);

#endif
