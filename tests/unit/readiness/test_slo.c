/* Burn, its threshold, the evidence it needs, windows over time and what is left. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "readiness/slo/budget.h"
#include "readiness/slo/timeline.h"
#include "readiness/slo/windows.h"

static const slo_rule page = {
    .op = SLO_GT, .factor = 14.4, .short_s = 300, .long_s = 3600};

static void latencies_above_the_threshold_are_bad(void **state) {
    (void)state;
    const float ms[] = {0, 249.9f, 250, 250.1f, 9000};
    slo_count c = {0};
    assert_int_equal(slo_count_above(ms, 5, 250, &c), OK);
    assert_int_equal(c.total, 5);
    assert_int_equal(c.bad, 2); /* a sample equal to the threshold is good */
    assert_int_equal(slo_count_above(NULL, 0, 250, &c), OK);
    assert_int_equal(c.total, 0);
    const float broken[] = {NAN, INFINITY, -1};
    for (int i = 0; i < 3; i++) {
        c.total = 42;
        assert_int_equal(slo_count_above(&broken[i], 1, 250, &c), ERR_INVALID);
        assert_int_equal(c.total, 42);
    }
}

static void burn_is_the_bad_share_over_the_budget(void **state) {
    (void)state;
    assert_true(slo_burn((slo_count){1000, 10}, 0.01) == 1);
    assert_true(slo_burn((slo_count){1000, 0}, 0.01) == 0);
    assert_true(slo_burn((slo_count){0, 0}, 0.01) == 0);
    assert_true(slo_burn((slo_count){10, 10}, 0.01) == 100);
}

static void thresholds_have_a_stated_tolerance(void **state) {
    (void)state;
    static const struct {
        double ratio, threshold;
        bool gt, gte, lt, lte;
    } rows[] = {
        {0.144, 14.4 * 0.01, 0, 1, 0, 1},       /* equal on paper */
        {14.399999999999999, 14.4, 0, 1, 0, 1}, /* 0.144 / 0.01 in doubles */
        {0.1440001, 0.144, 1, 1, 0, 0},         /* a relative 7e-7 is a difference */
        {0.1439999, 0.144, 0, 0, 1, 1},
        {0.144 * (1 + 5e-10), 0.144, 0, 1, 0, 1}, /* inside 1e-9, above */
        {0.144 * (1 - 5e-10), 0.144, 0, 1, 0, 1}, /* and below */
        {0, 0, 0, 1, 0, 1},
        {NAN, 0.1, 0, 0, 0, 0}, /* no requests */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(slo_beyond(rows[i].ratio, SLO_GT, rows[i].threshold),
                         rows[i].gt);
        assert_int_equal(slo_beyond(rows[i].ratio, SLO_GTE, rows[i].threshold),
                         rows[i].gte);
        assert_int_equal(slo_beyond(rows[i].ratio, SLO_LT, rows[i].threshold),
                         rows[i].lt);
        assert_int_equal(slo_beyond(rows[i].ratio, SLO_LTE, rows[i].threshold),
                         rows[i].lte);
    }
}

