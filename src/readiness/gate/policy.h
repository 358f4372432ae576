/* readiness/gate/policy.h: what a release must show before it goes on, as a value.
 *
 * A policy names two arms, the metrics that compare them and the slices on which they are
 * compared. One metric on one slice is a cell; slice 0 is all traffic. Every limit of a
 * metric is on one scale: absolute (the metric's unit) or relative (0.03 is 3 % of the
 * control's value). Limits are harm, so they are not negative: what is better or worse
 * follows from the metric's direction.
 *
 * Files that hold it: records/gate_policy.h. Pure: plain values, no memory of its own. */
#ifndef ROSTRUM_READINESS_GATE_POLICY_H
#define ROSTRUM_READINESS_GATE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define GATE_METRICS_MAX 24 /* a gate a person can review */
#define GATE_SLICES_MAX 33  /* all traffic and 32 named slices */
#define GATE_CELLS_MAX (GATE_METRICS_MAX * GATE_SLICES_MAX)
#define GATE_CHECKS_MAX 8 /* things an approval depends on */
#define GATE_NAME_BYTES 64
#define GATE_ADVICE_BYTES 384

/* How a metric is made of its aggregates, and which sequence watches it. */
typedef enum {
    GATE_MEAN,  /* of values: rating, cost a minute, seconds   stats/sequence_mean.h */
    GATE_RATIO, /* sum / sum over blocks: errors / words of a speaker          (same) */
    GATE_FRACTION, /* bad / total                             stats/sequence_fraction.h */
    GATE_LATENCY,  /* geometric mean, relative only               stats/sequence_mean.h */
    GATE_QUANTILE, /* p-quantile of a sketch               readiness/gate/quantile.h */
    GATE_SPREAD,   /* standard deviation of ln(value), relative   sequence_spread.h */
    GATE_COUNT     /* events of the candidate alone: one too many is one too many */
} gate_measure;

typedef enum {
    GATE_STOP,    /* a breach ends the release */
    GATE_PROTECT, /* must be shown to be no worse than allowed */
    GATE_GAIN,    /* must be shown to be better; its slices are protected */
    GATE_WATCH    /* shown, decides nothing */
} gate_role;

/* In order of how much they stop. */
typedef enum {
    GATE_PASS,
    GATE_HOLD,  /* stay as you are: something is missing */
    GATE_PAUSE, /* stop growing: the evidence is there and not good enough */
    GATE_ROLLBACK,
    GATE_INVALID /* the arms cannot be compared */
} gate_outcome;

typedef struct {
    char name[GATE_NAME_BYTES], unit[16];
    char advice[GATE_ADVICE_BYTES]; /* what to do about a breach; may be "" */
    gate_measure measure;
    double quantile; /* GATE_QUANTILE: in (0, 1) */
    gate_role role;
    bool higher_is_better;
    bool relative;    /* scale of tolerance, gain, stop and detectable */
    double tolerance; /* harm allowed; INFINITY: not limited */
    double gain;      /* GATE_GAIN: improvement that must be shown, >= 0 */
    double stop;      /* harm that no approval covers; INFINITY: none */
    gate_outcome on_breach;
    bool labels;              /* rests on reference labels: needs their audit */
    bool approvable;          /* a breach may ship under a recorded approval */
    double sample;            /* observations (blocks, ...) an arm; 0: not asked */
    double detectable;        /* smallest harm the sample can show; INFINITY: not asked */
    bool on[GATE_SLICES_MAX]; /* cells it is judged on; [0] is all traffic */
} gate_metric;

typedef struct {
    char name[GATE_NAME_BYTES]; /* "device=far-field" */
    bool is_protected;          /* else exploratory: a breach leads to a pause at most */
    bool routable;              /* can be told at admission */
    gate_outcome on_breach;     /* of this slice's cells, stop metrics excepted */
} gate_slice;

typedef struct {
    char name[GATE_NAME_BYTES], kind[GATE_NAME_BYTES];
    char arms[2][GATE_NAME_BYTES]; /* control, candidate */
    double shares[2];              /* of traffic, as intended; any scale */
    double alpha;         /* chance of ever being wrong; of all false alarms together */
    double traffic_alpha; /* the same of the sample ratio check */
    double max_age_s;     /* of any cell's newest record; INFINITY: no limit */
    double audited;       /* labels audited a slice, at least */
    double wrong;         /* share of wrong labels, at most (upper 95 % limit) */
    double audience;      /* an approval's share of traffic, at most */
    double longest_s;     /* an approval's life, at most */
    char checks[GATE_CHECKS_MAX][GATE_NAME_BYTES]; /* [n_checks] it depends on */
    size_t n_checks;
    gate_slice slices[GATE_SLICES_MAX]; /* [n_slices]; [0] is all traffic */
    size_t n_slices;
    gate_metric metrics[GATE_METRICS_MAX]; /* [n_metrics] */
    size_t n_metrics;
} gate_policy;

/* Everything in range, so that judging cannot fail. ERR_INVALID: d names metric or slice
 * and what would be valid. */
MUST_CHECK status gate_policy_check(const gate_policy *p, diag *d);

/* The part of it that is about one metric of p. */
MUST_CHECK status gate_metric_check(const gate_policy *p, const gate_metric *m, diag *d);

/* Names as files and reports write them. */
extern const char *const gate_measure_names[GATE_COUNT + 1];
extern const char *const gate_role_names[GATE_WATCH + 1];
extern const char *const gate_outcome_names[GATE_INVALID + 1];

#endif
