/* Every micro-dollar has one reason and one owner, at every level. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "readiness/cost/focus.h"
#include "readiness/cost/ledger.h"
#include "stats/rng.h"

static void a_division_gives_each_rest_to_the_largest_remainder(void **state) {
    (void)state;
    const struct {
        int64_t amount, weight[4], share[4];
    } rows[] = {
        {10, {1, 1, 1, 0}, {4, 3, 3, 0}},     /* equal remainders: the first */
        {10, {3, 3, 4, 0}, {3, 3, 4, 0}},     /* nothing to round */
        {100, {1, 2, 4, 0}, {14, 29, 57, 0}}, /* .29, .57, .14 */
        {0, {1, 2, 3, 4}, {0, 0, 0, 0}},
        {7, {0, 0, 5, 0}, {0, 0, 7, 0}},
        {INT64_MAX, {INT64_MAX - 1, 0, 0, 1}, {INT64_MAX - 1, 0, 0, 1}},
        {3, {1, 1, 1, 1}, {1, 1, 1, 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ledger_part parts[4];
        for (size_t j = 0; j < 4; j++)
            parts[j].weight = rows[i].weight[j];
        ledger_divide(rows[i].amount, parts, 4);
        for (size_t j = 0; j < 4; j++)
            assert_int_equal(parts[j].share, rows[i].share[j]);
    }
}

static void a_division_loses_nothing_and_keeps_the_quota(void **state) {
    (void)state;
    stats_rng r = stats_rng_make(1, 0);
    for (int run = 0; run < 2000; run++) {
        ledger_part parts[50];
        size_t n = 1 + stats_rng_below(&r, 50);
        int64_t amount = (int64_t)stats_rng_below(&r, 1000000000000), sum = 0;
        double total = 1;
        for (size_t i = 0; i < n; i++)
            parts[i].weight = (int64_t)stats_rng_below(&r, run % 2 ? 5 : 1000000000);
        parts[0].weight++;
        for (size_t i = 1; i < n; i++)
            total += (double)parts[i].weight;
        total += (double)parts[0].weight - 1;
        ledger_divide(amount, parts, n);
        for (size_t i = 0; i < n; i++) {
            double exact = (double)amount * (double)parts[i].weight / total;
            assert_true(fabs((double)parts[i].share - exact) < 1.001);
            assert_true(parts[i].weight > 0 || parts[i].share == 0);
            sum += parts[i].share;
        }
        assert_int_equal(sum, amount);
    }
}

enum { ASSETS = 40, TENANTS = 7, POOLS = 3, DAYS = 4, USES = 400 };

/* A ledger nobody designed: workers without use, without tenants, without cost. */
typedef struct {
    ledger_asset assets[ASSETS];
    ledger_use uses[USES];
    ledger_row rows[USES + ASSETS], spread[(USES + ASSETS) * (TENANTS + 1)];
    size_t n_uses, n_rows, n_spread;
} world;

static void make_world(stats_rng *r, world *w) {
    w->n_uses = 0;
    for (size_t i = 0; i < ASSETS; i++) {
        ledger_asset *a = &w->assets[i];
        *a = (ledger_asset){.day = (uint32_t)stats_rng_below(r, DAYS),
                            .pool = (uint32_t)(i * POOLS / ASSETS),
                            .worker = (uint32_t)i,
                            .cost_microusd = (int64_t)stats_rng_below(r, 100000000)};
        size_t uses = stats_rng_below(r, USES / ASSETS);
        for (size_t j = 0; j < uses; j++) {
            ledger_use *u = &w->uses[w->n_uses++];
            u->asset = (uint32_t)i;
            u->category = (ledger_category)stats_rng_below(r, LEDGER_CATEGORIES);
            u->cause = u->category == LEDGER_IDLE
                           ? (ledger_cause)(1 + stats_rng_below(r, LEDGER_CAUSES - 1))
                           : LEDGER_CAUSE_NONE;
            u->tenant = u->category == LEDGER_DIRECT || stats_rng_below(r, 3) == 0
                            ? (uint32_t)stats_rng_below(r, TENANTS)
                            : LEDGER_NOBODY;
            u->slot_ms = (int64_t)stats_rng_below(r, 86400000);
            a->capacity_ms += u->slot_ms;
        }
        a->capacity_ms += (int64_t)stats_rng_below(r, 3) * 1000003;
    }
}

static int64_t key_of(const world *w, const ledger_row *row, int level) {
    const ledger_asset *a = &w->assets[row->asset];
    const int64_t keys[] = {row->tenant == LEDGER_NOBODY ? TENANTS : row->tenant, a->pool,
                            a->worker, a->day};
    return keys[level];
}

