/* The whole change of a unit cost, divided over what caused it, and nothing left over. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "readiness/cost/explain.h"
#include "stats/rng.h"

/* turns, retries, successful, context tokens, direct ms, request ms */
static const explain_tenant two[] = {{1000, 100, 900, 550000, 400000, 800000},
                                     {1000, 0, 1000, 100000, 100000, 100000}};
static const explain_period base = {.cost_microusd = 10000000,
                                    .paid_ms = 1000000,
                                    .warm_ms = 100000,
                                    .shared_ms = 20000,
                                    .shadow_ms = 30000,
                                    .eval_ms = 0,
                                    .tenants = two,
                                    .n_tenants = 2};

static explain_result explained(const explain_period *a, const explain_period *b) {
    explain_values values[16];
    explain_result r;
    assert_true(a->n_tenants <= 8);
    diag d = DIAG_INIT;
    status s = explain_change(a, b, 0.10, values, &r, &d);
    if (s != OK)
        print_message("%s %s\n", d.field, d.text);
    assert_int_equal(s, OK);
    return r;
}

static int64_t part_of(const explain_result *r, explain_driver driver) {
    for (size_t i = 0; i < EXPLAIN_DRIVERS; i++)
        if (r->parts[i].driver == driver)
            return r->parts[i].nanousd;
    fail();
    return 0;
}

static void check_sum(const explain_result *r) {
    int64_t sum = 0;
    for (size_t i = 0; i < EXPLAIN_DRIVERS; i++) {
        sum += r->parts[i].nanousd;
        assert_true(i == 0 ||
                    llabs(r->parts[i - 1].nanousd) >= llabs(r->parts[i].nanousd));
    }
    assert_int_equal(sum, r->new_nanousd - r->old_nanousd);
}

/* Only this driver may differ from zero, and it is all of the change. */
static void check_alone(const explain_result *r, explain_driver driver) {
    check_sum(r);
    assert_int_equal(r->parts[0].driver, driver);
    assert_int_not_equal(r->parts[0].nanousd, 0);
    for (size_t i = 1; i < EXPLAIN_DRIVERS; i++)
        assert_true(llabs(r->parts[i].nanousd) <= 1); /* rounding of one nano-dollar */
}

static void the_model_is_cost_over_successful_turns(void **state) {
    (void)state;
    explain_result r = explained(&base, &base);
    assert_int_equal(r.old_nanousd, 5263158); /* 10 USD / 1900 */
    assert_int_equal(r.new_nanousd, r.old_nanousd);
    for (size_t i = 0; i < EXPLAIN_DRIVERS; i++)
        assert_int_equal(r.parts[i].nanousd, 0);
    assert_false(r.lab.regressed);
}

static void one_change_is_named_alone(void **state) {
    (void)state;
    explain_tenant t[2];
    explain_period p = base;
    p.tenants = t;
    explain_result r;

    memcpy(t, two, sizeof t);
    p.cost_microusd *= 2;
    r = explained(&base, &p);
    check_alone(&r, EXPLAIN_PRICE);

    p = base; /* more paid, at the same price, warm share and work: utilisation */
    p.tenants = t;
    p.cost_microusd *= 2;
    p.paid_ms *= 2;
    p.warm_ms *= 2;
    r = explained(&base, &p);
    check_alone(&r, EXPLAIN_UTILISATION);

    p = base; /* replicas kept warm on top */
    p.tenants = t;
    p.warm_ms += 500000;
    p.paid_ms += 500000;
    p.cost_microusd += 5000000;
    r = explained(&base, &p);
    check_alone(&r, EXPLAIN_WARM_FLOOR);

    static const explain_driver extra[] = {EXPLAIN_SHARED, EXPLAIN_SHADOW, EXPLAIN_EVAL};
    for (int i = 0; i < 3; i++) { /* work for nobody's turn, at the same utilisation */
        p = base;
        p.tenants = t;
        int64_t *field[] = {&p.shared_ms, &p.shadow_ms, &p.eval_ms};
        *field[i] += 110000;
        p.paid_ms += 180000; /* busy 550k -> 660k of ready 900k -> 1080k; warm 10 % */
        p.paid_ms += 20000;
        p.warm_ms += 20000;
        p.cost_microusd = p.paid_ms * 10;
        r = explained(&base, &p);
        check_alone(&r, extra[i]);
    }
}

