/* readiness/gate/evidence.h: what was measured, as aggregates only.
 *
 * One sample a cell and arm: counts, moments, sums over blocks, a sketch. Never a text,
 * a speaker or a session. Files that hold it: records/evidence.h. Pure: plain values. */
#ifndef ROSTRUM_READINESS_GATE_EVIDENCE_H
#define ROSTRUM_READINESS_GATE_EVIDENCE_H

#include "readiness/gate/policy.h"
#include "readiness/histogram.h"
#include "stats/moments.h"
#include "stats/sequence_fraction.h"
#include "stats/sequence_spread.h"

#define GATE_APPROVALS_MAX 8

/* Which parts are filled depends on the measure; start from all zeros and
 * histogram_init(&sketch, INFINITY). */
typedef struct {
    double newest_s;    /* s since 1970 of the newest record; 0: no record */
    bool broken;        /* a record of it was impossible, whatever the sum looks like */
    stats_shape values; /* GATE_MEAN; of ln(value): GATE_LATENCY, GATE_SPREAD */
    stats_pairs blocks; /* GATE_RATIO: y errors, x words of a speaker, a session, ... */
    stats_count count;  /* GATE_FRACTION, GATE_COUNT */
    histogram sketch;   /* GATE_QUANTILE; adds to values in the other two of latency */
} gate_sample;

typedef struct {
    gate_sample arms[2]; /* control, candidate */
} gate_cell;

/* Labels listened to again by somebody else, and how many of them were wrong. */
typedef struct {
    stats_count count;
} gate_audit;

/* A product decision to ship a named breach to few. Not there: expired, from the future,
 * without a person, a reason or an audience. */
typedef struct {
    char who[GATE_NAME_BYTES], why[GATE_ADVICE_BYTES], audience[GATE_NAME_BYTES];
    double share; /* of traffic that the audience is, 0..1 */
    double time_s, expires_s;
    bool covers[GATE_METRICS_MAX];
} gate_approval;

typedef struct {
    double newest_s;   /* of all records */
    bool has_units;    /* was traffic recorded at all? */
    uint64_t units[2]; /* sessions assigned to each arm */
    gate_cell *cells;  /* [n_metrics][n_slices] of the policy, row-major */
    gate_audit labels[GATE_SLICES_MAX];
    gate_approval approvals[GATE_APPROVALS_MAX]; /* [n_approvals] */
    size_t n_approvals;
    double checked_s[GATE_CHECKS_MAX]; /* newest record of each check; 0: none */
    bool checked_good[GATE_CHECKS_MAX];
} gate_evidence;

static inline const gate_cell *gate_cell_of(const gate_policy *p, const gate_evidence *e,
                                            size_t metric, size_t slice) {
    return &e->cells[metric * p->n_slices + slice];
}

#endif
