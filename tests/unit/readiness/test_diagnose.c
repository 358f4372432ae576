/* Causes of a change: each table has a story, and the answer must tell it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "readiness/diagnose/expect.h"
#include "readiness/diagnose/slices.h"
#include "stats/rng.h"

enum { A = 5, B = 6, C = 4, ROWS = A * B * C };
static const uint32_t values[] = {A, B, C};
static uint32_t codes[ROWS * 3];
static double expected[ROWS], seen[ROWS];

/* A full table; every row expects 100 and sees it with a little noise. */
static void quiet_table(double noise_rel) {
    stats_rng r = stats_rng_make(4, 0);
    for (uint32_t i = 0; i < ROWS; i++) {
        codes[3 * i] = i % A;
        codes[3 * i + 1] = i / A % B;
        codes[3 * i + 2] = i / A / B;
        expected[i] = 100;
        seen[i] = 100 * exp(noise_rel * stats_rng_normal(&r));
    }
}

/* Multiplies the rows of a slice; -1 leaves an attribute open. */
static void change(int a, int b, int c, double factor) {
    for (size_t i = 0; i < ROWS; i++)
        if ((a < 0 || codes[3 * i] == (uint32_t)a) &&
            (b < 0 || codes[3 * i + 1] == (uint32_t)b) &&
            (c < 0 || codes[3 * i + 2] == (uint32_t)c))
            seen[i] *= factor;
}

static slice_answer explained(void) {
    slice_table t = {ROWS, 3, codes, values, expected, seen, NULL};
    void *scratch = malloc(slices_scratch(ROWS, 3, 0));
    slice_answer answer;
    diag d = DIAG_INIT;
    assert_int_equal(slices_explain(&t, &slice_defaults, scratch, &answer, &d), OK);
    free(scratch);
    return answer;
}

static bool names(const slice_cause *k, int a, int b, int c) {
    int given[] = {a, b, c};
    for (int i = 0; i < 3; i++)
        if ((k->named >> i & 1) != (given[i] >= 0) ||
            (given[i] >= 0 && k->code[i] != (uint32_t)given[i]))
            return false;
    return true;
}

static void noise_alone_has_no_cause(void **state) {
    (void)state;
    static const double noises[] = {0, 0.01, 0.1, 0.5};
    for (size_t i = 0; i < 4; i++) {
        quiet_table(noises[i]);
        assert_int_equal(explained().n, 0);
    }
}

static void one_slice_is_named_and_measured(void **state) {
    (void)state;
    quiet_table(0.05);
    change(2, -1, -1, 0.5);
    slice_answer answer = explained();
    assert_int_equal(answer.n, 1);
    assert_true(names(&answer.causes[0], 2, -1, -1));
    assert_float_equal(answer.causes[0].factor, 0.5, 0.02);
    assert_int_equal(answer.causes[0].rows, B * C);
    assert_float_equal(answer.causes[0].share, 1, 1e-9);
    assert_float_equal(answer.noise_rel, 0.05, 0.015);
}

static void a_slice_that_vanished_and_one_that_is_new(void **state) {
    (void)state;
    quiet_table(0.05);
    change(-1, 3, -1, 0);
    for (size_t i = 0; i < ROWS; i++)
        if (codes[3 * i + 2] == 1 && codes[3 * i] == 4)
            expected[i] = 0; /* nobody was there before */
    slice_answer answer = explained();
    assert_int_equal(answer.n, 2);
    assert_true(names(&answer.causes[0], -1, 3, -1));
    assert_true(answer.causes[0].factor == 0);
    assert_true(names(&answer.causes[1], 4, -1, 1));
    assert_true(isinf(answer.causes[1].factor));
}

/* Where two causes overlap, their factors multiply; both are still found. */
static void overlapping_causes_are_told_apart(void **state) {
    (void)state;
    quiet_table(0.03);
    change(1, -1, -1, 0.6);
    change(-1, 2, -1, 1.7);
    change(3, 3, -1, 0.3);
    slice_answer answer = explained();
    assert_int_equal(answer.n, 3);
    int found = 0;
    for (size_t i = 0; i < 3; i++)
        found += names(&answer.causes[i], 1, -1, -1) +
                 names(&answer.causes[i], -1, 2, -1) + names(&answer.causes[i], 3, 3, -1);
    assert_int_equal(found, 3);
}

/* Two of six parts changed: the whole is refuted by the other four. */
static void the_parts_are_named_when_the_whole_did_not_change(void **state) {
    (void)state;
    quiet_table(0.03);
    change(0, 1, -1, 2.0);
    change(0, 4, -1, 2.0);
    slice_answer answer = explained();
    assert_int_equal(answer.n, 2);
    assert_true(names(&answer.causes[0], 0, 1, -1) || names(&answer.causes[0], 0, 4, -1));
    assert_true(names(&answer.causes[1], 0, 1, -1) || names(&answer.causes[1], 0, 4, -1));
}