/* Twice the work of each tenant, paid for in proportion (as are shared and shadow). */
static void double_work(explain_period *p, explain_tenant t[2]) {
    for (int i = 0; i < 2; i++)
        t[i].direct_ms *= 2;
    p->shared_ms *= 2;
    p->shadow_ms *= 2;
    p->paid_ms *= 2;
    p->warm_ms *= 2;
    p->cost_microusd *= 2;
}

static void one_change_of_all_tenants_is_named_alone(void **state) {
    (void)state;
    static const explain_driver drivers[] = {EXPLAIN_CONTEXT_TOKENS,
                                             EXPLAIN_WORK_PER_TOKEN, EXPLAIN_BATCH_SIZE,
                                             EXPLAIN_RETRIES, EXPLAIN_SUCCESS};
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
        explain_tenant t[2], before[2];
        memcpy(t, two, sizeof t);
        memcpy(before, two, sizeof t);
        explain_period p = base, was = base;
        p.tenants = t;
        was.tenants = before;
        if (drivers[i] == EXPLAIN_BATCH_SIZE) /* half as many share a slot */
            for (int j = 0; j < 2; j++)
                before[j].request_ms = 2 * before[j].direct_ms,
                t[j].request_ms = before[j].request_ms;
        if (drivers[i] != EXPLAIN_SUCCESS)
            double_work(&p, t);
        for (int j = 0; j < 2; j++) {
            if (drivers[i] != EXPLAIN_BATCH_SIZE && drivers[i] != EXPLAIN_SUCCESS)
                t[j].request_ms *= 2;
            if (drivers[i] == EXPLAIN_CONTEXT_TOKENS || drivers[i] == EXPLAIN_RETRIES)
                t[j].context_tokens *= 2;
            if (drivers[i] == EXPLAIN_RETRIES) /* attempts double */
                t[j].retries = 2 * (t[j].turns + t[j].retries) - t[j].turns;
            if (drivers[i] == EXPLAIN_SUCCESS)
                t[j].successful_turns /= 2;
        }
        explain_result r = explained(&was, &p);
        check_alone(&r, drivers[i]);
    }
}

/* Each tenant costs, retries and asks what it did; only who asks has changed. Tenant 0
 * is dearer by its work per token, which the lab does not look at. */
static void a_mix_shift_that_the_lab_cannot_see_is_named(void **state) {
    (void)state;
    const explain_tenant before[] = {{1000, 20, 980, 510000, 900000, 900000},
                                     {9000, 180, 8820, 4590000, 900000, 900000}};
    const explain_tenant after[] = {{4000, 80, 3920, 2040000, 3600000, 3600000},
                                    {6000, 120, 5880, 3060000, 600000, 600000}};
    explain_period a = {
        .cost_microusd = 36000000, .paid_ms = 3600000, .tenants = before, .n_tenants = 2};
    explain_period b = {
        .cost_microusd = 84000000, .paid_ms = 8400000, .tenants = after, .n_tenants = 2};
    explain_result r = explained(&a, &b);
    assert_true(r.lab.regressed);
    assert_int_equal(r.lab.n_drivers, 0);
    check_alone(&r, EXPLAIN_TENANT_MIX);
    assert_true(fabs(r.parts[0].new_value - 0.3) < 1e-12); /* of turns moved */
}

