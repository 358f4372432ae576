/* readiness/gate/quantile.h: a quantile of two arms compared from their sketches.
 *
 * Nonasymptotic, for any distribution, at any time. Evidence against "the control's
 * p-quantile is x and the candidate's is y" is the sum of both arms' beta-binomial
 * mixtures of the count of values below (stats/sequence_quantile.h works on the values
 * themselves). Evidence against "the candidate's is at most f(x)" is the least of it over
 * all x and all y <= f(x). A sketch knows counts at bucket edges only: within a bucket
 * the count is taken that is kindest to what is asked, so the answer is never sharper
 * than the data.
 *
 * Source: Howard and Ramdas 2022, Bernoulli 28(3), theorem 6. Pure. */
#ifndef ROSTRUM_READINESS_GATE_QUANTILE_H
#define ROSTRUM_READINESS_GATE_QUANTILE_H

#include "readiness/histogram.h"
#include "stats/watch.h"

/* log e against "the change is at most d" (AT_LEAST) or "at least d" (AT_MOST); the
 * change is candidate - control, or candidate / control - 1 if relative (d > -1). 0 when
 * an arm is empty. Costs under a millisecond. */
double gate_quantile_log_e(const histogram *control, const histogram *candidate, double p,
                           double d, bool relative, const stats_watch *w);

#endif
