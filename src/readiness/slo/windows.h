/* readiness/slo/windows.h: the pairs of windows that watch an objective, and their
 * factors.
 *
 * An alert is worth a page when it would spend a stated share of the period's budget
 * within its long window: factor = budget_percent * period_h / 100 / long_h e.g. 2 % of
 * 30 days within 1 h: 2 * 720 / 100 / 1 = 14.4. Evaluated in this order, so that other
 * tools' factors are equal to the last bit.
 *
 * Source: SRE workbook ch. 5, table 5-8, for 30 days; Sloth's catalogue for 28 days.
 * Pure. Safe from any thread. */
#ifndef ROSTRUM_READINESS_SLO_WINDOWS_H
#define ROSTRUM_READINESS_SLO_WINDOWS_H

#include "readiness/slo/burn_rate.h"

typedef struct {
    bool page;             /* else a ticket */
    double budget_percent; /* of the period's budget, spent within the long window */
    int64_t short_s, long_s;
} slo_window;

#define SLO_WINDOWS 4
extern const slo_window slo_windows[SLO_WINDOWS]; /* fastest first */

/* The factor at which the window alerts. period_s > 0. */
double slo_factor(const slo_window *w, int64_t period_s);

/* Periods that slo_windows was made for: 28 and 30 days. With others its shares are
 * nobody's recommendation (2 % of a day's budget is gone in 29 minutes at burn 1). */
bool slo_windows_fit(int64_t period_s);

/* The window as a rule for an objective of this period: greater than its factor. */
slo_rule slo_window_rule(const slo_window *w, int64_t period_s);

/* 100 - objective, in percent of requests. */
double slo_budget_percent(double objective_percent);

#endif
