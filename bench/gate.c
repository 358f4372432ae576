/* bench/gate.c: is it safe to ask the gate often, and how soon does it see a regression?
 *
 *   bench_gate [COMPARISONS]     default 10,000
 *
 * Both through gate_judge, as a release would: a policy, evidence that grows, a verdict
 * at every look, acted upon at the first rollback.
 *   - A/A: both arms from one distribution, 40 looks. Share that is ever rolled back.
 *   - lognormal latency, sigma 0.6, candidate 10, 20, 35 % slower: median observations an
 *     arm until the rollback, with a look every 25. Beside it what a two-sided normal
 *     mixture needs that watches raw milliseconds: 1,229, 526, 283.
 * Exit status 1 when a goal is missed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "readiness/gate/judge.h"
#include "stats/rng.h"
#include "stats/sort.h"

enum { LOOKS = 40, STEP = 50, SEEN_MAX = 6000, LOOK_EVERY = 25, TRIALS = 1000 };

static gate_policy policy;
static gate_cell cells[GATE_METRICS_MAX * GATE_SLICES_MAX];
static gate_finding findings[GATE_CELLS_MAX];

static gate_metric metric_of(const char *name, gate_measure measure, bool relative,
                             double tolerance) {
    gate_metric m = {.measure = measure,
                     .role = GATE_PROTECT,
                     .quantile = 0.95,
                     .relative = relative,
                     .tolerance = tolerance,
                     .stop = INFINITY,
                     .on_breach = GATE_ROLLBACK,
                     .sample = 250,
                     .detectable = INFINITY,
                     .on = {true}};
    snprintf(m.name, sizeof m.name, "%s", name);
    return m;
}

static void start_policy(void) {
    policy = (gate_policy){.alpha = 0.05,
                           .traffic_alpha = 0.001,
                           .shares = {1, 1},
                           .max_age_s = INFINITY,
                           .arms = {"control", "candidate"},
                           .n_slices = 1};
}

static void start_cells(void) {
    memset(cells, 0, sizeof cells);
    for (size_t i = 0; i < policy.n_metrics * policy.n_slices; i++)
        for (int arm = 0; arm < 2; arm++) {
            histogram_init(&cells[i].arms[arm].sketch, INFINITY);
            cells[i].arms[arm].newest_s = 1;
        }
}

static gate_outcome judge(uint64_t n) {
    gate_evidence e = {.newest_s = 1, .has_units = true, .units = {n, n}, .cells = cells};
    gate_verdict v;
    if (gate_judge(&policy, &e, 1, false, findings, &v) != OK)
        abort();
    return v.outcome;
}

/* Observations an arm until the rollback; 0: never. */
static unsigned watch_latency(stats_rng *r, double slower, unsigned most,
                              unsigned every) {
    start_cells();
    for (unsigned n = 1; n <= most; n++) {
        for (int arm = 0; arm < 2; arm++)
            stats_shape_add(&cells[0].arms[arm].values,
                            6 + 0.6 * stats_rng_normal(r) + (arm ? log1p(slower) : 0));
        if (n % every == 0 && judge(n) == GATE_ROLLBACK)
            return n;
    }
    return 0;
}

/* One observation of every kind, the same in both arms. */
static void add_alike(stats_rng *r, size_t metric, gate_sample *s) {
    double x = 6 + 0.6 * stats_rng_normal(r);
    double words = 20 + (double)stats_rng_below(r, 100);
    switch (policy.metrics[metric].measure) {
    case GATE_FRACTION:
        s->count.bad += stats_rng_uniform(r) < 0.05;
        s->count.total++;
        break;
    case GATE_QUANTILE:
        (void)!histogram_add(&s->sketch, exp(x));
        break;
    case GATE_RATIO:
        stats_pairs_add(&s->blocks, words, floor(words * stats_rng_beta(r, 2, 18)));
        break;
    default:
        stats_shape_add(&s->values, x);
        break;
    }
}

static bool rolled_back_alike(stats_rng *r) {
    start_cells();
    for (unsigned n = 1; n <= LOOKS * STEP; n++) {
        for (size_t i = 0; i < policy.n_metrics * policy.n_slices; i++)
            for (int arm = 0; arm < 2; arm++)
                add_alike(r, i / policy.n_slices, &cells[i].arms[arm]);
        if (n % STEP == 0 && judge(n) == GATE_ROLLBACK)
            return true;
    }
    return false;
}

