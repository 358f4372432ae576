/* readiness/slo/burn_rate.h: how fast a service spends its error budget.
 *
 * burn = (bad / total) / budget, where budget is the share of requests allowed
 * to be bad. burn 1 spends the budget exactly over the SLO period; burn 14.4
 * held for 1 h spends 14.4 / 720 = 2 % of a 30-day budget.
 *
 * An alert needs three things at once:
 *   short window   bad / total beyond factor * budget: it still happens
 *   long window    the same: it is not a moment's spike
 *   evidence       the long window is not what a service that keeps its objective shows
 *                  now and then: SLO_EVIDENCE_NATS or more, see slo_evidence_nats
 * The first two are the rule of the SRE workbook, ch. 5. The third matters only where
 * traffic is low and one failure in ten requests reads as a burn of 100.
 *
 * Tolerance. 0.144 / 0.01 is 14.399999999999999 in doubles, so a ratio counts as equal to
 * a threshold when they differ by at most SLO_TOLERANCE of the threshold: "greater" is
 * false and "greater or equal" is true there. (The lesson's lab is exact and has none.)
 *
 * Source: readiness lesson, lab 2; SRE workbook ch. 5 for the window pairs.
 * Pure: no clock, allocation, I/O or globals. Safe from any thread. */
#ifndef ROSTRUM_READINESS_SLO_BURN_RATE_H
#define ROSTRUM_READINESS_SLO_BURN_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define SLO_TOLERANCE 1e-9 /* relative to the threshold */

/* ln 1000: a healthy service shows this much by chance at most once in 1000 looks. */
#define SLO_EVIDENCE_NATS 6.907755278982137

/* Requests seen in one window. Invariant: bad <= total. */
typedef struct {
    uint64_t total;
    uint64_t bad;
} slo_count;

typedef enum { SLO_GT, SLO_GTE, SLO_LT, SLO_LTE } slo_op;

/* When to alert. A single window is a pair of equal ones. */
typedef struct {
    slo_op op;
    double factor;           /* compared with the burn; >= 0 */
    int64_t short_s, long_s; /* s; whole minutes, short_s <= long_s */
    int64_t hold_s;          /* s it must last before it fires ("for"); usually 0 */
} slo_rule;

/* SLO_INSUFFICIENT: there were too few requests to say either. */
typedef enum { SLO_QUIET, SLO_BREACHED, SLO_INSUFFICIENT } slo_answer;

typedef struct {
    slo_answer answer;
    double burn_short, burn_long;
    double evidence_nats;     /* of the long window */
    uint64_t requests_needed; /* in the long window, for a quiet one to mean something */
} slo_verdict;

/* Counts the samples above threshold_ms; a sample equal to it is good.
 *   latency_ms   [n] milliseconds, each finite and >= 0; may be NULL if n == 0
 * ERR_INVALID, *out_count untouched: a sample is NaN, infinite or negative. A
 * broken clock must not read as a fast server. */
MUST_CHECK status slo_count_above(const float *latency_ms, size_t n, float threshold_ms,
                                  slo_count *out_count);

/* bad / total / budget; 0 when there were no requests. 0 < budget <= 1. */
double slo_burn(slo_count window, double budget);

/* ratio OP threshold, with SLO_TOLERANCE. NaN is beyond nothing. */
bool slo_beyond(double ratio, slo_op op, double threshold);

/* How strongly the window speaks against a service whose share of bad requests is only
 * healthy (0..1): with k = bad and m = total * healthy expected,
 *   k ln(k / m) - k + m   nats, 0 when k <= m.
 * exp(-nats) bounds the chance of k or more bad requests in such a service, for any
 * number of requests (Chernoff's bound of the binomial and Poisson tail). A closed form,
 * so that Prometheus computes the same. */
double slo_evidence_nats(slo_count window, double healthy);

/* The share of bad requests that slo_judge takes for healthy: the budget, or half of the
 * rule's threshold where that is less (slow rules page below a burn of 2). */
double slo_healthy(const slo_rule *rule, double budget);

/* The least total for which seeing no bad request means, with 95 % confidence, that the
 * share is below the threshold factor * budget: ceil(ln 0.05 / ln(1 - threshold)). 0 for
 * a rule that looks for a low burn. */
uint64_t slo_requests_needed(const slo_rule *rule, double budget);

/* Can any traffic make it alert? Not when all requests bad is still not beyond factor *
 * budget, e.g. 14.4 times a budget of 10 %. */
bool slo_can_fire(const slo_rule *rule, double budget);

/* Judges two windows of one service. Both must be beyond the threshold, so that neither a
 * spike already over nor a leak not yet hot pages anyone. SLO_INSUFFICIENT: both are, but
 * without evidence; or they are not, and the long window holds fewer requests than
 * needed. ERR_INVALID, *out_verdict untouched: the budget is not in (0, 1], the factor is
 * not a number >= 0, or a window has more bad requests than requests. */
MUST_CHECK status slo_judge(const slo_rule *rule, double budget, slo_count window_short,
                            slo_count window_long, slo_verdict *out_verdict);

#endif
