/* readiness/lab/burn.h: how fast a queue spends its latency budget.
 *
 * burn = (bad / n) / allowed_bad_fraction, where bad counts the latencies above the
 * threshold; one exactly at it is good. No requests burn nothing: 0. Divided in this
 * order, so 0.144 / 0.01 is 14.399999999999999.
 *
 * Source: readiness lesson, lab 2. `rostrum slo burn` is the production version, with
 * window pairs. Pure. Safe from any thread. */
#ifndef ROSTRUM_READINESS_LAB_BURN_H
#define ROSTRUM_READINESS_LAB_BURN_H

#include <stddef.h>

#include "base/diag.h"

#define LAB_BURN_THRESHOLD_MS 250.0 /* the lesson's defaults */
#define LAB_BURN_ALLOWED_BAD_FRACTION 0.01

typedef struct {
    double burn_rate; /* 1 spends the budget exactly as fast as planned */
    size_t bad;       /* latencies above the threshold */
} lab_burn_result;

/* latencies_ms [n] finite; may be NULL if n == 0. threshold_ms finite.
 * allowed_bad_fraction > 0: an empty budget has no burn rate, and saying so on a quiet
 * day beats failing on the first busy one.
 * ERR_INVALID, *out untouched, d names the field (latencies_ms[3]). */
MUST_CHECK status lab_burn(const double *latencies_ms, size_t n, double threshold_ms,
                           double allowed_bad_fraction, lab_burn_result *out, diag *d);

#endif
