/* Ledgers and capacity files: read whole or refused with line and field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "records/capacity_file.h"
#include "records/cost_file.h"

static status read_ledger(const char *text, cost_ledger *out, diag *d) {
    char path[] = "/tmp/rostrum-ledger-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    status s = cost_ledger_read(path, out, d);
    unlink(path);
    return s;
}

#define ASSET(worker)                                                                    \
    "{\"kind\":\"asset\",\"day\":\"2026-05-04\",\"pool\":\"p\",\"worker\":\"" worker     \
    "\",\"cost_microusd\":1000,\"capacity_slot_ms\":100}\n"
#define USE(worker, tenant, ms)                                                          \
    "{\"kind\":\"use\",\"day\":\"2026-05-04\",\"worker\":\"" worker                      \
    "\",\"category\":\"direct\",\"tenant\":\"" tenant "\",\"slot_ms\":" ms "}\n"
#define TURNS(tenant, turns, successful)                                                 \
    "{\"kind\":\"turns\",\"day\":\"2026-05-04\",\"tenant\":\"" tenant                    \
    "\",\"turns\":" turns ",\"successful_turns\":" successful "}\n"

static void the_order_of_the_lines_does_not_matter(void **state) {
    (void)state;
    static const char *const texts[] = {
        ASSET("w1") ASSET("w2") USE("w1", "b", "30") USE("w1", "a", "20")
            USE("w2", "a", "7") TURNS("a", "10", "9") TURNS("b", "5", "5"),
        TURNS("b", "5", "5") ASSET("w2") USE("w2", "a", "7")
            ASSET("w1") "\n" TURNS("a", "10", "9") USE("w1", "a", "20")
                USE("w1", "b", "30")};
    cost_ledger l[2];
    for (int i = 0; i < 2; i++) {
        diag d = DIAG_INIT;
        assert_int_equal(read_ledger(texts[i], &l[i], &d), OK);
        assert_int_equal(l[i].n_assets, 2);
        assert_int_equal(l[i].n_turns, 2);
        assert_int_equal(l[i].n_rows, 5);
    }
    assert_memory_equal(l[0].rows, l[1].rows, l[0].n_rows * sizeof *l[0].rows);
    assert_memory_equal(l[0].turns, l[1].turns, l[0].n_turns * sizeof *l[0].turns);
    assert_string_equal(l[0].tenants.text[0], "a");
    assert_string_equal(l[0].workers.text[1], "w2");
    assert_int_equal(l[0].rows[0].cost_microusd, 200);
    assert_int_equal(l[0].uses[0].request_ms, 20); /* as long as the slots */
    for (int i = 0; i < 2; i++)
        cost_ledger_deinit(&l[i]);
}

static void a_bill_by_use_has_no_idle(void **state) {
    (void)state;
    cost_ledger l;
    diag d = DIAG_INIT;
    assert_int_equal(
        read_ledger("{\"kind\":\"asset\",\"day\":\"2026-05-04\",\"pool\":\"llm\","
                    "\"worker\":\"api\",\"cost_microusd\":7}\n" USE("api", "a", "3"),
                    &l, &d),
        OK);
    assert_int_equal(l.assets[0].capacity_ms, 3);
    assert_int_equal(l.n_rows, 1);
    assert_int_equal(l.rows[0].cost_microusd, 7);
    cost_ledger_deinit(&l);
}

static void a_broken_ledger_names_line_and_field(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int line;
        const char *field;
    } rows[] = {
        {"", 0, ""},                                     /* nothing paid */
        {ASSET("w") ASSET("w"), 2, "worker"},            /* twice a day */
        {USE("w", "a", "1") ASSET("w"), 1, "worker"},    /* not yet known */
        {ASSET("w") USE("w", "a", "101"), 0, "slot_ms"}, /* over capacity */
        {ASSET("w") USE("w", "a", "-1"), 2, "slot_ms"},
        {ASSET("w") USE("w", "a", "1.5"), 2, "slot_ms"},
        {ASSET("w") USE("w", "a", "1e13"), 2, "slot_ms"}, /* past the limit */
        {ASSET("w") USE("w", "", "1"), 2, "tenant"},
        {ASSET("w") USE("w", "\\u0007", "1"), 2, "tenant"},
        {ASSET("w") TURNS("a", "1", "2"), 2, "successful_turns"},
        {ASSET("w") TURNS("a", "1", "1") TURNS("a", "1", "1"), 3, "tenant"},
        {ASSET("w") "{\"kind\":\"user\"}\n", 2, "kind"},
        {ASSET("w") "[]\n", 2, ""},
        {ASSET("w") "{\"kind\":\"use\",\"day\":\"2026-05-04\",\"worker\":\"w\","
                    "\"category\":\"idle\",\"slot_ms\":1}\n",
         2, "cause"},
        {ASSET("w") "{\"kind\":\"use\",\"day\":\"2026-05-04\",\"worker\":\"w\","
                    "\"category\":\"warm\",\"cause\":\"fault\",\"slot_ms\":1}\n",
         2, "cause"},
        {ASSET("w") "{\"kind\":\"use\",\"day\":\"2026-02-30\",\"worker\":\"w\"}\n", 2,
         "day"},
        {ASSET("w") "{\"kind\":\"use\",\"dya\":\"2026-05-04\"}\n", 2, "dya"},
        {ASSET("w") "{\"kind\":\"use\",\"day\":\"2026-05-04\",\"worker\":\"w\","
                    "\"category\":\"eval\",\"slot_ms\":10,\"request_ms\":9}\n",
         2, "request_ms"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cost_ledger l;
        diag d = DIAG_INIT;
        assert_int_not_equal(read_ledger(rows[i].text, &l, &d), OK);
        assert_int_equal(d.line, rows[i].line);
        assert_string_equal(d.field, rows[i].field);
        assert_true(d.text[0] && d.file[0]);
    }
}

