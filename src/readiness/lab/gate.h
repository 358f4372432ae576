/* readiness/lab/gate.h: continue, pause or roll back a canary, from four deltas.
 *
 * In this order: any hard failure rolls back (p95 latency more than 100 ms slower,
 * far-field WER more than 3 % relatively worse, one privacy error); else an overall WER
 * at least 2 % relatively better continues; else pause. Privacy errors and a protected
 * slice dominate an average gain. A value exactly at a limit is not a failure, and
 * exactly -0.02 is a gain: the limits are compared as doubles, without a tolerance.
 *
 * Source: readiness lesson, lab 1. `rostrum gate judge` is the production version, with
 * samples and intervals. Pure. Safe from any thread. */
#ifndef ROSTRUM_READINESS_LAB_GATE_H
#define ROSTRUM_READINESS_LAB_GATE_H

#include <stddef.h>

#include "base/diag.h"

/* Candidate minus control; below zero is better. Names of the lesson. */
typedef struct {
    double p95_latency_ms_delta;
    double far_field_wer_relative_delta; /* 0.08 = 8 % more errors */
    double overall_wer_relative_delta;
    double privacy_error_count; /* >= 0 */
} lab_gate_metrics;

typedef struct {
    const char *decision;   /* "continue", "pause" or "rollback" */
    const char *reasons[3]; /* [n_reasons] */
    size_t n_reasons;
} lab_gate_result;

/* ERR_INVALID, *out untouched, d names the field: not finite, or a negative count. */
MUST_CHECK status lab_gate(const lab_gate_metrics *m, lab_gate_result *out, diag *d);

#endif
