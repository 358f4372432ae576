/* readiness/lab/cost.h: did a successful turn become dearer, and what to look at first.
 *
 * unit cost = gpu_dollars / max(successful_turns, 1)
 * relative  = (new - old) / old;  regressed when relative > tolerance, not at it.
 * The drivers are those of three that rose, in this order: avg_context_tokens,
 * retry_rate, shadow_traffic_fraction. Rising is all it sees: not by how much, and no
 * change of price, utilisation or tenant mix (readiness/cost/explain.h does).
 *
 * Source: readiness lesson, lab 3. Pure. Safe from any thread. */
#ifndef ROSTRUM_READINESS_LAB_COST_H
#define ROSTRUM_READINESS_LAB_COST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

#define LAB_COST_TOLERANCE 0.10 /* the lesson's default */

/* Totals and averages of one period, all >= 0. Names of the lesson. */
typedef struct {
    double gpu_dollars;
    double successful_turns;
    double avg_context_tokens;
    double retry_rate;
    double shadow_traffic_fraction;
} lab_cost_period;

typedef struct {
    double old_unit_cost, new_unit_cost; /* dollars a successful turn */
    double relative_delta;
    bool regressed;
    const char *drivers[3]; /* [n_drivers] */
    size_t n_drivers;
} lab_cost_result;

/* ERR_INVALID, *out untouched, d names the field (old.retry_rate): not finite, negative,
 * or an old unit cost of 0, to which nothing can be compared. */
MUST_CHECK status lab_cost(const lab_cost_period *old_period,
                           const lab_cost_period *new_period, double tolerance,
                           lab_cost_result *out, diag *d);

#endif