/* Four of six parts changed: most of the whole, and still the parts. */
static void parts_are_named_even_when_they_are_most_of_the_whole(void **state) {
    (void)state;
    quiet_table(0.03);
    for (int b = 0; b < 4; b++)
        change(0, b, -1, 2.0);
    slice_answer answer = explained();
    assert_int_equal(answer.n, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(answer.causes[i].named, 3);
}

/* All parts but an exception changed: the whole and its exception, not five parts. */
static void the_whole_is_named_when_nearly_all_parts_changed(void **state) {
    (void)state;
    quiet_table(0.03);
    change(0, -1, -1, 2.0);
    change(0, 5, -1, 0.2);
    slice_answer answer = explained();
    assert_int_equal(answer.n, 2);
    assert_true(names(&answer.causes[0], 0, -1, -1));
    assert_true(names(&answer.causes[1], 0, 5, -1));
}

static void one_wild_row_is_no_slice_of_many(void **state) {
    (void)state;
    quiet_table(0.05);
    change(2, 2, 2, 40);
    slice_answer answer = explained();
    for (size_t i = 0; i < answer.n; i++)
        assert_true(names(&answer.causes[i], 2, 2, 2));
}

/* Rows of a handful: most of them 0, 1 or 2, before and now. */
static void a_sparse_table_names_nothing_by_chance(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        quiet_table(0);
        stats_rng r = stats_rng_make(seed, 1);
        for (size_t i = 0; i < ROWS; i++) {
            expected[i] = (double)stats_rng_poisson(&r, 0.7);
            seen[i] = (double)stats_rng_poisson(&r, 0.7);
        }
        assert_int_equal(explained().n, 0);
    }
}

static void a_cause_among_rows_of_a_handful_is_found(void **state) {
    (void)state;
    size_t found = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        quiet_table(0);
        stats_rng r = stats_rng_make(seed, 2);
        for (size_t i = 0; i < ROWS; i++) {
            expected[i] = 1.5;
            seen[i] = (double)stats_rng_poisson(&r, codes[3 * i + 1] == 4 ? 6 : 1.5);
        }
        slice_answer answer = explained();
        found += answer.n == 1 && names(&answer.causes[0], -1, 4, -1) &&
                 answer.causes[0].factor > 3 && answer.causes[0].factor < 5.2;
    }
    assert_true(found >= 18);
}

/* Every value of every attribute is some percent off, as from one day to the next; with
 * 120 rows a value each of them is beyond chance, and none is news. */
static void slices_that_wander_are_not_named_beside_a_cause(void **state) {
    (void)state;
    enum { V = 10, N = V * V * 12 };
    static const uint32_t sizes[] = {V, V, 12};
    static uint32_t code[N * 3];
    static double before[N], now[N];
    size_t named = 0;
    for (uint64_t seed = 0; seed < 5; seed++) {
        stats_rng r = stats_rng_make(seed, 3);
        double off[3][12];
        for (size_t a = 0; a < 3; a++)
            for (size_t v = 0; v < 12; v++)
                off[a][v] = exp(0.04 * stats_rng_normal(&r));
        for (uint32_t i = 0; i < N; i++) {
            uint32_t at[] = {i % V, i / V % V, i / V / V};
            memcpy(code + 3 * i, at, sizeof at);
            before[i] = 1000;
            now[i] = 1000.5 * off[0][at[0]] * off[1][at[1]] * off[2][at[2]] *
                     exp(0.05 * stats_rng_normal(&r)) * (at[0] == 2 ? 2 : 1);
        }
        slice_table t = {N, 3, code, sizes, before, now, NULL};
        void *scratch = malloc(slices_scratch(N, 3, 0));
        slice_answer answer;
        diag d = DIAG_INIT;
        assert_int_equal(slices_explain(&t, &slice_defaults, scratch, &answer, &d), OK);
        free(scratch);
        assert_true(answer.n >= 1 && names(&answer.causes[0], 2, -1, -1));
        named += answer.n;
    }
    print_message("%zu slices named in 5 tables of one cause each\n", named);
    assert_true(named <= 8);
}

static void an_empty_table_has_no_cause(void **state) {
    (void)state;
    quiet_table(0);
    memset(expected, 0, sizeof expected);
    memset(seen, 0, sizeof seen);
    slice_answer answer = explained();
    assert_int_equal(answer.n, 0);
    assert_int_equal(answer.rows, 0);
}

static void only_what_was_not_expected_at_all_is_new(void **state) {
    (void)state;
    quiet_table(0.02);
    for (size_t i = 0; i < ROWS; i++)
        if (codes[3 * i] == 1)
            expected[i] = codes[3 * i + 2] == 0 ? 100 : 0;
    slice_answer answer = explained();
    for (size_t i = 0; i < answer.n; i++)
        assert_true(!isinf(answer.causes[i].factor) || answer.causes[i].expected == 0);
}

static void broken_tables_are_refused_with_the_row(void **state) {
    (void)state;
    static const double bad[] = {-1, NAN, INFINITY};
    for (size_t i = 0; i < 3; i++) {
        quiet_table(0.05);
        seen[7] = bad[i];
        slice_table t = {ROWS, 3, codes, values, expected, seen, NULL};
        void *scratch = malloc(slices_scratch(ROWS, 3, 0));
        slice_answer answer;
        diag d = DIAG_INIT;
        assert_int_equal(slices_explain(&t, &slice_defaults, scratch, &answer, &d),
                         ERR_INVALID);
        assert_int_equal(d.line, 8);
        free(scratch);
    }
}