/* Sums by level; the asset's own cost, summed apart, must come out. */
static void check_levels(const world *w, const ledger_row *rows, size_t n) {
    for (int level = 0; level < 4; level++) {
        ledger_total totals[ASSETS + TENANTS + 1] = {{0}};
        int64_t paid[ASSETS + TENANTS + 1] = {0}, all = 0, sum = 0;
        for (size_t i = 0; i < n; i++)
            ledger_add(&totals[key_of(w, &rows[i], level)], &rows[i]);
        for (size_t i = 0; i < ASSETS; i++) {
            ledger_row as_row = {.asset = (uint32_t)i, .tenant = 0};
            paid[key_of(w, &as_row, level)] += w->assets[i].cost_microusd;
            all += w->assets[i].cost_microusd;
        }
        for (size_t i = 0; i < ASSETS + TENANTS + 1; i++) {
            assert_true(ledger_conserved(&totals[i]));
            if (level > 0)
                assert_int_equal(totals[i].cost_microusd, paid[i]);
            sum += totals[i].cost_microusd;
        }
        assert_int_equal(sum, all);
    }
}

static void categories_sum_to_the_asset_cost_at_every_level(void **state) {
    (void)state;
    static world w;
    stats_rng r = stats_rng_make(2, 0);
    for (int run = 0; run < 300; run++) {
        static ledger_part parts[USES + ASSETS];
        make_world(&r, &w);
        assert_int_equal(ledger_charge(w.assets, ASSETS, w.uses, w.n_uses, parts, w.rows,
                                       &w.n_rows, NULL),
                         OK);
        check_levels(&w, w.rows, w.n_rows);
        int64_t time = 0, had = 0;
        for (size_t i = 0; i < w.n_rows; i++)
            time += w.rows[i].slot_ms;
        for (size_t i = 0; i < ASSETS; i++)
            had += w.assets[i].capacity_ms;
        assert_int_equal(time, had);
        for (int policy = 0; policy < 2; policy++) {
            int64_t weight[3 * TENANTS];
            ledger_part by[TENANTS];
            size_t n = ledger_spread(w.assets, w.rows, w.n_rows, (ledger_policy)policy,
                                     TENANTS, weight, by, NULL);
            assert_true(n <= sizeof w.spread / sizeof w.spread[0]);
            assert_int_equal(ledger_spread(w.assets, w.rows, w.n_rows,
                                           (ledger_policy)policy, TENANTS, weight, by,
                                           w.spread),
                             n);
            check_levels(&w, w.spread, n);
            int64_t spread_time = 0;
            for (size_t i = 0; i < n; i++) {
                spread_time += w.spread[i].slot_ms;
                if (policy == LEDGER_SHOWBACK)
                    assert_true(w.spread[i].tenant != LEDGER_NOBODY);
                else
                    assert_true(w.spread[i].tenant != LEDGER_NOBODY ||
                                w.spread[i].category != LEDGER_SHARED);
            }
            assert_int_equal(spread_time, time);
        }
    }
}

static void what_nobody_used_is_idle_and_says_so(void **state) {
    (void)state;
    const ledger_asset assets[] = {
        {0, 0, 0, 1000, 100}, {0, 0, 1, 500, 0}, {0, 0, 2, 20, 2}};
    const ledger_use uses[] = {
        {0, 3, LEDGER_DIRECT, LEDGER_CAUSE_NONE, 40, 40},
        {0, LEDGER_NOBODY, LEDGER_IDLE, LEDGER_CAUSE_HEADROOM, 20, 20},
        {1, 3, LEDGER_DIRECT, LEDGER_CAUSE_NONE, 0, 0},
        {2, 3, LEDGER_DIRECT, LEDGER_CAUSE_NONE, 1, 1},
    };
    ledger_part parts[7];
    ledger_row rows[7];
    size_t n;
    assert_int_equal(ledger_charge(assets, 3, uses, 4, parts, rows, &n, NULL), OK);
    assert_int_equal(n, 7);
    assert_int_equal(rows[0].cost_microusd, 400);
    assert_int_equal(rows[1].cost_microusd, 200);
    assert_int_equal(rows[2].cost_microusd, 400); /* the rest of the first worker */
    assert_int_equal(rows[2].cause, LEDGER_CAUSE_UNEXPLAINED);
    assert_int_equal(rows[3].cost_microusd, 0);
    assert_int_equal(rows[4].cost_microusd, 500); /* paid for, gave nothing */
    assert_int_equal(rows[4].cause, LEDGER_CAUSE_UNEXPLAINED);
    assert_int_equal(rows[6].cost_microusd, 10); /* one millisecond counts */
    assert_int_equal(rows[6].cause, LEDGER_CAUSE_UNEXPLAINED);
}