static void both_windows_must_agree(void **state) {
    (void)state;
    static const struct {
        slo_count near, far;
        slo_answer answer;
    } rows[] = {
        /* budget 0.1 %: threshold 1.44 % */
        {{1000, 20}, {12000, 240}, SLO_BREACHED},  /* 20 times, in both */
        {{1000, 20}, {12000, 100}, SLO_QUIET},     /* a spike of five minutes */
        {{1000, 0}, {12000, 240}, SLO_QUIET},      /* over already */
        {{10000, 144}, {120000, 1728}, SLO_QUIET}, /* exactly 14.4: not greater */
        {{10000, 145}, {120000, 1740}, SLO_BREACHED},
        {{0, 0}, {12000, 240}, SLO_QUIET}, /* silence after it */
        /* low traffic */
        {{0, 0}, {0, 0}, SLO_INSUFFICIENT},  /* none at all is no proof of health */
        {{1, 1}, {10, 1}, SLO_INSUFFICIENT}, /* burn 100 from one failure */
        {{1, 1}, {1, 1}, SLO_INSUFFICIENT},
        {{2, 2}, {2, 2}, SLO_BREACHED}, /* an outage needs only two */
        {{5, 2}, {100, 2}, SLO_INSUFFICIENT},
        {{5, 2}, {100, 3}, SLO_BREACHED},
        {{17, 0}, {206, 0}, SLO_INSUFFICIENT}, /* burn 14.4 shows none that often */
        {{17, 0}, {207, 0}, SLO_QUIET},        /* ln 0.05 / ln (1 - 0.0144) = 206.5 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        slo_verdict v;
        assert_int_equal(slo_judge(&page, 0.001, rows[i].near, rows[i].far, &v), OK);
        assert_int_equal(v.answer, rows[i].answer);
        assert_true(v.burn_long == slo_burn(rows[i].far, 0.001));
        assert_true(v.burn_short == slo_burn(rows[i].near, 0.001));
        assert_int_equal(v.requests_needed, 207);
    }
}

static void evidence_bounds_the_chance_of_a_healthy_service(void **state) {
    (void)state;
    /* the exact binomial tail P(X >= k), summed term by term, is never above exp(-nats)
     */
    static const int totals[] = {1, 2, 5, 10, 50, 300};
    static const double healthy[] = {0.0001, 0.001, 0.01, 0.2};
    for (size_t t = 0; t < 6; t++) {
        for (size_t h = 0; h < 4; h++) {
            int n = totals[t];
            double tail = 0;
            for (int k = n; k >= 0; k--) {
                tail += exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) +
                            k * log(healthy[h]) + (n - k) * log1p(-healthy[h]));
                slo_count c = {(uint64_t)n, (uint64_t)k};
                assert_true(exp(-slo_evidence_nats(c, healthy[h])) >= tail - 1e-9);
            }
        }
    }
    /* 3 of 100 at 0.1 %: 3 ln 30 - 2.9 */
    assert_true(fabs(slo_evidence_nats((slo_count){100, 3}, 0.001) - 7.303592) < 1e-6);
    assert_true(slo_evidence_nats((slo_count){1000, 1}, 0.001) == 0);
    assert_true(slo_evidence_nats((slo_count){0, 0}, 0.001) == 0);
}

static void slow_rules_can_fire_below_a_burn_of_one(void **state) {
    (void)state;
    slo_rule slow = slo_window_rule(&slo_windows[3], 28 * 86400);
    assert_true(slow.factor < 1);
    assert_true(slo_healthy(&slow, 0.01) == 0.01 * slow.factor / 2);
    assert_true(slo_healthy(&page, 0.01) == 0.01);
    slo_verdict v;
    slo_count steady = {1000000, 9500}; /* burn 0.95 against 0.933 */
    assert_int_equal(slo_judge(&slow, 0.01, steady, steady, &v), OK);
    assert_int_equal(v.answer, SLO_BREACHED);
}

