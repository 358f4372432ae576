/* The gate: which verdict dominates, what is never a pass, and the cases in which a
 * Mann-Whitney judge on time series is known to answer wrongly. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "readiness/gate/explain.h"
#include "readiness/kayenta/kayenta.h"
#include "stats/rng.h"
#include "stats/sequence_quantile.h"
#include "stats/sort.h"

enum { NOW = 1000000, ALL = 0, FAR = 1, STREET = 2, LAB = 3 };

/* One release to judge; every test starts from a healthy one and breaks something. */
typedef struct {
    gate_policy policy;
    gate_evidence evidence;
    gate_cell cells[8 * 4];
    gate_finding findings[8 * 4];
    gate_verdict v;
} world;

static world w;

static gate_metric *add_metric(const char *name, gate_measure measure, gate_role role) {
    gate_metric *m = &w.policy.metrics[w.policy.n_metrics++];
    *m = (gate_metric){.measure = measure,
                       .role = role,
                       .relative = measure == GATE_LATENCY || measure == GATE_SPREAD,
                       .tolerance = role == GATE_GAIN ? INFINITY : 0.05,
                       .stop = INFINITY,
                       .on_breach = GATE_ROLLBACK,
                       .sample = 200,
                       .detectable = INFINITY,
                       .on = {true}};
    snprintf(m->name, sizeof m->name, "%s", name);
    return m;
}

static gate_sample *sample_of(size_t metric, size_t slice, int arm) {
    return &w.cells[metric * w.policy.n_slices + slice].arms[arm];
}

static void set_share(size_t metric, size_t slice, uint64_t control, uint64_t candidate,
                      uint64_t total) {
    sample_of(metric, slice, 0)->count = (stats_count){control, total};
    sample_of(metric, slice, 1)->count = (stats_count){candidate, total};
}

/* Metric 0: privacy, a count. 1: failures on all slices. 2: gain, fewer misses. */
static void start(void) {
    memset(&w, 0, sizeof w);
    w.policy = (gate_policy){.alpha = 0.05,
                             .traffic_alpha = 0.001,
                             .shares = {1, 1},
                             .max_age_s = 3600,
                             .audited = 100,
                             .wrong = 0.05,
                             .audience = 0.05,
                             .longest_s = 86400,
                             .arms = {"control", "candidate"},
                             .n_slices = 4,
                             .n_checks = 1,
                             .checks = {"fallback"}};
    static const char *const names[] = {"all", "far", "street", "lab"};
    for (size_t i = 0; i < 4; i++) {
        w.policy.slices[i] = (gate_slice){
            .is_protected = i != LAB, .routable = i == FAR, .on_breach = GATE_HOLD};
        snprintf(w.policy.slices[i].name, GATE_NAME_BYTES, "%s", names[i]);
    }
    w.policy.slices[ALL].on_breach = GATE_ROLLBACK;
    add_metric("privacy", GATE_COUNT, GATE_STOP)->tolerance = 0;
    memset(add_metric("failures", GATE_FRACTION, GATE_PROTECT)->on, true, 4);
    add_metric("misses", GATE_FRACTION, GATE_GAIN)->gain = 0.01;
    w.evidence = (gate_evidence){
        .newest_s = NOW, .has_units = true, .units = {10000, 10050}, .cells = w.cells};
    for (size_t i = 0; i < sizeof w.cells / sizeof w.cells[0]; i++)
        for (int arm = 0; arm < 2; arm++) {
            histogram_init(&w.cells[i].arms[arm].sketch, INFINITY);
            w.cells[i].arms[arm].newest_s = NOW;
        }
    set_share(0, ALL, 0, 0, 10000);
    for (size_t slice = 0; slice < 4; slice++)
        set_share(1, slice, 200, 200, 10000);
    set_share(2, ALL, 1000, 500, 10000);
}

static gate_outcome judge(void) {
    assert_int_equal(gate_judge(&w.policy, &w.evidence, NOW, true, w.findings, &w.v), OK);
    return w.v.outcome;
}