static void what_nobody_caused_follows_direct_use_nearby(void **state) {
    (void)state;
    /* pool 0: workers 0 and 1 with direct use of their own, worker 2 without; pool 1:
     * worker 3 without; pool 2: worker 4 with */
    const ledger_asset assets[] = {{0, 0, 0, 100, 100},
                                   {0, 0, 1, 40, 40},
                                   {0, 0, 2, 80, 10},
                                   {0, 1, 3, 180, 10},
                                   {0, 2, 4, 40, 40}};
    const ledger_row rows[] = {
        {0, 0, LEDGER_DIRECT, LEDGER_CAUSE_NONE, 30, 30},
        {0, 1, LEDGER_DIRECT, LEDGER_CAUSE_NONE, 10, 10},
        {0, LEDGER_NOBODY, LEDGER_SHARED, LEDGER_CAUSE_NONE, 60, 60}, /* 3 : 1 */
        {1, 1, LEDGER_DIRECT, LEDGER_CAUSE_NONE, 40, 40},
        {2, LEDGER_NOBODY, LEDGER_IDLE, LEDGER_CAUSE_FAULT, 10, 80}, /* 3 : 5 */
        {3, 1, LEDGER_WARM, LEDGER_CAUSE_NONE, 5, 60}, /* a warm slot of tenant 1's own */
        {3, LEDGER_NOBODY, LEDGER_WARM, LEDGER_CAUSE_NONE, 5, 120}, /* 7 : 5 */
        {4, 0, LEDGER_DIRECT, LEDGER_CAUSE_NONE, 40, 40},
    };
    int64_t weight[6];
    ledger_part parts[2];
    ledger_row out[16];
    size_t n = ledger_spread(assets, rows, 8, LEDGER_SHOWBACK, 2, weight, parts, out);
    int64_t of[2] = {0};
    for (size_t i = 0; i < n; i++)
        of[out[i].tenant] += out[i].cost_microusd;
    assert_int_equal(n, 11);
    assert_int_equal(of[0], 30 + 45 + 30 + 70 + 40);
    assert_int_equal(of[1], 10 + 15 + 40 + 50 + 60 + 50);
    n = ledger_spread(assets, rows, 8, LEDGER_CHARGEBACK, 2, weight, parts, out);
    int64_t platform = 0;
    for (size_t i = 0; i < n; i++)
        platform += out[i].tenant == LEDGER_NOBODY ? out[i].cost_microusd : 0;
    assert_int_equal(platform, 80 + 120); /* idle and the unowned warm slot */
}

static void a_broken_sum_is_noticed(void **state) {
    (void)state;
    ledger_total t = {0};
    const ledger_row idle = {0, 0, LEDGER_IDLE, LEDGER_CAUSE_FAULT, 5, 7};
    ledger_add(&t, &idle);
    assert_true(ledger_conserved(&t));
    t.idle_microusd[LEDGER_CAUSE_FAULT]--;
    assert_false(ledger_conserved(&t));
    t.idle_microusd[LEDGER_CAUSE_FAULT]++;
    t.cost_microusd++;
    assert_false(ledger_conserved(&t));
}

