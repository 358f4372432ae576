/* Turns: sections cover the wait exactly, and a slower cohort loses it where it was lost.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "readiness/trace/turn.h"
#include "stats/rng.h"

enum { SPANS = 200 };

static status path_of(const trace_span *spans, size_t n, trace_section *out,
                      size_t *out_n, diag *d) {
    static char scratch[64 * SPANS];
    assert_true(trace_scratch(n) <= sizeof scratch);
    return trace_critical_path(spans, n, scratch, out, out_n, d);
}

/* jaeger-ui, critical path test 6: cut on the right, then on the left. */
static void children_are_cut_to_their_parent(void **state) {
    (void)state;
    static const trace_span spans[] = {
        {1, 30, TRACE_NO_PARENT, 0}, {15, 35, 0, 0}, {10, 25, 1, 0}};
    static const trace_section expected[] = {{1, 25, 30}, {2, 15, 25}, {0, 1, 15}};
    trace_section got[6];
    size_t n;
    diag d = DIAG_INIT;
    assert_int_equal(path_of(spans, 3, got, &n, &d), OK);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(got[i].span, expected[i].span);
        assert_int_equal(got[i].start, expected[i].start);
        assert_int_equal(got[i].end, expected[i].end);
    }
}

/* Where Jaeger gives the first child's time to the parent. */
static void children_that_touch_are_both_on_the_path(void **state) {
    (void)state;
    static const trace_span spans[] = {
        {0, 100, TRACE_NO_PARENT, 0}, {0, 40, 0, 0}, {40, 100, 0, 0}};
    trace_section got[6];
    size_t n;
    diag d = DIAG_INIT;
    assert_int_equal(path_of(spans, 3, got, &n, &d), OK);
    assert_int_equal(n, 2);
    assert_int_equal(got[0].span, 2);
    assert_int_equal(got[1].span, 1);
}

static void sections_are_disjoint_and_cover_the_root(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        stats_rng r = stats_rng_make(seed, 0);
        trace_span spans[SPANS];
        size_t n = 1 + stats_rng_below(&r, 30);
        for (size_t i = 0; i < n; i++) {
            int64_t start = (int64_t)stats_rng_below(&r, 60);
            spans[i] =
                (trace_span){start, start + (int64_t)stats_rng_below(&r, 50),
                             i == 0 ? TRACE_NO_PARENT : (uint32_t)stats_rng_below(&r, i),
                             (trace_kind)stats_rng_below(&r, 3)};
        }
        trace_section got[2 * SPANS];
        size_t n_got;
        diag d = DIAG_INIT;
        assert_int_equal(path_of(spans, n, got, &n_got, &d), OK);
        int64_t at = spans[0].end;
        for (size_t i = 0; i < n_got; i++) {
            assert_int_equal(got[i].end, at);
            assert_true(got[i].start < got[i].end);
            at = got[i].start;
            const trace_span *s = &spans[got[i].span];
            assert_true(got[i].start >= s->start && got[i].end <= s->end);
        }
        assert_int_equal(at, spans[0].end > spans[0].start ? spans[0].start : at);
    }
}

static void broken_traces_are_refused(void **state) {
    (void)state;
    static const struct {
        trace_span spans[3];
        size_t n;
        int line;
    } rows[] = {
        {{{0, 1, 0, 0}}, 1, 0},                                           /* own parent */
        {{{0, 9, TRACE_NO_PARENT, 0}, {1, 2, 2, 0}, {1, 2, 1, 0}}, 3, 0}, /* a circle */
        {{{0, 9, TRACE_NO_PARENT, 0}, {1, 2, 7, 0}}, 2, 2}, /* no such parent */
        {{{0, 9, TRACE_NO_PARENT, 0}, {1, 2, TRACE_NO_PARENT, 0}}, 2, 2}, /* two roots */
        {{{0, 9, TRACE_NO_PARENT, 0}, {3, 2, 0, 0}}, 2, 2}, /* ends before it starts */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        trace_section got[6];
        size_t n = 99;
        diag d = DIAG_INIT;
        assert_int_equal(path_of(rows[i].spans, rows[i].n, got, &n, &d), ERR_INVALID);
        assert_int_equal(n, 99);
        assert_int_equal(d.line, rows[i].line);
    }
}

static double log_normal(stats_rng *r, double median, double sigma) {
    return median * exp(sigma * stats_rng_normal(r));
}

/* The lesson's regression: recognition, model and synthesis keep their own latencies;
 * what grows is the server's wait between them, in some turns only. */
static void cohort(turn_sections *out, size_t n, bool regressed, uint64_t seed) {
    stats_rng r = stats_rng_make(seed, regressed);
    for (size_t i = 0; i < n; i++) {
        out[i] = (turn_sections){{0}};
        out[i].ms[TURN_ASR] = log_normal(&r, 85, 0.25);
        out[i].ms[TURN_LLM] = log_normal(&r, 240, 0.3);
        out[i].ms[TURN_TTS] = log_normal(&r, 95, 0.25);
        out[i].ms[TURN_ENDPOINTING] = log_normal(&r, 220, 0.15);
        bool waits = regressed && stats_rng_uniform(&r) < 0.3;
        out[i].ms[TURN_ORCHESTRATION] = log_normal(&r, waits ? 330 : 12, 0.3);
    }
}