static const gate_finding *finding(size_t metric, size_t slice) {
    for (size_t i = 0; i < w.v.n; i++)
        if (w.findings[i].metric == metric && w.findings[i].slice == slice)
            return &w.findings[i];
    fail_msg("no finding of metric %zu on slice %zu", metric, slice);
    return NULL;
}

static void a_healthy_release_passes(void **state) {
    (void)state;
    start();
    assert_int_equal(judge(), GATE_PASS);
    assert_int_equal(w.v.n, 6);
    assert_int_equal(gate_cells(&w.policy), 6);
    assert_int_equal(w.v.needs, 0);
    assert_int_equal(finding(2, ALL)->state, GATE_GAINED);
    assert_true(finding(2, ALL)->limit == -0.01);
    const gate_finding *f = finding(1, FAR);
    assert_int_equal(f->state, GATE_WITHIN);
    assert_true(f->low < 0 && f->high > 0 && f->high <= f->limit);
    assert_true(fabs(f->detectable - (f->change - f->low)) < 1e-15);
}

static void one_privacy_error_outweighs_everything(void **state) {
    (void)state;
    start();
    set_share(0, ALL, 0, 1, 10000);
    assert_int_equal(judge(), GATE_ROLLBACK);
    w.evidence.units[1] = 20000; /* arms that cannot be compared do not excuse it */
    assert_int_equal(judge(), GATE_ROLLBACK);
    sample_of(0, ALL, 1)->newest_s = 1; /* nor does its age */
    assert_int_equal(judge(), GATE_ROLLBACK);
    start();
    set_share(0, ALL, 7, 0, 10000); /* the control's are not the candidate's */
    assert_int_equal(judge(), GATE_PASS);
    w.policy.metrics[0].tolerance = 1;
    set_share(0, ALL, 0, 1, 10000); /* exactly the limit */
    assert_int_equal(judge(), GATE_PASS);
}

static void a_broken_protected_slice_outweighs_the_gain(void **state) {
    (void)state;
    start();
    set_share(1, FAR, 200, 1500, 10000);
    assert_int_equal(judge(), GATE_HOLD); /* the slice's own on_breach */
    assert_int_equal(finding(1, FAR)->state, GATE_BREACH);
    assert_true(w.v.route[FAR]);
    w.policy.slices[FAR].on_breach = GATE_ROLLBACK;
    assert_int_equal(judge(), GATE_ROLLBACK);
    assert_false(w.v.route[FAR]); /* all traffic goes back: nothing is left to route */
    start();
    set_share(1, STREET, 200, 1500, 10000);
    assert_int_equal(judge(), GATE_HOLD);
    assert_false(w.v.route[STREET]); /* cannot be told at admission */
    start();
    set_share(1, LAB, 200, 1500, 10000); /* exploratory */
    assert_int_equal(judge(), GATE_PAUSE);
    start();
    set_share(1, ALL, 200, 1500, 10000);
    assert_int_equal(judge(), GATE_ROLLBACK);
    w.policy.metrics[1].role = GATE_WATCH; /* watched: it decides nothing */
    assert_int_equal(judge(), GATE_PASS);
}

