/* Closed forms, the simulation that must meet them where they are exact, and plans. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "readiness/capacity/erlang.h"
#include "readiness/capacity/plan.h"

static double free_at[CAPACITY_SERVERS_MAX], ages[CAPACITY_AGES];

static bool near(double x, double y, double relative) {
    return fabs(x - y) <= relative * fabs(y);
}

/* Textbook values in exact fractions: B(5, 3) is 81/736, C(5, 3) is 81/343. */
static void erlang_equals_exact_fractions(void **state) {
    (void)state;
    const struct {
        unsigned servers;
        double offered, b, c;
    } rows[] = {
        {1, 0.5, 1.0 / 3, 1.0 / 2},
        {2, 1, 1.0 / 5, 1.0 / 3},
        {3, 2, 4.0 / 19, 4.0 / 9},
        {5, 3, 81.0 / 736, 81.0 / 343},
        {5, 4.5, 19683.0 / 80993, 19683.0 / 25814},
        {0, 2, 1, 1},   /* nobody serves */
        {4, 0, 0, 0},   /* nobody asks */
        {2, 2, 0.4, 1}, /* no steady state */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(near(erlang_b(rows[i].servers, rows[i].offered), rows[i].b, 1e-14));
        assert_true(near(erlang_c(rows[i].servers, rows[i].offered), rows[i].c, 1e-14));
    }
    assert_true(isinf(erlang_mean_wait(2, 2)) && erlang_wait_above(2, 3, 9) == 1);
    assert_true(isnan(erlang_b(3, -1)) && isnan(erlang_c(3, NAN)));
    assert_true(erlang_b(100000, 1) == 0); /* underflows to nothing, not to NaN */
}

static void waits_scale_with_variability(void **state) {
    (void)state;
    assert_true(near(queue_mean_wait(5, 3, 0.5), erlang_mean_wait(5, 3) / 2, 1e-14));
    assert_true(near(queue_wait_above(5, 3, 2, 1), 81.0 / 343 * exp(-1), 1e-14));
    assert_true(queue_wait_above(5, 3, 0, 1) == 0);
}

static void the_least_servers_are_least(void **state) {
    (void)state;
    /* from erlang.json: a 10, blocking 0.1, 0.01, 0.001 need 13, 18, 21 */
    assert_int_equal(erlang_b_servers(10, 0.1), 13);
    assert_int_equal(erlang_b_servers(10, 0.01), 18);
    assert_int_equal(erlang_b_servers(10, 0.001), 21);
    for (double load = 0.5; load < 300; load *= 1.7) {
        unsigned n = queue_servers(load, 1.5, 0.3, 0.05);
        assert_true(queue_wait_above(n, load, 1.5, 0.3) <= 0.05);
        assert_true(n == 1 || queue_wait_above(n - 1, load, 1.5, 0.3) > 0.05);
        n = erlang_c_servers(load, 0.05);
        assert_true(erlang_c(n, load) <= 0.05 && erlang_c(n - 1, load) > 0.05);
    }
    assert_int_equal(queue_servers(10.5, 1, 100, 0.5), 11); /* half a server to spare */
    assert_int_equal(erlang_c_servers(0, 0.1), 1);
    assert_int_equal(erlang_c_servers(NAN, 0.1), 0);
    assert_int_equal(erlang_b_servers(1, 0), 0);
    assert_int_equal(erlang_b_servers(1e9, 0.01), 0); /* more than can be counted */
}

static const simulate_load poisson = {.arrivals_per_s = 40,
                                      .before_per_s = 40,
                                      .arrival_scv = 1,
                                      .peak_s = 20000,
                                      .batch_max = 1,
                                      .base_s = 0.1,
                                      .service_scv = 0,
                                      .max_age_s = INFINITY};

static double mean_age(const simulate_load *load, unsigned servers) {
    simulate_result r =
        simulate_peak(load, servers, 0.05, 7, 0, free_at, ages, CAPACITY_AGES);
    return r.age_sum_s / (double)(r.requests - r.refused);
}