static void ledgers_are_compared_by_the_names_of_their_tenants(void **state) {
    (void)state;
    cost_ledger a, b;
    explain_result r;
    diag d = DIAG_INIT;
    assert_int_equal(
        read_ledger(ASSET("w") USE("w", "b", "50") TURNS("b", "10", "10"), &a, &d), OK);
    assert_int_equal(read_ledger(ASSET("w") USE("w", "a", "25") USE("w", "b", "25")
                                     TURNS("a", "5", "5") TURNS("b", "5", "5"),
                                 &b, &d),
                     OK);
    assert_int_equal(cost_ledger_explain(&a, &b, NULL, 0.1, &r, &d), OK);
    assert_int_equal(r.old_nanousd, 100000); /* 1,000 micro-dollars over 10 turns */
    assert_int_equal(r.new_nanousd, 100000);
    assert_int_equal(cost_ledger_explain(&a, &b, "P", 0.1, &r, &d), ERR_INVALID);
    assert_string_equal(d.field, "pool");
    cost_ledger_deinit(&b);
    assert_int_equal(
        read_ledger(ASSET("w") USE("w", "c", "50") TURNS("b", "10", "10"), &b, &d), OK);
    assert_int_equal(cost_ledger_explain(&a, &b, NULL, 0.1, &r, &d), ERR_INVALID);
    assert_string_equal(d.field, "new: tenant c"); /* slot time and no turns */
    cost_ledger_deinit(&a);
    cost_ledger_deinit(&b);
}

static void names_become_their_ranks(void **state) {
    (void)state;
    names t = {0};
    static const char *const given[] = {"m", "c", "z", "a", "c", "m"};
    static const uint32_t number[] = {0, 1, 2, 3, 1, 0};
    uint32_t got, rank[4];
    bool is_new;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(names_add(&t, given[i], &got, &is_new, NULL), OK);
        assert_int_equal(got, number[i]);
        assert_int_equal(is_new, i < 4);
    }
    names_rank(&t, rank);
    static const uint32_t ranks[] = {2, 1, 3, 0};
    assert_memory_equal(rank, ranks, sizeof ranks);
    assert_string_equal(t.text[0], "a");
    assert_true(names_find(&t, "z", &got) && got == 3);
    assert_false(names_find(&t, "b", &got));
    names_deinit(&t);
}

#define POOL                                                                             \
    "\"pool\":\"x\",\"arrivals_per_s\":2,\"peak_s\":60,\"target_age_ms\":100,"           \
    "\"slots_per_machine\":4,\"machine_microusd_per_hour\":5"

static void a_capacity_file_has_defaults_and_two_kinds_of_servers(void **state) {
    (void)state;
    static const char text[] = "{\"pools\":[{" POOL ",\"service_s\":3},{" POOL
                               ",\"batch_max\":8,\"batch_base_ms\":100,"
                               "\"batch_item_ms\":5,\"max_age_ms\":1000}]}";
    capacity_file f;
    diag d = DIAG_INIT;
    assert_int_equal(capacity_file_parse(text, strlen(text), &f, &d), OK);
    assert_int_equal(f.n, 2);
    const capacity_demand *c = &f.pools[0].demand;
    assert_true(c->load.before_per_s == 2 && c->load.arrival_scv == 1);
    assert_true(c->load.service_scv == 1 && c->load.batch_max == 1);
    assert_true(c->load.base_s == 3 && c->load.max_age_s > 1e300);
    assert_true(c->target_s == 0.1 && c->target_share == 0.95 && c->headroom == 0);
    assert_int_equal(c->replications, 20);
    c = &f.pools[1].demand;
    assert_true(c->load.batch_max == 8 && c->load.base_s == 0.1);
    assert_true(c->load.item_s == 0.005 && c->load.max_age_s == 1);
}

static void a_broken_capacity_file_names_pool_and_field(void **state) {
    (void)state;
    static const struct {
        const char *text, *field;
    } rows[] = {
        {"{}", "pools"},
        {"{\"pools\":[]}", "pools"},
        {"{\"pools\":[{" POOL "}]}", "pools[0].service_s"},
        {"{\"pools\":[{" POOL ",\"service_s\":3},{" POOL ",\"service_s\":\"3\"}]}",
         "pools[1].service_s"},
        {"{\"pools\":[{" POOL ",\"service_s\":3,\"batch_max\":2}]}",
         "pools[0].batch_max"},
        {"{\"pools\":[{" POOL ",\"sevice_s\":3}]}", "pools[0].sevice_s"},
        {"{\"pools\":[{" POOL ",\"batch_max\":2000}]}", "pools[0].batch_max"},
        {"{\"replications\":1,\"pools\":[]}", "replications"},
        {"{\"pools\":[5]}", "pools[0].pool"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        capacity_file f;
        diag d = DIAG_INIT;
        assert_int_equal(capacity_file_parse(rows[i].text, strlen(rows[i].text), &f, &d),
                         ERR_INVALID);
        assert_string_equal(d.field, rows[i].field);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_the_lines_does_not_matter),
        cmocka_unit_test(a_bill_by_use_has_no_idle),
        cmocka_unit_test(a_broken_ledger_names_line_and_field),
        cmocka_unit_test(ledgers_are_compared_by_the_names_of_their_tenants),
        cmocka_unit_test(names_become_their_ranks),
        cmocka_unit_test(a_capacity_file_has_defaults_and_two_kinds_of_servers),
        cmocka_unit_test(a_broken_capacity_file_names_pool_and_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