/* Every tenant sends shorter contexts, and the mean rises: the lab blames tokens. */
static void a_mean_that_rises_by_mix_is_not_blamed_on_tokens(void **state) {
    (void)state;
    const explain_tenant before[] = {{1000, 0, 1000, 1000000, 1000000, 1000000},
                                     {9000, 0, 9000, 900000, 900000, 900000}};
    const explain_tenant after[] = {{5000, 0, 5000, 4500000, 4500000, 4500000},
                                    {5000, 0, 5000, 450000, 450000, 450000}};
    explain_period a = {
        .cost_microusd = 19000000, .paid_ms = 1900000, .tenants = before, .n_tenants = 2};
    explain_period b = {
        .cost_microusd = 49500000, .paid_ms = 4950000, .tenants = after, .n_tenants = 2};
    explain_result r = explained(&a, &b);
    check_sum(&r);
    assert_string_equal(r.lab.drivers[0], "avg_context_tokens");
    assert_int_equal(r.parts[0].driver, EXPLAIN_TENANT_MIX);
    assert_true(part_of(&r, EXPLAIN_CONTEXT_TOKENS) < 0);
}

static void a_tenant_that_comes_is_mix_and_nothing_else(void **state) {
    (void)state;
    const explain_tenant before[] = {{1000, 100, 900, 100000, 100000, 200000}, {0}};
    const explain_tenant after[] = {{1000, 100, 900, 100000, 100000, 200000},
                                    {1000, 300, 500, 900000, 800000, 900000}};
    explain_period a = {
        .cost_microusd = 1000000, .paid_ms = 100000, .tenants = before, .n_tenants = 2};
    explain_period b = {
        .cost_microusd = 9000000, .paid_ms = 900000, .tenants = after, .n_tenants = 2};
    explain_result r = explained(&a, &b);
    check_alone(&r, EXPLAIN_TENANT_MIX);
    assert_int_equal(r.old_nanousd, 1111111); /* 1 USD / 900 */
    assert_int_equal(r.new_nanousd, 6428571); /* 9 USD / 1400 */
    r = explained(&b, &a);
    check_alone(&r, EXPLAIN_TENANT_MIX);
}

/* Without tokens an attempt stands for one, so that retries are still apart. */
static void retries_are_named_where_tokens_are_not_measured(void **state) {
    (void)state;
    const explain_tenant before = {1000, 0, 1000, 0, 100000, 100000};
    const explain_tenant after = {1000, 1000, 1000, 0, 200000, 200000};
    explain_period a = {
        .cost_microusd = 1000000, .paid_ms = 100000, .tenants = &before, .n_tenants = 1};
    explain_period b = {
        .cost_microusd = 2000000, .paid_ms = 200000, .tenants = &after, .n_tenants = 1};
    explain_result r = explained(&a, &b);
    check_alone(&r, EXPLAIN_RETRIES);
}

static int64_t between(stats_rng *r, int64_t low, int64_t high) {
    return low + (int64_t)stats_rng_below(r, (uint64_t)(high - low + 1));
}

static void random_period(stats_rng *r, explain_tenant *t, size_t n, explain_period *p) {
    int64_t direct = 0;
    for (size_t i = 0; i < n; i++) {
        t[i] = (explain_tenant){.turns = between(r, 1, 100000)};
        t[i].retries = between(r, 0, t[i].turns);
        t[i].successful_turns = between(r, t[i].turns / 2 + 1, t[i].turns);
        t[i].context_tokens = between(r, 0, 4) ? between(r, 1, 100000000) : 0;
        t[i].direct_ms = between(r, 1, 100000000);
        t[i].request_ms = t[i].direct_ms * between(r, 1, 8);
        direct += t[i].direct_ms;
    }
    *p = (explain_period){.cost_microusd = between(r, 1, 1000000000000),
                          .warm_ms = between(r, 0, direct),
                          .shared_ms = between(r, 0, direct),
                          .shadow_ms = between(r, 0, direct),
                          .eval_ms = between(r, 0, direct),
                          .tenants = t,
                          .n_tenants = n};
    p->paid_ms = direct + p->warm_ms + p->shared_ms + p->shadow_ms + p->eval_ms +
                 between(r, 0, direct);
}