static turn_comparison compared(const turn_sections *a, const turn_sections *b,
                                size_t n) {
    void *scratch = malloc(turn_scratch(n, n));
    turn_comparison c;
    diag d = DIAG_INIT;
    assert_int_equal(turn_compare(a, n, b, n, 0.95, 1, scratch, &c, &d), OK);
    free(scratch);
    return c;
}

static void a_slower_turn_with_healthy_components_names_the_culprit(void **state) {
    (void)state;
    enum { N = 1500 };
    static turn_sections before[N], now[N];
    cohort(before, N, false, 1);
    cohort(now, N, true, 2);
    turn_comparison c = compared(before, now, N);
    assert_true(c.turn.now / c.turn.before > 1.3 && c.turn.now / c.turn.before < 1.5);
    assert_true(c.turn.low > 0);
    double sum = 0;
    for (int s = 0; s < TURN_STAGES; s++) {
        sum += c.stages[s].change;
        if (s != TURN_ORCHESTRATION)
            assert_true(c.stages[s].change < 0.1 * c.turn.change);
    }
    assert_float_equal(sum, c.turn.change, 1e-9 * c.turn.now);
    assert_true(c.stages[TURN_ORCHESTRATION].low > 0.5 * c.turn.change);
    static const turn_stage healthy[] = {TURN_ASR, TURN_LLM, TURN_TTS};
    for (size_t i = 0; i < 3; i++)
        assert_float_equal(c.stages[healthy[i]].own_now / c.stages[healthy[i]].own_before,
                           1, 0.06);
}

/* No stage changes at all; two of them are slow in the same turns now. */
static void stages_that_became_slow_together_are_both_named(void **state) {
    (void)state;
    enum { N = 12000 };
    static turn_sections before[N], now[N];
    stats_rng r = stats_rng_make(3, 0);
    for (size_t i = 0; i < N; i++) {
        double a = log_normal(&r, 200, 0.5), b = log_normal(&r, 200, 0.5);
        double e = 250 + 5 * stats_rng_normal(&r);
        before[i] = (turn_sections){{0}};
        before[i].ms[TURN_LLM] = a;
        before[i].ms[TURN_TTS] = b;
        before[i].ms[TURN_ENDPOINTING] = e;
        now[i] = before[i];
        now[i].ms[TURN_TTS] = a; /* same distribution */
    }
    turn_comparison c = compared(before, now, N);
    assert_true(c.turn.low > 0.05 * c.turn.before);
    assert_true(c.stages[TURN_LLM].change > 0.2 * c.turn.change);
    assert_true(c.stages[TURN_TTS].change > 0.2 * c.turn.change);
    assert_true(fabs(c.stages[TURN_ENDPOINTING].change) < 5);
}

static void equal_cohorts_differ_by_chance_only(void **state) {
    (void)state;
    enum { N = 400, TIMES = 60 };
    static turn_sections before[N], now[N];
    int wrong = 0;
    for (uint64_t i = 0; i < TIMES; i++) {
        cohort(before, N, false, 100 + i);
        cohort(now, N, false, 900 + i);
        turn_comparison c = compared(before, now, N);
        wrong += c.turn.low > 0 || c.turn.high < 0;
    }
    assert_true(wrong <= 9); /* 5 % of 60 is 3; 10 or more has probability 0.0006 */
}

/* Harrell and Davis (1982): for n = 3 and p = 1/2 the beta distribution is Beta(2, 2), so
 * the weights are 7/27, 13/27, 7/27. */
static void the_quantile_is_harrell_and_davis_s(void **state) {
    (void)state;
    turn_sections t[3] = {{{0}}};
    t[0].ms[TURN_ASR] = 9;
    t[1].ms[TURN_ASR] = 1;
    t[2].ms[TURN_ASR] = 2;
    char scratch[1024 * 64];
    assert_true(turn_scratch(3, 0) <= sizeof scratch);
    double q = turn_quantile(t, 3, TURN_STAGES, 0.5, scratch);
    assert_float_equal(q, (7 * 1 + 13 * 2 + 7 * 9) / 27.0, 1e-12);
}

static void a_cohort_too_small_for_its_quantile_is_refused(void **state) {
    (void)state;
    static turn_sections turns[100];
    cohort(turns, 100, false, 1);
    void *scratch = malloc(turn_scratch(100, 100));
    turn_comparison c;
    diag d = DIAG_INIT;
    assert_int_equal(turn_compare(turns, 100, turns, 99, 0.95, 1, scratch, &c, &d),
                     ERR_INVALID);
    assert_non_null(strstr(d.text, "now has 99 turns; 100 are needed"));
    assert_int_equal(turn_compare(turns, 100, turns, 100, 0.95, 1, scratch, &c, &d), OK);
    free(scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_are_cut_to_their_parent),
        cmocka_unit_test(children_that_touch_are_both_on_the_path),
        cmocka_unit_test(sections_are_disjoint_and_cover_the_root),
        cmocka_unit_test(broken_traces_are_refused),
        cmocka_unit_test(a_slower_turn_with_healthy_components_names_the_culprit),
        cmocka_unit_test(stages_that_became_slow_together_are_both_named),
        cmocka_unit_test(equal_cohorts_differ_by_chance_only),
        cmocka_unit_test(the_quantile_is_harrell_and_davis_s),
        cmocka_unit_test(a_cohort_too_small_for_its_quantile_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