static void what_is_missing_is_never_a_pass(void **state) {
    (void)state;
    start();
    set_share(1, STREET, 0, 0, 0);
    assert_int_equal(judge(), GATE_HOLD);
    assert_int_equal(w.v.needs, GATE_NEEDS_METRIC);
    start();
    sample_of(1, STREET, 1)->count.total = 0;
    sample_of(1, STREET, 1)->count.bad = 0;
    assert_int_equal(judge(), GATE_HOLD);
    start();
    set_share(0, ALL, 0, 0, 0); /* no privacy error, because nobody looked */
    assert_int_equal(judge(), GATE_HOLD);
    set_share(0, ALL, 0, 0, 199);
    assert_int_equal(judge(), GATE_HOLD);
    assert_int_equal(w.v.needs, GATE_NEEDS_SAMPLE);
    set_share(0, ALL, 0, 0, 200);
    assert_int_equal(judge(), GATE_PASS);
    start();
    w.evidence.has_units = false;
    assert_int_equal(judge(), GATE_HOLD);
    assert_int_equal(w.v.needs, GATE_NEEDS_TRAFFIC);
    start();
    sample_of(1, FAR, 0)->newest_s = NOW - 3601; /* a second too old */
    assert_int_equal(judge(), GATE_HOLD);
    assert_int_equal(w.v.needs, GATE_NEEDS_FRESH);
    sample_of(1, FAR, 0)->newest_s = NOW - 3600;
    assert_int_equal(judge(), GATE_PASS);
    set_share(1, LAB, 0, 0, 0); /* an exploratory slice need not be there */
    assert_int_equal(judge(), GATE_PASS);
    assert_int_equal(finding(1, LAB)->state, GATE_MISSING);
}

static void labels_have_to_be_audited(void **state) {
    (void)state;
    static const struct {
        uint64_t wrong, total;
        bool good;
    } rows[] = {
        {0, 0, false},   /* nobody listened */
        {0, 99, false},  /* to too few */
        {1, 100, true},  /* upper limit 4.6 % */
        {2, 100, false}, /* 5.9 % */
        {9, 400, true},  /* 3.8 % */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start();
        w.policy.metrics[2].labels = true;
        w.evidence.labels[ALL].count = (stats_count){rows[i].wrong, rows[i].total};
        assert_int_equal(judge(), rows[i].good ? GATE_PASS : GATE_HOLD);
        assert_int_equal(w.v.needs, rows[i].good ? 0 : GATE_NEEDS_LABELS);
    }
}

static void arms_that_cannot_be_compared_are_invalid(void **state) {
    (void)state;
    start();
    w.evidence.units[1] = 11000; /* 47.6 : 52.4 of 21,000 */
    assert_int_equal(judge(), GATE_INVALID);
    assert_true(w.v.split_broken);
    w.policy.shares[1] = 1.1; /* as intended */
    assert_int_equal(judge(), GATE_PASS);
    start();
    w.evidence.newest_s = NOW + 1;
    assert_int_equal(judge(), GATE_INVALID);
    start();
    sample_of(1, FAR, 0)->count = (stats_count){11, 10};
    assert_int_equal(judge(), GATE_INVALID);
    start();
    sample_of(1, FAR, 0)->broken = true;
    assert_int_equal(judge(), GATE_INVALID);
}

static void a_gain_has_to_be_shown(void **state) {
    (void)state;
    start();
    set_share(2, ALL, 1000, 1000, 10000); /* the sample is there, the gain is not */
    assert_int_equal(judge(), GATE_PAUSE);
    assert_int_equal(finding(2, ALL)->state, GATE_NO_GAIN);
    set_share(2, ALL, 10, 8, 100); /* nor is the sample */
    assert_int_equal(judge(), GATE_HOLD);
    assert_int_equal(w.v.needs, GATE_NEEDS_SAMPLE);
    set_share(2, ALL, 1000, 500, 10000);
    w.policy.metrics[2].higher_is_better = true; /* then it is a loss */
    assert_int_equal(judge(), GATE_PAUSE);
    w.policy.metrics[2].tolerance = 0.01; /* and now more than is allowed */
    assert_int_equal(judge(), GATE_ROLLBACK);
}