static void random_changes_leave_no_residual_and_know_no_order(void **state) {
    (void)state;
    stats_rng r = stats_rng_make(3, 0);
    for (int run = 0; run < 300; run++) {
        explain_tenant ta[8], tb[8], back_a[8], back_b[8];
        explain_period a, b;
        size_t n = 1 + stats_rng_below(&r, 8);
        random_period(&r, ta, n, &a);
        random_period(&r, tb, n, &b);
        explain_result forth = explained(&a, &b);
        check_sum(&forth);
        double sum = 0; /* the model against the plain quotient */
        for (size_t i = 0; i < n; i++) {
            sum += (double)ta[i].successful_turns;
            back_a[i] = ta[n - 1 - i];
            back_b[i] = tb[n - 1 - i];
        }
        double plain = 1000.0 * (double)a.cost_microusd / sum;
        assert_true(fabs((double)forth.old_nanousd - plain) <= 0.5 + 1e-12 * plain);
        explain_result reverse = explained(&b, &a);
        a.tenants = back_a;
        b.tenants = back_b;
        explain_result shuffled = explained(&a, &b);
        for (int i = 0; i < EXPLAIN_DRIVERS; i++) {
            int64_t x = part_of(&forth, (explain_driver)i);
            double slack = 1 + 1e-9 * fabs((double)x);
            assert_true(fabs((double)(x - part_of(&shuffled, (explain_driver)i))) <=
                        slack);
            assert_true(fabs((double)(x + part_of(&reverse, (explain_driver)i))) <=
                        1 + slack);
        }
    }
}

static void what_cannot_be_compared_is_refused(void **state) {
    (void)state;
    const struct {
        explain_tenant t;
        int64_t paid_ms;
        const char *field;
    } rows[] = {
        {{10, 0, 11, 0, 10, 10}, 100, "new.tenant[0]"}, /* more successes than turns */
        {{0, 0, 0, 0, 10, 10}, 100, "new.tenant[0]"},   /* slot time without turns */
        {{10, -1, 10, 0, 10, 10}, 100, "new.tenant[0]"},
        {{10, 0, 10, 0, 10, 9}, 100, "new.tenant[0]"}, /* less than one a slot */
        {{10, 0, 0, 0, 10, 10}, 100, "new"},           /* no success: no unit */
        {{10, 0, 10, 0, 0, 0}, 100, "new"},            /* no work at all */
        {{10, 0, 10, 0, 10, 10}, 9, "new"},            /* used more than paid */
    };
    const explain_tenant good = {10, 0, 10, 0, 10, 10};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        explain_period a = {100, 100, 0, 0, 0, 0, &good, 1};
        explain_period b = {100, rows[i].paid_ms, 0, 0, 0, 0, &rows[i].t, 1};
        explain_values values[2];
        explain_result r = {.old_nanousd = 77};
        diag d = DIAG_INIT;
        assert_int_equal(explain_change(&a, &b, 0.1, values, &r, &d), ERR_INVALID);
        assert_string_equal(d.field, rows[i].field);
        assert_int_equal(r.old_nanousd, 77);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_is_cost_over_successful_turns),
        cmocka_unit_test(one_change_is_named_alone),
        cmocka_unit_test(one_change_of_all_tenants_is_named_alone),
        cmocka_unit_test(a_mix_shift_that_the_lab_cannot_see_is_named),
        cmocka_unit_test(a_mean_that_rises_by_mix_is_not_blamed_on_tokens),
        cmocka_unit_test(a_tenant_that_comes_is_mix_and_nothing_else),
        cmocka_unit_test(retries_are_named_where_tokens_are_not_measured),
        cmocka_unit_test(random_changes_leave_no_residual_and_know_no_order),
        cmocka_unit_test(what_cannot_be_compared_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