/* M/D/1 waits rho / (2 (1 - rho)) services: Pollaczek-Khinchine, exact; with rho 0.8
 * that is 2 services of 0.02 s. */
static void one_server_waits_as_pollaczek_and_khinchine_say(void **state) {
    (void)state;
    simulate_load load = poisson;
    load.base_s = 0.02;
    assert_true(near(mean_age(&load, 1), 0.04, 0.03));
    load.service_scv = 3; /* (1 + 3) / 2 times the wait of M/M/1, 0.08 */
    load.peak_s = 100000;
    assert_true(near(mean_age(&load, 1), 0.16, 0.06));
}

/* Lognormal with scv 1 is not exponential, but M/G/c of 5 servers at 80 % is within a
 * tenth of Erlang C. */
static void several_servers_wait_near_erlang_c(void **state) {
    (void)state;
    simulate_load load = poisson;
    load.service_scv = 1;
    load.peak_s = 50000;
    double formula = 0.1 * erlang_mean_wait(5, 4);
    assert_true(near(mean_age(&load, 5), formula, 0.1));
}

static void a_full_day_by_hand_comes_out(void **state) {
    (void)state;
    /* one a second, each 1.5 s on one server: the k-th waits k / 2 s, until 2 s refuse */
    simulate_load load = {.arrivals_per_s = 1,
                          .before_per_s = 0,
                          .arrival_scv = 0,
                          .peak_s = 10.5,
                          .batch_max = 1,
                          .base_s = 1.5,
                          .service_scv = 0,
                          .max_age_s = 2};
    simulate_result r = simulate_peak(&load, 1, 1.2, 1, 0, free_at, ages, 16);
    static const double wanted[] = {0, 0.5, 1, 1.5, 2, 1.5, 2, 1.5};
    assert_int_equal(r.requests, 10);
    assert_int_equal(r.refused, 2);
    assert_int_equal(r.n_ages, 8);
    for (size_t i = 0; i < 8; i++)
        assert_true(fabs(ages[i] - wanted[i]) < 1e-9);
    assert_int_equal(r.late, 5 + 2);
    assert_true(fabs(r.age_sum_s - 10) < 1e-9);
    r = simulate_peak(&load, 1, 1.5, 1, 0, free_at, ages, 16);
    assert_int_equal(r.late, 2 + 2); /* at the target is not above it */
}

static void a_batch_starts_full_or_at_the_end_of_its_window(void **state) {
    (void)state;
    /* one every 0.1 s, batches of 4 of 0.2 s: full after 0.3 s, within a window of 1 s */
    simulate_load load = {.arrivals_per_s = 10,
                          .before_per_s = 0,
                          .arrival_scv = 0,
                          .peak_s = 0.88,
                          .batch_max = 4,
                          .batch_window_s = 1,
                          .base_s = 0.12,
                          .item_s = 0.02,
                          .max_age_s = INFINITY};
    simulate_result r = simulate_peak(&load, 1, 1, 1, 0, free_at, ages, 16);
    assert_int_equal(r.requests, 8);
    assert_true(r.batches == 2 && fabs(r.busy_s - 0.4) < 1e-9);
    assert_true(fabs(ages[0] - 0.3) < 1e-9 && fabs(ages[3]) < 1e-9);
    load.batch_window_s = 0.15; /* two fit in: the first, and the one 0.1 s later */
    r = simulate_peak(&load, 4, 1, 1, 0, free_at, ages, 16);
    assert_true(r.batches == 4 && fabs(r.busy_s - 4 * 0.16) < 1e-9);
    assert_true(fabs(ages[0] - 0.15) < 1e-9 && fabs(ages[1] - 0.05) < 1e-9);
    load.batch_window_s = 0; /* takes what is there */
    r = simulate_peak(&load, 4, 1, 1, 0, free_at, ages, 16);
    assert_true(r.batches == 8);
}

static void more_servers_never_make_a_request_older(void **state) {
    (void)state;
    simulate_load load = poisson;
    load.arrival_scv = 4;
    load.service_scv = 2;
    load.peak_s = 500;
    double before = INFINITY;
    for (unsigned n = 3; n < 12; n++) {
        double now = mean_age(&load, n);
        assert_true(now <= before);
        before = now;
    }
}

