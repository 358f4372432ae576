/* stats/sequence_fraction.h: bad fractions watched while data arrives.
 *
 * Nonasymptotic: valid from the first observation, for any true fraction, with no burn-in
 * (the watch's is ignored), also when nothing bad was seen yet. Evidence against "the
 * share is p" is the beta-binomial mixture of stats/boundary.h with g = p, h = 1 - p,
 * s = bad - p n, v = p (1 - p) n, tuned to n_opt observations.
 *
 * Two arms: log e against a pair (p, q) is the sum of both arms'; against a difference
 * d (or a ratio r) it is the least over all pairs with q - p = d (or q / p = r), which is
 * as rigorous as the single one and needs 0.5 times the data that two separate
 * intervals of alpha / 2 do (1 % and 3 %, 5 % and 10 %; Howard and Ramdas 2022, sec. 5,
 * use it for quantiles).
 *
 * bad <= total, both below 2^53; {NaN, NaN} otherwise or with an invalid watch.
 * Pure. Safe from any thread. Costs: 0.02 ms a share, 1 ms a
 * difference, 2 ms a ratio, 0.03 ms a log e of a difference.
 *
 * Measured (alpha 0.05, n_opt 500, 40 looks, shares 0.2 to 30 %, traffic 1:1 and 9:1): at
 * most 1.6 % false alarms one-sided, 0.6 % two-sided. Median observations an arm to tell
 * 1 % from 3 %: 680 (two-sided 1,040); 5 % from 10 %: 360 (500). */
#ifndef ROSTRUM_STATS_SEQUENCE_FRACTION_H
#define ROSTRUM_STATS_SEQUENCE_FRACTION_H

#include "stats/watch.h"

typedef struct {
    uint64_t bad, total;
} stats_count;

/* The share in [0, 1]. Both sides: equal to confseq's bernoulli_confidence_interval. */
stats_interval stats_fraction_sequence(stats_count c, const stats_watch *w);

/* log e against "the share is p" (BOTH_SIDES), "at most p" (AT_LEAST), "at least p"
 * (AT_MOST); 0 < p < 1. */
double stats_fraction_log_e(stats_count c, double p, const stats_watch *w);

/* candidate - control in [-1, 1]; n_opt counts an arm. */
stats_interval stats_fraction_difference_sequence(stats_count control,
                                                  stats_count candidate,
                                                  const stats_watch *w);

/* candidate / control in [0, inf]; high is inf while control may be free of bad ones. */
stats_interval stats_fraction_ratio_sequence(stats_count control, stats_count candidate,
                                             const stats_watch *w);

/* log e against "candidate - control is d" (or at most, at least: by the side),
 * -1 < d < 1. */
double stats_fraction_difference_log_e(stats_count control, stats_count candidate,
                                       double d, const stats_watch *w);

#endif