static bool figure(const char *what, double value, const char *beside, double ratio,
                   const char *goal, bool good) {
    printf("figure\t%s\t%.4g\t%s\t%.3g\t%s\t%s\n", what, value, beside, ratio, goal,
           good ? "yes" : "no");
    return good;
}

static bool a_a_of_one(unsigned comparisons) {
    unsigned alarms = 0;
    start_policy();
    policy.metrics[policy.n_metrics++] = metric_of("latency", GATE_LATENCY, true, 0);
    for (unsigned i = 0; i < comparisons; i++) {
        stats_rng r = stats_rng_make(1, i);
        alarms += watch_latency(&r, 0, LOOKS * STEP, STEP) > 0;
    }
    double share = (double)alarms / comparisons;
    printf("A/A, latency: %u of %u comparisons rolled back in %d looks\n", alarms,
           comparisons, LOOKS);
    return figure("gate: false rollbacks, one metric, 40 looks", share, "alpha 0.05",
                  share / 0.05, "at most 0.05", share <= 0.05);
}

/* Five measures on all traffic and three protected slices: 20 questions, one alpha. */
static bool a_a_of_many(unsigned comparisons) {
    unsigned alarms = 0;
    start_policy();
    policy.n_slices = 4;
    for (size_t i = 0; i < policy.n_slices; i++)
        policy.slices[i] = (gate_slice){.is_protected = true, .on_breach = GATE_ROLLBACK};
    const gate_metric all[] = {metric_of("latency", GATE_LATENCY, true, 0),
                               metric_of("wer", GATE_RATIO, true, 0),
                               metric_of("failures", GATE_FRACTION, false, 0),
                               metric_of("p95", GATE_QUANTILE, true, 0),
                               metric_of("spread", GATE_SPREAD, true, 0)};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        policy.metrics[policy.n_metrics] = all[i];
        memset(policy.metrics[policy.n_metrics++].on, true, policy.n_slices);
    }
    for (unsigned i = 0; i < comparisons; i++) {
        stats_rng r = stats_rng_make(2, i);
        alarms += rolled_back_alike(&r);
    }
    double share = (double)alarms / comparisons;
    printf("A/A, 20 cells: %u of %u comparisons rolled back in %d looks\n", alarms,
           comparisons, LOOKS);
    return figure("gate: false rollbacks, 20 cells, 40 looks", share, "alpha 0.05",
                  share / 0.05, "at most 0.05", share <= 0.05);
}

static bool soon(double slower, double mixture_needs) {
    double seen[TRIALS];
    start_policy();
    policy.metrics[policy.n_metrics++] = metric_of("latency", GATE_LATENCY, true, 0);
    for (unsigned i = 0; i < TRIALS; i++) {
        stats_rng r = stats_rng_make(3, i);
        unsigned n = watch_latency(&r, slower, SEEN_MAX, LOOK_EVERY);
        seen[i] = n > 0 ? n : INFINITY;
    }
    stats_sort(seen, TRIALS);
    double median = stats_sorted_quantile(seen, TRIALS, 0.5);
    char what[64], beside[64], goal[64];
    snprintf(what, sizeof what, "gate: observations an arm to catch +%.0f %%",
             100 * slower);
    snprintf(beside, sizeof beside, "normal mixture %.0f", mixture_needs);
    snprintf(goal, sizeof goal, "at most %.0f", mixture_needs);
    return figure(what, median, beside, median / mixture_needs, goal,
                  median <= mixture_needs);
}

int main(int argc, char **argv) {
    unsigned comparisons = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10000;
    if (comparisons == 0) {
        fprintf(stderr, "bench_gate: COMPARISONS must be a number above 0\n");
        return 2;
    }
    bool good = a_a_of_one(comparisons);
    good = a_a_of_many(comparisons / 100 + 1) && good;
    good = soon(0.10, 1229) && good;
    good = soon(0.20, 526) && good;
    good = soon(0.35, 283) && good;
    return good ? 0 : 1;
}