static void bursts_keep_the_rate(void **state) {
    (void)state;
    simulate_load load = poisson;
    for (load.arrival_scv = 0; load.arrival_scv < 5; load.arrival_scv += 1.25) {
        simulate_result r = simulate_peak(&load, 9, 1, 4, 0, free_at, NULL, 0);
        assert_true(near((double)r.requests, 40 * 20000.0, 0.02));
    }
}

static void the_same_seed_gives_the_same_peak(void **state) {
    (void)state;
    simulate_load load = poisson;
    load.peak_s = 50;
    simulate_result a = simulate_peak(&load, 5, 0.05, 9, 1, free_at, NULL, 0);
    simulate_result b = simulate_peak(&load, 5, 0.05, 9, 1, free_at, NULL, 0);
    simulate_result c = simulate_peak(&load, 5, 0.05, 9, 2, free_at, NULL, 0);
    assert_true(a.age_sum_s == b.age_sum_s && a.requests == b.requests);
    assert_true(a.age_sum_s != c.age_sum_s);
}

static capacity_demand demand(void) {
    return (capacity_demand){.load = {.arrivals_per_s = 40,
                                      .before_per_s = 40,
                                      .arrival_scv = 1,
                                      .peak_s = 600,
                                      .batch_max = 1,
                                      .base_s = 0.1,
                                      .service_scv = 1,
                                      .max_age_s = INFINITY},
                             .target_s = 0.05,
                             .target_share = 0.95,
                             .headroom = 0.25,
                             .slots_per_machine = 4,
                             .spare_machines = 1,
                             .machine_microusd_per_hour = 1000000,
                             .replications = 10,
                             .seed = 1};
}

static capacity_answer planned(const capacity_demand *c) {
    capacity_answer a;
    diag d = DIAG_INIT;
    status s = capacity_plan(c, free_at, ages, &a, &d);
    if (s != OK)
        print_message("%s %s\n", d.field, d.text);
    assert_int_equal(s, OK);
    return a;
}

static void a_plan_is_the_least_that_meets_the_target(void **state) {
    (void)state;
    capacity_demand c = demand();
    capacity_answer a = planned(&c);
    assert_int_equal(a.erlang_c, 7);
    assert_true(a.late_share > 0);
    assert_int_equal(a.slots, (unsigned)ceil(a.servers * 1.25));
    assert_int_equal(a.machines, (a.slots + 3) / 4 + 1);
    assert_int_equal(a.microusd_per_hour, a.machines * 1000000);
    assert_true(near(a.utilisation, 4.0 / a.servers, 0.05));
    assert_true(a.age_p50_s <= a.age_p95_s && a.age_p95_s <= a.age_p99_s);
}

static double late_high(const capacity_demand *c, unsigned servers) {
    stats_moments late = {0};
    for (unsigned i = 0; i < c->replications; i++) {
        simulate_result r =
            simulate_peak(&c->load, servers, c->target_s, c->seed, i, free_at, NULL, 0);
        stats_moments_add(&late, (double)r.late / (double)r.requests);
    }
    return stats_mean_interval(&late, 0.95).high;
}

/* Against counting up from one server, with few replications (a wide interval) and many,
 * for guesses of the formulas that are too low and too high. */
static void the_search_finds_what_counting_up_finds(void **state) {
    (void)state;
    for (int run = 0; run < 12; run++) {
        capacity_demand c = demand();
        c.load.peak_s = 60;
        c.replications = run % 2 ? 3 : 10;
        c.load.arrivals_per_s = 20.0 * (1 + run);
        c.load.before_per_s = run % 3 ? c.load.arrivals_per_s : 0;
        c.load.arrival_scv = run % 4;
        if (run >= 6) {
            c.load.batch_max = 4;
            c.load.item_s = 0.02;
            c.target_s = 0.1;
        }
        unsigned least = 1;
        while (late_high(&c, least) > 0.05)
            least++;
        capacity_answer a = planned(&c);
        assert_int_equal(a.servers, least);
        assert_true(a.late.high <= 0.05);
    }
}