static void malformed_policies_and_counts_are_refused(void **state) {
    (void)state;
    static const struct {
        double budget, factor;
        slo_count far;
    } rows[] = {
        {0, 14.4, {10, 1}},       {-0.1, 14.4, {10, 1}}, {1.1, 14.4, {10, 1}},
        {NAN, 14.4, {10, 1}},     {0.01, NAN, {10, 1}},  {0.01, -1, {10, 1}},
        {0.01, INFINITY, {1, 1}}, {0.01, 14.4, {1, 2}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        slo_rule rule = page;
        rule.factor = rows[i].factor;
        slo_verdict v = {.requests_needed = 42};
        assert_int_equal(slo_judge(&rule, rows[i].budget, rows[i].far, rows[i].far, &v),
                         ERR_INVALID);
        assert_int_equal(v.requests_needed, 42);
    }
}

static void an_alert_that_no_outage_reaches_is_known(void **state) {
    (void)state;
    static const struct {
        slo_op op;
        double factor, budget;
        bool can;
    } rows[] = {
        {SLO_GT, 14.4, 0.05, true},      /* 72 % bad */
        {SLO_GT, 14.4, 0.1, false},      /* 144 % bad */
        {SLO_GT, 14.4, 1 / 14.4, false}, /* all bad is equal, not greater */
        {SLO_GTE, 14.4, 1 / 14.4, true},
        {SLO_GT, 14.4, 0.0694, true}, /* just inside 0.069444 */
        {SLO_GT, 1, 0.999, true},
        {SLO_LT, 0, 0.01, false},
        {SLO_LTE, 0, 0.01, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        slo_rule rule = {.op = rows[i].op, .factor = rows[i].factor};
        assert_int_equal(slo_can_fire(&rule, rows[i].budget), rows[i].can);
    }
}

static void factors_are_those_of_the_published_tables(void **state) {
    (void)state;
    /* Sloth 0e395d8, 30 and 28 days; exact doubles */
    static const double d30[] = {14.4, 6, 3, 1};
    static const double d28[] = {13.44, 5.6000000000000005, 2.8000000000000003,
                                 0.9333333333333333};
    static const int64_t hours[][2] = {{0, 1}, {0, 6}, {2, 24}, {6, 72}};
    assert_int_equal(slo_windows[0].short_s, 5 * 60);
    assert_int_equal(slo_windows[1].short_s, 30 * 60);
    for (int i = 0; i < SLO_WINDOWS; i++) {
        assert_int_equal(slo_windows[i].long_s, hours[i][1] * 3600);
        assert_int_equal(slo_windows[i].short_s / 3600, hours[i][0]);
        assert_int_equal(slo_windows[i].page, i < 2);
        assert_true(slo_factor(&slo_windows[i], 30 * 86400) == d30[i]);
        assert_true(slo_factor(&slo_windows[i], 28 * 86400) == d28[i]);
    }
    assert_true(slo_windows_fit(28 * 86400) && slo_windows_fit(30 * 86400));
    assert_false(slo_windows_fit(42 * 86400));
    assert_true(slo_budget_percent(99.9) == 0.09999999999999432);
}

/* One bad of ten requests in each of minutes 100..109, nothing else. */
static const slo_count ten[] = {{10, 1}, {20, 2}, {30, 3}, {40, 4}, {50, 5},
                                {60, 6}, {70, 7}, {80, 8}, {90, 9}, {100, 10}};
static const slo_timeline minutes = {.first = 100, .n = 10, .sums = ten};

static void a_window_holds_what_came_after_its_start(void **state) {
    (void)state;
    static const struct {
        int64_t minute, length;
        uint64_t total;
    } rows[] = {
        {99, 5, 0},                   /* before it began */
        {100, 5, 10},                 /* the first minute */
        {104, 5, 50},                 /* (99, 104] */
        {105, 5, 50},                 /* (100, 105]: minute 100 is out */
        {109, 60, 100}, {112, 5, 20}, /* (107, 112] after the end */
        {114, 5, 0},    {200, 5, 0},  {-5, 5, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        slo_count c = slo_timeline_window(&minutes, rows[i].minute, rows[i].length);
        assert_int_equal(c.total, rows[i].total);
        assert_int_equal(c.bad, rows[i].total / 10);
    }
    slo_timeline nothing = {0};
    assert_int_equal(slo_timeline_window(&nothing, 5, 5).total, 0);
}

static void an_alert_fires_after_its_hold_and_clears_at_once(void **state) {
    (void)state;
    slo_rule rule = {
        .op = SLO_GT, .factor = 2, .short_s = 120, .long_s = 120, .hold_s = 180};
    slo_watch w = {0};
    static const struct {
        int64_t minute;
        bool changed, active, firing;
    } rows[] = {
        {98, false, false, false},  {99, false, false, false},
        {100, false, false, false}, /* 1 of 10 against 0.1 %: not yet evidence */
        {101, false, true, false},  /* 2 of 20: since 101 */
        {102, false, true, false},  {103, false, true, false},
        {104, true, true, true}, /* three minutes later */
        {105, false, true, true},   {109, false, true, true},
        {110, true, false, false}, /* one minute of traffic in the window: no evidence */
        {111, false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(slo_watch_step(&w, &rule, 0.001, &minutes, rows[i].minute),
                         rows[i].changed);
        assert_int_equal(w.active, rows[i].active);
        assert_int_equal(w.firing, rows[i].firing);
        assert_int_equal(w.since, rows[i].active ? 101 : 0);
    }
}

static void slices_are_good_or_bad_as_a_whole(void **state) {
    (void)state;
    /* minutes 9..17: slices (5, 10], (10, 15], and (15, 20] that never ends */
    static const slo_count sums[] = {{10, 1},  {20, 1},  {30, 1},  {30, 1}, {40, 11},
                                     {40, 11}, {40, 11}, {50, 21}, {60, 31}};
    slo_timeline t = {.first = 9, .n = 9, .sums = sums};
    slo_count out[9];
    slo_timeline s = slo_timeline_slices(&t, 5, 0.95, out);
    assert_int_equal(slo_timeline_window(&s, 9, 60).total, 0);
    slo_count c = slo_timeline_window(&s, 10, 60); /* 19 of 20 good is 95 % */
    assert_int_equal(c.total, 1);
    assert_int_equal(c.bad, 0);
    c = slo_timeline_window(&s, 17, 60); /* 10 of 20 bad in the second */
    assert_int_equal(c.total, 2);
    assert_int_equal(c.bad, 1);
    /* before 1970 slices start at multiples too; one without requests does not count */
    t.first = -12; /* minutes -12..-4 */
    s = slo_timeline_slices(&t, 5, 0.95, out);
    assert_int_equal(slo_timeline_window(&s, -10, 60).total, 1);
    assert_int_equal(slo_timeline_window(&s, -4, 60).total, 2);
    static const slo_count gap[] = {{10, 0}, {10, 0}, {10, 0}, {20, 0}};
    t = (slo_timeline){.first = 1, .n = 4, .sums = gap};
    s = slo_timeline_slices(&t, 1, 0.95, out);
    assert_int_equal(slo_timeline_window(&s, 4, 60).total, 2);
}

static void an_hour_at_14_4_spends_two_percent_of_thirty_days(void **state) {
    (void)state;
    const int64_t period = 30 * 86400;
    slo_count hour = {100000, 1440};
    assert_true(fabs(slo_budget_left(hour, 3600, period, 0.001) - 0.98) < 1e-12);
    assert_true(fabs(slo_budget_left(hour, period, period, 0.001) + 13.4) < 1e-12);
    assert_true(slo_budget_left((slo_count){0, 0}, 3600, period, 0.001) == 1);
    assert_true(fabs(slo_exhaustion_s(0.98, 14.4, period) - 176400) < 1e-6); /* 49 h */
    assert_true(slo_exhaustion_s(0, 14.4, period) == 0);
    assert_true(slo_exhaustion_s(0, 0, period) == 0);
    assert_true(slo_exhaustion_s(-0.5, 0, period) == 0);
    assert_true(slo_exhaustion_s(0.5, 0, period) == INFINITY);
    assert_true(slo_exhaustion_s(1, 1, period) == (double)period);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latencies_above_the_threshold_are_bad),
        cmocka_unit_test(burn_is_the_bad_share_over_the_budget),
        cmocka_unit_test(thresholds_have_a_stated_tolerance),
        cmocka_unit_test(both_windows_must_agree),
        cmocka_unit_test(evidence_bounds_the_chance_of_a_healthy_service),
        cmocka_unit_test(slow_rules_can_fire_below_a_burn_of_one),
        cmocka_unit_test(malformed_policies_and_counts_are_refused),
        cmocka_unit_test(an_alert_that_no_outage_reaches_is_known),
        cmocka_unit_test(factors_are_those_of_the_published_tables),
        cmocka_unit_test(a_window_holds_what_came_after_its_start),
        cmocka_unit_test(an_alert_fires_after_its_hold_and_clears_at_once),
        cmocka_unit_test(slices_are_good_or_bad_as_a_whole),
        cmocka_unit_test(an_hour_at_14_4_spends_two_percent_of_thirty_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
