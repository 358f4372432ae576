/* readiness/gate/compare.h: two arms of one cell, compared at any time.
 *
 * The change is candidate - control, or candidate / control - 1 on the relative scale.
 * Every answer comes from one anytime-valid sequence of src/stats, so evidence and
 * interval never contradict each other: an end of the interval is where the evidence
 * against it reaches ln(1 / alpha). Each end holds alone with 1 - alpha, at all looks
 * together.
 *
 *   mean, relative   evidence against the ratio r is that against "no difference" between
 *                    the candidate and r times the control (Fieller's argument)
 *   ratio            the blocks' linearised values: mean R = sum y / sum x and squared
 *                    deviations sum (y - R x)^2 / mean_x^2 (delta method)
 *   latency, spread  from moments of ln(value), and from the sketch's buckets
 *
 * Means, latency and spread are asymptotic: nothing is said before GATE_BURN_IN
 * observations an arm. Fractions and quantiles hold from the first one.
 * Pure. Safe from any thread. */
#ifndef ROSTRUM_READINESS_GATE_COMPARE_H
#define ROSTRUM_READINESS_GATE_COMPARE_H

#include "readiness/gate/evidence.h"
#include "stats/watch.h"

enum { GATE_BURN_IN = 20 };

typedef enum {
    GATE_DATA_GOOD,
    GATE_DATA_MISSING, /* nothing recorded in an arm */
    GATE_DATA_BROKEN   /* impossible: more bad than total, negative squares, latency 0 */
} gate_data;

/* One cell, reduced to what is compared. Made by gate_compare; read only. */
typedef struct {
    const gate_metric *metric;
    double n[2];     /* observations of each arm */
    double value[2]; /* mean, share, quantile, ... of each arm; NaN: none */
    double change;   /* estimate; NaN: none */
    stats_watch watch;
    stats_moments moments[2]; /* mean, ratio; of ln: latency */
    stats_shape shape[2];     /* spread */
    const gate_cell *cell;
} gate_comparison;

/* n_opt, where the sequence is narrowest, is the sample the metric asks for. */
gate_data gate_compare(const gate_metric *m, const gate_cell *cell, double alpha,
                       gate_comparison *out);

/* log e against "the change is at most d" (AT_LEAST) or "at least d" (AT_MOST). Not for
 * GATE_COUNT. */
double gate_log_e(const gate_comparison *c, double d, stats_side side);

/* Both ends, each with 1 - alpha; infinite where the sample does not bound it. */
stats_interval gate_interval(const gate_comparison *c);

#endif