static void a_breach_ships_only_under_a_living_approval(void **state) {
    (void)state;
    static const struct {
        gate_approval approval;
        bool checked;
        gate_outcome outcome;
        unsigned needs;
    } rows[] = {
#define A(w_, why_, a_, share_, time_, expires_)                                         \
    {.who = w_,                                                                          \
     .why = why_,                                                                        \
     .audience = a_,                                                                     \
     .share = share_,                                                                    \
     .time_s = time_,                                                                    \
     .expires_s = expires_,                                                              \
     .covers = {false, true}}
        {A("pm", "demo", "acme", 0.05, NOW, NOW + 1), true, GATE_PASS, 0},
        /* each thing that makes it as good as not there */
        {A("pm", "demo", "acme", 0.05, NOW, NOW + 1), false, GATE_HOLD,
         GATE_NEEDS_CHECKS},
        {A("pm", "demo", "acme", 0.05, NOW - 10, NOW), true, GATE_HOLD,
         GATE_NEEDS_APPROVAL}, /* expired this second */
        {A("pm", "demo", "acme", 0.051, NOW, NOW + 1), true, GATE_HOLD,
         GATE_NEEDS_APPROVAL}, /* too many people */
        {A("pm", "demo", "acme", 0, NOW, NOW + 1), true, GATE_HOLD, GATE_NEEDS_APPROVAL},
        {A("pm", "demo", "acme", 0.05, NOW, NOW + 86401), true, GATE_HOLD,
         GATE_NEEDS_APPROVAL}, /* too long */
        {A("pm", "demo", "acme", 0.05, NOW + 1, NOW + 2), true, GATE_HOLD,
         GATE_NEEDS_APPROVAL}, /* not yet given */
        {A("", "demo", "acme", 0.05, NOW, NOW + 1), true, GATE_HOLD, GATE_NEEDS_APPROVAL},
        {A("pm", "", "acme", 0.05, NOW, NOW + 1), true, GATE_HOLD, GATE_NEEDS_APPROVAL},
        {A("pm", "demo", "", 0.05, NOW, NOW + 1), true, GATE_HOLD, GATE_NEEDS_APPROVAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start();
        set_share(1, ALL, 200, 1500, 10000);
        w.policy.metrics[1].approvable = true;
        w.evidence.approvals[0] = rows[i].approval;
        w.evidence.n_approvals = 1;
        w.evidence.checked_s[0] = NOW;
        w.evidence.checked_good[0] = rows[i].checked;
        assert_int_equal(judge(), rows[i].outcome);
        assert_int_equal(w.v.needs, rows[i].needs);
    }
    w.evidence.approvals[0] = rows[0].approval;
    w.evidence.checked_good[0] = true;
    assert_int_equal(judge(), GATE_PASS);
    w.evidence.checked_s[0] = NOW - 3601; /* checked too long ago */
    assert_int_equal(judge(), GATE_HOLD);
    w.evidence.checked_s[0] = NOW;
    w.evidence.approvals[0].covers[1] = false; /* it is about something else */
    assert_int_equal(judge(), GATE_HOLD);
    w.evidence.approvals[0].covers[1] = true;
    w.policy.metrics[1].stop =
        0.1; /* shown to be 13 points worse: no approval covers it */
    assert_int_equal(judge(), GATE_ROLLBACK);
    assert_int_equal(finding(1, ALL)->state, GATE_BEYOND);
}

static void many_slices_share_one_alpha(void **state) {
    (void)state;
    start();
    set_share(1, FAR, 200, 860, 10000);
    judge();
    const gate_finding *f = finding(1, FAR);
    assert_true(f->p > 0.0125 / 1e6 && f->p < 0.05);
    /* Holm over the three protected cells of the only statistical metric with a limit */
    assert_true(fabs(f->p_adjusted - fmin(1, 3 * f->p)) < 1e-12);
    assert_true(finding(1, LAB)->p_adjusted == finding(1, LAB)->p);
    bool rejected = f->p_adjusted <= 0.05;
    assert_int_equal(f->state == GATE_BREACH, rejected);
}

static void the_second_smallest_p_is_held_against_the_rest(void **state) {
    (void)state;
    start();
    set_share(1, FAR, 200, 870, 10000);
    set_share(1, STREET, 200, 860, 10000);
    judge();
    const gate_finding *first = finding(1, FAR), *second = finding(1, STREET);
    assert_true(first->p < second->p && 2 * second->p < 1);
    assert_true(fabs(second->p_adjusted - fmax(3 * first->p, 2 * second->p)) < 1e-12);
}

/* ---- single comparisons ---- */

static gate_comparison compare(gate_measure measure, bool relative, gate_cell *cell) {
    gate_comparison c;
    start();
    gate_metric *m = add_metric("x", measure, GATE_PROTECT);
    m->relative = relative;
    m->quantile = 0.9;
    assert_int_equal(gate_compare(m, cell, 0.05, &c), GATE_DATA_GOOD);
    return c;
}

/* An end is where the evidence against it becomes ln(1 / alpha). */
static void check_ends(const gate_comparison *c) {
    stats_interval i = gate_interval(c);
    double threshold = log(1 / 0.05), step = 1e-3 * (i.high - i.low);
    assert_true(i.low < c->change && c->change < i.high);
    assert_true(gate_log_e(c, i.low - step, STATS_AT_LEAST) >= threshold);
    assert_true(gate_log_e(c, i.low + step, STATS_AT_LEAST) < threshold);
    assert_true(gate_log_e(c, i.high + step, STATS_AT_MOST) >= threshold);
    assert_true(gate_log_e(c, i.high - step, STATS_AT_MOST) < threshold);
}

static void a_relative_mean_is_held_against_the_scaled_control(void **state) {
    (void)state;
    static gate_cell cell;
    for (int arm = 0; arm < 2; arm++) /* 100 and 110, standard deviation 10 */
        cell.arms[arm].values =
            (stats_shape){.n = 1000, .mean = 100 + 10 * arm, .m2 = 999 * 100};
    gate_comparison c = compare(GATE_MEAN, true, &cell);
    stats_interval i = gate_interval(&c);
    assert_true(fabs(c.change - 0.1) < 1e-12);
    assert_true(i.low > 0.08 && i.low < 0.095 && i.high > 0.105 && i.high < 0.12);
    check_ends(&c);
    c = compare(GATE_MEAN, false, &cell);
    i = gate_interval(&c);
    assert_true(c.change == 10 && i.low > 8 && i.high < 12);
    check_ends(&c);
}

static void a_ratio_varies_only_as_its_blocks_differ_in_it(void **state) {
    (void)state;
    static gate_cell cell;
    memset(&cell, 0, sizeof cell);
    for (int i = 1; i <= 100; i++) { /* every speaker the same rate, whatever they say */
        stats_pairs_add(&cell.arms[0].blocks, i, 0.10 * i);
        stats_pairs_add(&cell.arms[1].blocks, i, 0.12 * i);
    }
    gate_comparison c = compare(GATE_RATIO, true, &cell);
    stats_interval i = gate_interval(&c);
    assert_true(fabs(c.value[0] - 0.10) < 1e-12 && fabs(c.change - 0.2) < 1e-9);
    assert_true(i.high - i.low < 1e-3);
    memset(&cell, 0, sizeof cell);
    stats_rng r = stats_rng_make(9, 1);
    for (int k = 0; k < 400; k++)
        for (int arm = 0; arm < 2; arm++) {
            double words = 10 + (double)stats_rng_below(&r, 90);
            stats_pairs_add(&cell.arms[arm].blocks, words,
                            words * stats_rng_beta(&r, 2, 18));
        }
    c = compare(GATE_RATIO, true, &cell);
    check_ends(&c);
}

static void a_quantile_of_sketches_is_that_of_the_values(void **state) {
    (void)state;
    static double x[2][1500];
    static gate_cell cell;
    stats_rng r = stats_rng_make(9, 2);
    memset(&cell, 0, sizeof cell);
    for (int arm = 0; arm < 2; arm++) {
        histogram_init(&cell.arms[arm].sketch, INFINITY);
        for (int i = 0; i < 1500; i++) {
            x[arm][i] = exp(6 + 0.1 * arm + 0.4 * stats_rng_normal(&r));
            assert_int_equal(histogram_add(&cell.arms[arm].sketch, x[arm][i]), OK);
        }
        stats_sort(x[arm], 1500);
    }
    gate_comparison c = compare(GATE_QUANTILE, false, &cell);
    stats_watch watch = stats_watch_of(0.05, 200, STATS_BOTH_SIDES);
    stats_interval wanted =
        stats_quantile_shift_sequence(x[0], 1500, x[1], 1500, 0.9, &watch);
    stats_interval got = gate_interval(&c);
    double bucket = 2.2 * histogram_relative_error(&cell.arms[1].sketch) * x[1][1400];
    /* never sharper than the values, and wider by buckets only */
    assert_true(got.low <= wanted.low + 1e-6 && got.low >= wanted.low - 3 * bucket);
    assert_true(got.high >= wanted.high - 1e-6 && got.high <= wanted.high + 3 * bucket);
    check_ends(&c);
    c = compare(GATE_QUANTILE, true, &cell);
    check_ends(&c);
}

static void a_fraction_and_a_spread_agree_with_their_sequences(void **state) {
    (void)state;
    static gate_cell cell;
    memset(&cell, 0, sizeof cell);
    cell.arms[0].count = (stats_count){50, 1000};
    cell.arms[1].count = (stats_count){90, 1000};
    for (int relative = 0; relative < 2; relative++) {
        gate_comparison c = compare(GATE_FRACTION, relative, &cell);
        assert_true(fabs(c.change - (relative ? 0.8 : 0.04)) < 1e-12);
        check_ends(&c);
    }
    stats_rng r = stats_rng_make(9, 3);
    for (int i = 0; i < 600; i++)
        for (int arm = 0; arm < 2; arm++)
            stats_shape_add(&cell.arms[arm].values,
                            (arm ? 1.2 : 1) * stats_rng_normal(&r));
    gate_comparison c = compare(GATE_SPREAD, true, &cell);
    check_ends(&c);
}

static void numbers_that_no_values_have_are_broken(void **state) {
    (void)state;
    static const stats_shape rows[] = {
        {.n = 30, .mean = 5, .m2 = -1}, /* negative squares */
        {.n = 30, .mean = 5, .m2 = NAN},
        {.n = 30, .mean = INFINITY, .m2 = 1},
        {.n = 30, .mean = 5, .m2 = 30, .m3 = 0, .m4 = 29}, /* kurtosis below 1 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        gate_cell cell;
        gate_comparison c;
        memset(&cell, 0, sizeof cell);
        cell.arms[0].values = (stats_shape){.n = 30, .mean = 5, .m2 = 30, .m4 = 90};
        cell.arms[1].values = rows[i];
        start();
        gate_metric *m = add_metric("x", GATE_SPREAD, GATE_PROTECT);
        assert_int_equal(gate_compare(m, &cell, 0.05, &c), GATE_DATA_BROKEN);
        cell.arms[1].values = cell.arms[0].values;
        assert_int_equal(gate_compare(m, &cell, 0.05, &c), GATE_DATA_GOOD);
    }
}

static void policies_that_cannot_be_judged_by_are_refused(void **state) {
    (void)state;
    start();
    w.policy.metrics[1].tolerance = NAN;
    assert_int_equal(gate_judge(&w.policy, &w.evidence, NOW, true, w.findings, &w.v),
                     ERR_INVALID);
    start();
    w.policy.metrics[1].sample = 0; /* asks for no evidence at all */
    assert_int_equal(gate_judge(&w.policy, &w.evidence, NOW, true, w.findings, &w.v),
                     ERR_INVALID);
    start();
    assert_int_equal(gate_judge(&w.policy, &w.evidence, NAN, true, w.findings, &w.v),
                     ERR_INVALID);
}

static void the_short_way_reaches_the_same_verdict(void **state) {
    (void)state;
    start();
    set_share(1, FAR, 200, 1500, 10000);
    assert_int_equal(gate_judge(&w.policy, &w.evidence, NOW, false, w.findings, &w.v),
                     OK);
    assert_int_equal(w.v.outcome, GATE_HOLD);
    assert_int_equal(finding(1, FAR)->state, GATE_BREACH);
    assert_true(isinf(finding(1, FAR)->low));
}

/* ---- where a Mann-Whitney judge on time series is wrong ---- */

/* A latency release: geometric mean, spread, p99; all from one sketch an arm. */
static void start_latency(void) {
    start();
    w.policy.n_metrics = 0;
    w.policy.n_slices = 1;
    add_metric("latency", GATE_LATENCY, GATE_PROTECT)->tolerance = 0.1;
    add_metric("spread", GATE_SPREAD, GATE_PROTECT)->tolerance = 0.25;
    gate_metric *m = add_metric("p99", GATE_QUANTILE, GATE_PROTECT);
    m->quantile = 0.99;
    m->relative = true;
    m->tolerance = 0.25;
}

static void add_latency(int arm, double ms) {
    for (size_t metric = 0; metric < 3; metric++)
        assert_int_equal(histogram_add(&sample_of(metric, ALL, arm)->sketch, ms), OK);
}

static kayenta_label kayenta(double *experiment, size_t n, double *control, size_t m) {
    kayenta_options o = kayenta_defaults;
    o.direction = KAYENTA_INCREASE;
    return kayenta_classify(experiment, n, control, m, &o).label;
}

static void a_change_of_spread_is_seen(void **state) {
    (void)state;
    double minutes[2][60] = {{0}};
    stats_rng r = stats_rng_make(7, 1);
    start_latency();
    for (int i = 0; i < 60 * 100; i++)
        for (int arm = 0; arm < 2; arm++) { /* same median, twice the spread */
            double ms = exp(6 + (arm ? 0.6 : 0.3) * stats_rng_normal(&r));
            add_latency(arm, ms);
            if (i % 100 == 0)
                minutes[arm][i / 100] = ms;
        }
    assert_int_equal(kayenta(minutes[1], 60, minutes[0], 60), KAYENTA_PASS);
    assert_int_equal(judge(), GATE_ROLLBACK);
    assert_int_equal(finding(0, ALL)->state, GATE_WITHIN); /* it did not move */
    assert_int_equal(finding(1, ALL)->state, GATE_BREACH);
    assert_int_equal(finding(2, ALL)->state, GATE_BREACH);
}

static void sparse_errors_are_seen(void **state) {
    (void)state;
    double minutes[2][60] = {{0}}; /* errors a minute: most are 0 */
    for (int i = 0; i < 60; i += 4)
        minutes[1][i] = 2;
    assert_int_equal(kayenta(minutes[1], 60, minutes[0], 60), KAYENTA_PASS);
    start();
    w.policy.metrics[1].tolerance = 0.001;
    w.policy.metrics[1].on[FAR] = w.policy.metrics[1].on[STREET] =
        w.policy.metrics[1].on[LAB] = false;
    set_share(1, ALL, 0, 30, 6000); /* 0.5 % where there was none */
    assert_int_equal(judge(), GATE_ROLLBACK);
}

static void gross_outliers_are_seen(void **state) {
    (void)state;
    double minutes[2][60];
    stats_rng r = stats_rng_make(7, 2);
    start_latency();
    for (int i = 0; i < 60 * 100; i++)
        for (int arm = 0; arm < 2; arm++) { /* one turn in 33 hangs for 30 s */
            double ms = exp(6 + 0.3 * stats_rng_normal(&r));
            ms = arm && i % 33 == 32 ? 30000 : ms;
            add_latency(arm, ms);
            if (i % 100 == 0)
                minutes[arm][i / 100] = ms;
        }
    for (int i = 0; i < 60; i += 30)
        minutes[1][i] = 30000;
    assert_int_equal(kayenta(minutes[1], 60, minutes[0], 60), KAYENTA_PASS);
    assert_int_equal(judge(), GATE_ROLLBACK);
    assert_int_equal(finding(2, ALL)->state, GATE_BREACH);
}

static void missing_data_is_not_read_as_zero(void **state) {
    (void)state;
    double control[60];
    for (int i = 0; i < 60; i++)
        control[i] = 400 + i;
    kayenta_options o = kayenta_defaults;
    double none[1] = {NAN};
    o.replace_nan = true;
    assert_int_equal(kayenta_classify(none, 0, control, 60, &o).label, KAYENTA_PASS);
    start_latency();
    for (int i = 0; i < 6000; i++)
        add_latency(0, 400 + i % 60);
    assert_int_equal(judge(), GATE_HOLD);
    assert_int_equal(w.v.needs, GATE_NEEDS_METRIC);
}

static void a_tiny_sample_decides_nothing(void **state) {
    (void)state;
    double x[] = {500, 510, 520, 530}, y[] = {400, 410, 420, 430};
    start_latency();
    for (int i = 0; i < 4; i++) {
        add_latency(0, y[i]);
        add_latency(1, x[i]);
    }
    assert_int_equal(kayenta(x, 4, y, 4), KAYENTA_HIGH); /* from four minutes */
    assert_int_equal(judge(), GATE_HOLD);
    assert_int_equal(w.v.needs, GATE_NEEDS_SAMPLE);
    double same_x[] = {400, 430}, same_y[] = {410, 420};
    start_latency();
    for (int i = 0; i < 2; i++) {
        add_latency(0, same_y[i]);
        add_latency(1, same_x[i]);
    }
    assert_int_equal(kayenta(same_x, 2, same_y, 2), KAYENTA_PASS); /* and from two */
    assert_int_equal(judge(), GATE_HOLD);
}

/* ---- what a person reads ---- */

static void sentences_say_what_was_found(void **state) {
    (void)state;
    char text[GATE_SENTENCE_BYTES];
    start();
    set_share(1, FAR, 200, 1500, 10000);
    judge();
    gate_finding_text(&w.policy, finding(1, FAR), text);
    assert_non_null(strstr(text, "failures on far is 13.00 points worse (+"));
    assert_non_null(strstr(text, "more than the 5.00 points allowed: a protected slice"));
    gate_verdict_text(&w.policy, &w.v, text);
    assert_non_null(strstr(text, "HOLD. Do not launch broadly: 1 protected limit"));
    start();
    set_share(1, FAR, 4, 4, 100);
    judge();
    gate_finding_text(&w.policy, finding(1, FAR), text);
    assert_non_null(strstr(text, "the 100 observations an arm cannot tell yet"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_release_passes),
        cmocka_unit_test(one_privacy_error_outweighs_everything),
        cmocka_unit_test(a_broken_protected_slice_outweighs_the_gain),
        cmocka_unit_test(what_is_missing_is_never_a_pass),
        cmocka_unit_test(labels_have_to_be_audited),
        cmocka_unit_test(arms_that_cannot_be_compared_are_invalid),
        cmocka_unit_test(a_gain_has_to_be_shown),
        cmocka_unit_test(a_breach_ships_only_under_a_living_approval),
        cmocka_unit_test(many_slices_share_one_alpha),
        cmocka_unit_test(the_second_smallest_p_is_held_against_the_rest),
        cmocka_unit_test(a_relative_mean_is_held_against_the_scaled_control),
        cmocka_unit_test(a_ratio_varies_only_as_its_blocks_differ_in_it),
        cmocka_unit_test(a_quantile_of_sketches_is_that_of_the_values),
        cmocka_unit_test(a_fraction_and_a_spread_agree_with_their_sequences),
        cmocka_unit_test(numbers_that_no_values_have_are_broken),
        cmocka_unit_test(policies_that_cannot_be_judged_by_are_refused),
        cmocka_unit_test(the_short_way_reaches_the_same_verdict),
        cmocka_unit_test(a_change_of_spread_is_seen),
        cmocka_unit_test(sparse_errors_are_seen),
        cmocka_unit_test(gross_outliers_are_seen),
        cmocka_unit_test(missing_data_is_not_read_as_zero),
        cmocka_unit_test(a_tiny_sample_decides_nothing),
        cmocka_unit_test(sentences_say_what_was_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