/* Errors over words, twice as many words everywhere in the second half. */
static double before_top[ROWS], before_bottom[ROWS], now_bottom[ROWS];

static slice_answer explained_ratio(ratio_change *out) {
    ratio_table t = {ROWS, 3, codes, values, before_top, before_bottom, seen, now_bottom};
    double spread[ROWS];
    void *scratch = malloc(ratio_scratch(&t) + slices_scratch(ROWS, 3, 0));
    diag d = DIAG_INIT;
    assert_int_equal(ratio_expect(&t, scratch, expected, spread, out, &d), OK);
    slice_table table = {ROWS, 3, codes, values, expected, seen, spread};
    slice_answer answer;
    assert_int_equal(slices_explain(&table, &slice_defaults, scratch, &answer, &d), OK);
    free(scratch);
    return answer;
}

/* Value a of the first attribute has (a + 1) times the error rate of value 0. */
static void ratio_rows(double moved, double factor) {
    quiet_table(0);
    stats_rng r = stats_rng_make(9, 0);
    for (size_t i = 0; i < ROWS; i++) {
        double rate = 0.02 * (codes[3 * i] + 1);
        before_bottom[i] = 2000;
        now_bottom[i] = codes[3 * i] == 4 ? 2000 * moved : 2000;
        before_top[i] = (double)stats_rng_poisson(&r, rate * before_bottom[i]);
        double now = codes[3 * i + 1] == 2 ? rate * factor : rate;
        seen[i] = (double)stats_rng_poisson(&r, now * now_bottom[i]);
    }
}

static void traffic_that_moved_to_a_harder_slice_is_no_cause(void **state) {
    (void)state;
    ratio_rows(4, 1);
    ratio_change c;
    assert_int_equal(explained_ratio(&c).n, 0);
    assert_true(c.now - c.before > 0.01); /* worse overall all the same */
    assert_float_equal(c.by_mix + c.by_rate, c.now - c.before, 1e-12);
    assert_true(fabs(c.by_rate) < 0.1 * c.by_mix);
}

static void a_slice_that_became_harder_is_found_beside_moving_traffic(void **state) {
    (void)state;
    ratio_rows(4, 1.5);
    ratio_change c;
    slice_answer answer = explained_ratio(&c);
    assert_int_equal(answer.n, 1);
    assert_true(names(&answer.causes[0], -1, 2, -1));
    assert_float_equal(answer.causes[0].factor, 1.5, 0.1);
    assert_true(c.by_rate > 0.003 && c.by_mix > 0.01);
}

/* A client version that did not exist before has no past of its own: what its relatives
 * lead one to expect is its yardstick. */
static void a_new_slice_is_judged_by_its_relatives(void **state) {
    (void)state;
    for (int broken = 0; broken <= 1; broken++) {
        ratio_rows(1, 1);
        stats_rng r = stats_rng_make(10, 0);
        for (size_t i = 0; i < ROWS; i++) {
            if (codes[3 * i + 2] != 3)
                continue;
            before_top[i] = before_bottom[i] = 0;
            double rate = 0.02 * (codes[3 * i] + 1) * (broken ? 2 : 1);
            seen[i] = (double)stats_rng_poisson(&r, rate * now_bottom[i]);
        }
        ratio_change c;
        slice_answer answer = explained_ratio(&c);
        assert_int_equal(answer.n, broken);
        if (broken)
            assert_true(names(&answer.causes[0], -1, -1, 3));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_alone_has_no_cause),
        cmocka_unit_test(one_slice_is_named_and_measured),
        cmocka_unit_test(a_slice_that_vanished_and_one_that_is_new),
        cmocka_unit_test(overlapping_causes_are_told_apart),
        cmocka_unit_test(the_parts_are_named_when_the_whole_did_not_change),
        cmocka_unit_test(parts_are_named_even_when_they_are_most_of_the_whole),
        cmocka_unit_test(the_whole_is_named_when_nearly_all_parts_changed),
        cmocka_unit_test(one_wild_row_is_no_slice_of_many),
        cmocka_unit_test(a_sparse_table_names_nothing_by_chance),
        cmocka_unit_test(a_cause_among_rows_of_a_handful_is_found),
        cmocka_unit_test(slices_that_wander_are_not_named_beside_a_cause),
        cmocka_unit_test(an_empty_table_has_no_cause),
        cmocka_unit_test(only_what_was_not_expected_at_all_is_new),
        cmocka_unit_test(broken_tables_are_refused_with_the_row),
        cmocka_unit_test(traffic_that_moved_to_a_harder_slice_is_no_cause),
        cmocka_unit_test(a_slice_that_became_harder_is_found_beside_moving_traffic),
        cmocka_unit_test(a_new_slice_is_judged_by_its_relatives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
