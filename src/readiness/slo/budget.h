/* readiness/slo/budget.h: what is left of an error budget, and how long it lasts.
 *
 * Over a whole period the budget spent is the burn of that period: burn 0.4 spends 40 %.
 * When only a part of it was observed, the rest counts as clean:
 *   spent = burn over what was observed * observed / period
 * so that an hour at burn 14.4 has spent 2 % of 30 days and not 1440 %.
 *
 * Pure. Safe from any thread. */
#ifndef ROSTRUM_READINESS_SLO_BUDGET_H
#define ROSTRUM_READINESS_SLO_BUDGET_H

#include "readiness/slo/burn_rate.h"

/* The share of the budget still there: 1 untouched, 0 used up, negative overspent.
 *   seen         requests of the period so far
 *   observed_s   s of the period they were seen in, 0..period_s
 *   period_s     s, > 0
 *   budget       (0, 1] */
double slo_budget_left(slo_count seen, int64_t observed_s, int64_t period_s,
                       double budget);

/* s until nothing is left, if it goes on at this burn and no old errors leave the period:
 * left * period / burn. 0 when nothing is left; INFINITY at burn 0. */
double slo_exhaustion_s(double left, double burn, int64_t period_s);

#endif