static void a_disagreement_is_named_by_what_causes_it(void **state) {
    (void)state;
    capacity_demand c = demand();
    c.load.peak_s = 5000;
    assert_int_equal(planned(&c).reason, CAPACITY_AGREE);

    c = demand(); /* batches of 8 at 30 % load still wait for each other */
    c.load.batch_max = 8;
    c.load.base_s = 0.2;
    c.load.item_s = 0.01;
    c.load.batch_window_s = 0.03;
    c.target_s = 0.2;
    assert_int_equal(planned(&c).reason, CAPACITY_BATCHING);

    c = demand(); /* half are refused: there is no steady state without refusals */
    c.load.max_age_s = 0.04;
    c.target_share = 0.4;
    assert_int_equal(planned(&c).reason, CAPACITY_NO_STEADY);

    c = demand(); /* sessions of 100 s, a rush of 60 s out of nothing */
    c.load.base_s = 100;
    c.load.before_per_s = 0;
    c.load.peak_s = 60;
    c.load.arrivals_per_s = 2;
    c.target_share = 0.5;
    c.target_s = 5;
    assert_int_equal(planned(&c).reason, CAPACITY_NO_STEADY);

    c.load.peak_s = 20; /* sessions of 5 s in a rush of 20 s, out of half the load */
    c.load.base_s = 5;
    c.load.before_per_s = 4;
    c.load.arrivals_per_s = 8;
    c.target_share = 0.8;
    c.target_s = 0.5;
    c.replications = 200;
    assert_int_equal(planned(&c).reason, CAPACITY_SHORT_PEAK);

    c = demand(); /* refusals at 90 % load keep ages far below the formula's */
    c.load.base_s = 0.1;
    c.load.max_age_s = 0.02;
    c.target_s = 0.02;
    c.target_share = 0.85;
    c.load.peak_s = 5000;
    assert_int_equal(planned(&c).reason, CAPACITY_AGE_LIMIT);
}

static void a_plan_that_cannot_be_made_is_refused(void **state) {
    (void)state;
    capacity_demand rows[8];
    for (size_t i = 0; i < 8; i++)
        rows[i] = demand();
    static const char *const fields[] = {
        "arrivals_per_s", "service_s",         "target_share", "peak_s",
        "headroom",       "slots_per_machine", "batch_max",    "batch_window_ms"};
    rows[0].load.arrivals_per_s = NAN;
    rows[1].load.base_s = 0;
    rows[2].target_share = 1;
    rows[3].load.peak_s = 1e7; /* 4e8 requests */
    rows[4].headroom = -0.1;
    rows[5].slots_per_machine = 0;
    rows[6].load.batch_max = 0;
    rows[7].load.max_age_s = 0.01;
    rows[7].load.batch_window_s = 0.02;
    for (size_t i = 0; i < 8; i++) {
        diag d = DIAG_INIT;
        capacity_answer a = {.servers = 77};
        assert_int_not_equal(capacity_plan(&rows[i], free_at, ages, &a, &d), OK);
        assert_string_equal(d.field, fields[i]);
        assert_int_equal(a.servers, 77);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(erlang_equals_exact_fractions),
        cmocka_unit_test(waits_scale_with_variability),
        cmocka_unit_test(the_least_servers_are_least),
        cmocka_unit_test(one_server_waits_as_pollaczek_and_khinchine_say),
        cmocka_unit_test(several_servers_wait_near_erlang_c),
        cmocka_unit_test(a_full_day_by_hand_comes_out),
        cmocka_unit_test(a_batch_starts_full_or_at_the_end_of_its_window),
        cmocka_unit_test(more_servers_never_make_a_request_older),
        cmocka_unit_test(bursts_keep_the_rate),
        cmocka_unit_test(the_same_seed_gives_the_same_peak),
        cmocka_unit_test(a_plan_is_the_least_that_meets_the_target),
        cmocka_unit_test(the_search_finds_what_counting_up_finds),
        cmocka_unit_test(a_disagreement_is_named_by_what_causes_it),
        cmocka_unit_test(a_plan_that_cannot_be_made_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