static void broken_ledgers_are_refused(void **state) {
    (void)state;
    const ledger_asset asset = {0, 0, 0, 1000, 100};
    const struct {
        ledger_use use;
        status s;
    } rows[] = {
        {{0, 0, LEDGER_DIRECT, LEDGER_CAUSE_NONE, 101, 101}, ERR_INVALID}, /* too much */
        {{1, 0, LEDGER_DIRECT, LEDGER_CAUSE_NONE, 1, 1}, ERR_INVALID},     /* no asset */
        {{0, LEDGER_NOBODY, LEDGER_DIRECT, LEDGER_CAUSE_NONE, 1, 1}, ERR_INVALID},
        {{0, 0, LEDGER_IDLE, LEDGER_CAUSE_NONE, 1, 1}, ERR_INVALID}, /* idle: why? */
        {{0, 0, LEDGER_WARM, LEDGER_CAUSE_FAULT, 1, 1},
         ERR_INVALID}, /* a cause of work */
        {{0, 0, LEDGER_EVAL, LEDGER_CAUSE_NONE, -1, 1}, ERR_INVALID},
        {{0, 0, LEDGER_EVAL, LEDGER_CAUSE_NONE, 100, 100}, OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ledger_part parts[2];
        ledger_row out[2];
        size_t n;
        assert_int_equal(ledger_charge(&asset, 1, &rows[i].use, 1, parts, out, &n, NULL),
                         rows[i].s);
    }
    const ledger_asset rich[] = {{0, 0, 0, INT64_MAX, 0}, {0, 0, 1, 1, 0}};
    ledger_part parts[2];
    ledger_row out[2];
    size_t n;
    assert_int_equal(ledger_charge(rich, 2, NULL, 0, parts, out, &n, NULL), ERR_LIMIT);
}

static void a_unit_cost_carries_the_doubt_of_its_denominator(void **state) {
    (void)state;
    /* Wilson 95 % of 90 / 100: 0.825634, 0.944780 */
    ledger_unit_cost u = ledger_unit(900000, 90, 100, 0.95);
    assert_true(fabs(u.value - 10000) < 1e-9);
    assert_true(fabs(u.low - 900000 / 94.4780) < 0.1);
    assert_true(fabs(u.high - 900000 / 82.5634) < 0.1);
    u = ledger_unit(900000, 0, 100, 0.95);
    assert_true(isinf(u.value) && isinf(u.high) && isfinite(u.low));
    u = ledger_unit(0, 0, 0, 0.95);
    assert_true(isinf(u.value));
}

static void days_are_dates_of_the_calendar(void **state) {
    (void)state;
    const struct {
        const char *text;
        bool is;
    } rows[] = {{"2026-05-04", true},  {"2024-02-29", true},  {"2026-02-29", false},
                {"2000-02-29", true},  {"2100-02-29", false}, {"2026-13-01", false},
                {"2026-00-10", false}, {"2026-01-32", false}, {"2026-1-01", false},
                {"2026/01/01", false}, {"1969-12-31", false}, {"9999-12-31", false},
                {"", false},           {"2026-05-04 ", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(focus_is_day(rows[i].text), rows[i].is);
}

static void a_focus_row_is_exact_money_in_its_month(void **state) {
    (void)state;
    const focus_account account = {"Rostrum", "platform", LEDGER_CHARGEBACK};
    const ledger_row row = {0, 0, LEDGER_IDLE, LEDGER_CAUSE_NO_DEMAND, 3600001, 1000002};
    char text[FOCUS_TEXT_BYTES];
    assert_int_equal(
        focus_row(&account, &row, "2026-12-31", "realtime", "gpu-1", "acme", text, NULL),
        OK);
    assert_string_equal(
        text,
        "1.000002,\"platform\",\"platform\",Platform,USD,2027-01-01T00:00:00Z,"
        "2026-12-01T00:00:00Z,Usage,,\"idle: no_demand slot time of pool realtime\","
        "Usage-Based,2027-01-01T00:00:00Z,2026-12-31T00:00:00Z,3600.001,"
        "Slot-Seconds,1.000002,1.000002,\"Rostrum\",1.000002,3600.001,Slot-Seconds,"
        "\"Rostrum\",\"Rostrum\",\"gpu-1\",\"gpu-1\",Worker,"
        "AI and Machine Learning,Speech inference,AI Platforms,\"acme\",\"acme\","
        "Tenant,\"{\"\"rostrum/category\"\":\"\"idle\"\",\"\"rostrum/cause\"\":"
        "\"\"no_demand\"\",\"\"rostrum/pool\"\":\"\"realtime\"\"}\"\n");
    diag d = DIAG_INIT;
    assert_int_equal(
        focus_row(&account, &row, "2026-12-32", "realtime", "gpu-1", "acme", text, &d),
        ERR_INVALID);
    assert_string_equal(d.field, "day");
    assert_int_equal(
        focus_row(&account, &row, "2026-12-31", "real\"time", "gpu-1", "acme", text, &d),
        ERR_INVALID);
    assert_string_equal(d.field, "pool");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_division_gives_each_rest_to_the_largest_remainder),
        cmocka_unit_test(a_division_loses_nothing_and_keeps_the_quota),
        cmocka_unit_test(categories_sum_to_the_asset_cost_at_every_level),
        cmocka_unit_test(what_nobody_used_is_idle_and_says_so),
        cmocka_unit_test(what_nobody_caused_follows_direct_use_nearby),
        cmocka_unit_test(a_broken_sum_is_noticed),
        cmocka_unit_test(broken_ledgers_are_refused),
        cmocka_unit_test(a_unit_cost_carries_the_doubt_of_its_denominator),
        cmocka_unit_test(days_are_dates_of_the_calendar),
        cmocka_unit_test(a_focus_row_is_exact_money_in_its_month),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
