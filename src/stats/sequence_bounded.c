#include "stats/sequence_bounded.h"

#include <math.h>

static const double stake_most = 0.75; /* of what a single value could lose */

void stats_betting_init(stats_betting *b, double alpha) {
    *b = (stats_betting){
        .alpha = alpha, .mean = 0.5, .m2 = 0.25, .n = 0, .high = STATS_BETTING_GRID};
}

static double candidate(int i) {
    return (double)i / STATS_BETTING_GRID;
}

status stats_betting_add(stats_betting *b, double x) {
    if (!(x >= 0 && x <= 1))
        return ERR_INVALID;
    /* predictable: from the values before this one */
    double t = b->n + 1;
    double variance = b->m2 / t;
    double stake = sqrt(2 * log(2 / b->alpha) / (variance * t * log1p(t)));
    for (int i = b->low; i <= b->high; i++) {
        double m = candidate(i);
        double up = m > 0 ? fmin(stake, stake_most / m) : stake;
        double down = m < 1 ? fmin(stake, stake_most / (1 - m)) : stake;
        b->log_for[i] += log1p(up * (x - m));
        b->log_against[i] += log1p(-down * (x - m));
    }
    /* half the money each: either must reach 2 / alpha */
    double out = log(2 / b->alpha);
    while (b->low < b->high && b->log_for[b->low] >= out)
        b->low++;
    while (b->high > b->low && b->log_against[b->high] >= out)
        b->high--;
    b->n = t;
    double off = x - b->mean;
    b->mean += off / (t + 1);
    b->m2 += off * (x - b->mean);
    return OK;
}

stats_interval stats_betting_interval(const stats_betting *b) {
    /* the truth may lie between the last candidate that is out and the first that is in
     */
    return (stats_interval){
        candidate(b->low > 0 ? b->low - 1 : 0),
        candidate(b->high < STATS_BETTING_GRID ? b->high + 1 : b->high)};
}

stats_interval stats_betting_difference(const stats_betting *control,
                                        const stats_betting *candidate_arm) {
    stats_interval a = stats_betting_interval(control);
    stats_interval b = stats_betting_interval(candidate_arm);
    return (stats_interval){b.low - a.high, b.high - a.low};
}
