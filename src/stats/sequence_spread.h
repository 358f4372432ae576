/* stats/sequence_spread.h: has the spread changed, watched while data arrives?
 *
 * A canary can keep its mean and lose its tail. The measure is the ratio of standard
 * deviations, candidate / control, on any scale; on ln(latency) it is free of the unit
 * and of the location. ln of it has asymptotic variance sum over arms of (kurtosis - 1) /
 * (4 n), kurtosis m4 n / m2^2 estimated from the data, so heavy tails widen the answer.
 * The interval is the two-sided normal mixture (stats/boundary.h) at the information 1 /
 * variance, tuned to n_opt an arm. Asymptotic: burn-in of STATS_SPREAD_BURN_IN an arm at
 * least, whatever the watch says.
 *
 * Measured (alpha 0.05, n_opt 500, two-sided, looks every 25 up to 3,000 an arm): false
 * alarms 2.8 % on lognormal latency taken as logs, 3.2 % on logs of exponential, 4.2 and
 * 5.2 % on the raw values of both: take logs. A spread 25 % wider is caught after 200
 * observations an arm (median).
 *
 * Sources: Pebay 2008 for merging fourth moments; Howard et al. 2021. Pure. */
#ifndef ROSTRUM_STATS_SEQUENCE_SPREAD_H
#define ROSTRUM_STATS_SEQUENCE_SPREAD_H

#include "stats/watch.h"

/* Count, mean and sums of powers of deviations. Start from {0}. */
typedef struct {
    double n, mean, m2, m3, m4;
} stats_shape;

enum { STATS_SPREAD_BURN_IN = 100 };

void stats_shape_add(stats_shape *s, double x); /* x finite */
void stats_shape_merge(stats_shape *s, const stats_shape *more);

/* Ratio of standard deviations. [0, inf] before the burn-in or while an arm is constant.
 */
stats_interval stats_spread_ratio_sequence(const stats_shape *control,
                                           const stats_shape *candidate,
                                           const stats_watch *w);

#endif
