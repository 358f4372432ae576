/* readiness/gate/judge.h: may this release go on?
 *
 * One finding a cell, one outcome for all:
 *   rollback  a count that must not be is there (say, a privacy error), or harm beyond a
 *             limit is shown
 *   invalid   traffic is not split as intended, or the data is impossible
 *   pause     the gain that was asked for is not there, or an exploratory slice broke
 *   hold      something is missing: needs says what
 *   pass      every protected cell is shown to be within its limit, the gain is shown
 * The first that applies, in this order: a count needs no comparable arms, every other
 * verdict does. No gain outweighs a breach, and what is missing is never a pass.
 *
 * Looking often is safe: all evidence is anytime-valid (readiness/gate/compare.h), so the
 * gate may be asked after every record and acted upon at the first answer.
 *
 * Many cells:
 *   protected   Holm on p = exp(-log e), over every limit of every protected cell. It
 *               holds at any stopping time because each p does: the chance that any false
 *               breach is ever announced is alpha at most, under any dependence.
 *   exploratory Benjamini and Hochberg on the same p. On p-values that are inverse
 *               e-values this is e-BH, whose false discovery rate holds under any
 *               dependence (Wang and Ramdas 2022, JRSS B 84(3)).
 *   within, gain  each alone at alpha: a pass needs all of them at once, so asking many
 *               makes a false pass rarer, not more likely.
 *
 * Pure. Safe from any thread. About 40 KiB of stack. */
#ifndef ROSTRUM_READINESS_GATE_JUDGE_H
#define ROSTRUM_READINESS_GATE_JUDGE_H

#include "readiness/gate/compare.h"

typedef enum {
    GATE_WITHIN,    /* shown to be no worse than allowed */
    GATE_GAINED,    /* shown to be better by what was asked */
    GATE_UNDECIDED, /* the sample cannot tell yet */
    GATE_NO_GAIN,   /* the sample is there, the gain is not */
    GATE_MISSING,   /* no data in an arm */
    GATE_STALE,     /* the newest record is too old */
    GATE_BROKEN,    /* the data is impossible */
    GATE_BREACH,    /* shown to be worse than allowed */
    GATE_ALLOWED,   /* a breach that a recorded approval covers */
    GATE_BEYOND,    /* shown to be beyond what any approval covers */
    GATE_SHOWN      /* watched or exploratory, nothing found */
} gate_state;

/* What a hold waits for. */
enum {
    GATE_NEEDS_METRIC = 1,
    GATE_NEEDS_SAMPLE = 2,
    GATE_NEEDS_LABELS = 4,
    GATE_NEEDS_APPROVAL = 8,
    GATE_NEEDS_CHECKS = 16, /* what the approval depends on: fallback, alerts, .. */
    GATE_NEEDS_TRAFFIC = 32,
    GATE_NEEDS_FRESH = 64,
    GATE_NEEDS = 7 /* kinds */
};

typedef struct {
    size_t metric, slice; /* of the policy */
    bool is_protected;    /* else exploratory or watched */
    gate_state state;
    gate_outcome leads_to;
    unsigned needs;
    double n[2], value[2];    /* control, candidate */
    double change, low, high; /* candidate against control; NaN, infinite: not known */
    double limit;         /* tolerance, or the gain asked for: signed like the change */
    double detectable;    /* smallest harm this sample could show (chance one half) */
    double needed;        /* observations an arm to decide; 0: enough, inf: no amount */
    double p, p_adjusted; /* of "no worse than allowed" */
    double p_stop;        /* adjusted, of "no worse than the stop" */
} gate_finding;

typedef struct {
    gate_outcome outcome;
    unsigned needs;
    double traffic_p; /* of "split as intended"; 1 when nothing was recorded */
    bool has_traffic;
    bool split_broken;    /* traffic_p too small: sample ratio mismatch */
    bool from_the_future; /* evidence is newer than now_s */
    bool labels_audited[GATE_SLICES_MAX];
    const gate_approval *approval; /* the one that was used; NULL: none */
    unsigned checks_missing;       /* bit i: the policy's check i is not good */
    bool route[GATE_SLICES_MAX];   /* slices to keep on the control: broke, routable */
    size_t n;
    gate_finding *findings; /* [n], the caller's, metric by metric */
} gate_verdict;

/* Why an approval does not count: "has expired"; NULL: it does. */
const char *gate_approval_fault(const gate_policy *p, const gate_approval *a,
                                double now_s);

/* Cells the policy judges: the length findings needs. */
size_t gate_cells(const gate_policy *p);

/*   now_s     s since 1970, for ages and expiries
 *   report    false: no intervals, which cost most; states and outcome are the same
 *             (unless a metric asks for a detectable)
 *   findings  [gate_cells(p)]
 * ERR_INVALID, *out untouched: gate_policy_check refuses the policy, or now_s is not
 * finite. */
MUST_CHECK status gate_judge(const gate_policy *p, const gate_evidence *e, double now_s,
                             bool report, gate_finding *findings, gate_verdict *out);

#endif
