/* stats/sequence_bounded.h: the mean of bounded values, with no assumption but the
 * bounds.
 *
 * Word error rate of a session cut at 1, a rating, a share of a turn: values in [0, 1]
 * (scale your own). Nonasymptotic: holds from the first value, for any distribution and
 * even when it drifts around a constant mean. For each candidate mean a gambler bets for
 * and one against it, with stakes set from the values before; a mean that makes one of
 * them 2 / alpha times as rich is out (hedged capital, stakes below 3/4 of what could
 * lose everything). Order matters: feed values as they come, no sums.
 *
 * Source: Waudby-Smith and Ramdas 2024, JRSS B 86(1), "Estimating means of bounded random
 * variables by betting", sec. 4.4. Pure. The caller owns the state, 8 KiB. */
#ifndef ROSTRUM_STATS_SEQUENCE_BOUNDED_H
#define ROSTRUM_STATS_SEQUENCE_BOUNDED_H

#include "base/status.h"
#include "stats/watch.h"

enum {
    STATS_BETTING_GRID = 500
}; /* candidates; the answer is rounded outwards to them */

typedef struct {
    double alpha;
    double n, mean, m2;                     /* regularised by one half-and-half value */
    double log_for[STATS_BETTING_GRID + 1]; /* capital that bets on a larger mean */
    double log_against[STATS_BETTING_GRID + 1]; /* and on a smaller one */
    int low, high;                              /* candidates not yet out: low .. high */
} stats_betting;

/* 0 < alpha < 1. */
void stats_betting_init(stats_betting *b, double alpha);

/* ERR_INVALID, *b untouched: x is outside [0, 1] or NaN. */
MUST_CHECK status stats_betting_add(stats_betting *b, double x);

/* The mean; holds for all times together (it never widens). */
stats_interval stats_betting_interval(const stats_betting *b);

/* candidate - control. Each made with half the alpha that the difference shall have. */
stats_interval stats_betting_difference(const stats_betting *control,
                                        const stats_betting *candidate);

#endif
