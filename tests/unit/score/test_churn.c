/* Churn: each measure moves when it should and by how much. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "score/churn.h"

typedef struct {
    double time_ms;
    const char *text;
    size_t committed;
    bool final;
} row;

static churn_utterance u;
static double lags[CHURN_WORDS_MAX];
static size_t n_lags;

static status take(const row *r, churn_counts *counts) {
    score_word words[64];
    size_t n = score_split(r->text, strlen(r->text), words, 64);
    churn_event e = {r->time_ms, words, n, r->committed, r->final};
    return churn_take(&u, &e, counts, lags, &n_lags);
}

static churn_counts take_all(const row *rows, size_t n) {
    churn_counts counts = {0};
    memset(&u, 0, sizeof u);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(take(&rows[i], &counts), OK);
    return counts;
}

static void growing_text_is_no_churn(void **state) {
    (void)state;
    static const row rows[] = {{100, "", 0, false},
                               {200, "turn", 0, false},
                               {400, "turn the lights", 1, false},
                               {900, "turn the lights off", 3, false},
                               {1200, "turn the lights off", 0, true}};
    churn_counts c = take_all(rows, 5);
    assert_int_equal(c.utterances, 1);
    assert_int_equal(c.partials, 4);
    assert_int_equal(c.finals, 1);
    assert_int_equal(c.rewrites, 0);
    assert_int_equal(c.unstable_words, 0);
    assert_int_equal(c.final_words, 4);
    assert_int_equal(c.violations + c.corrected, 0);
    assert_true(c.shown_ms == 1000); /* from the first word, not the first event */
    assert_true(churn_unstable_ratio(&c) == 0 && churn_rewrites_a_second(&c) == 0);
}

static void changed_words_count_from_the_first_difference_on(void **state) {
    (void)state;
    static const row rows[] = {
        {0, "turn the light", 0, false},
        {500, "turn a light of", 0, false},    /* the, light: 2 unstable */
        {1000, "turn a light", 0, false},      /* of is taken back: 1 */
        {1500, "turn a light off", 0, false},  /* only more */
        {2000, "turn the lights off", 0, true} /* a light off: 3 */
    };
    churn_counts c = take_all(rows, 5);
    assert_int_equal(c.rewrites, 3);
    assert_int_equal(c.unstable_words, 6);
    assert_float_equal(churn_unstable_ratio(&c), 6.0 / 4, 1e-12);
    assert_float_equal(churn_rewrites_a_second(&c), 1.5, 1e-12);
}

static void a_committed_word_may_change_in_the_final_only(void **state) {
    (void)state;
    static const row live[] = {{0, "turn the", 2, false}, {100, "turn a", 2, false}};
    churn_counts c = take_all(live, 2);
    assert_int_equal(c.violations, 1);
    assert_int_equal(c.corrected, 0);
    static const row last[] = {{0, "turn the", 2, false}, {100, "turn a", 0, true}};
    c = take_all(last, 2);
    assert_int_equal(c.violations, 0);
    assert_int_equal(c.corrected, 1);
    static const row shorter[] = {{0, "turn the", 2, false}, {100, "turn", 1, false}};
    c = take_all(shorter, 2);
    assert_int_equal(c.violations, 1);
    static const row behind[] = {{0, "turn the", 1, false}, {100, "turn a", 1, false}};
    c = take_all(behind, 2);
    assert_int_equal(c.violations, 0);
    /* after a violation only what is committed anew is */
    static const row anew[] = {
        {0, "turn the", 2, false}, {50, "turn a", 1, false}, {100, "turn b", 1, false}};
    c = take_all(anew, 3);
    assert_int_equal(c.violations, 1);
    /* what was committed stays so though a later event says less */
    static const row less[] = {
        {0, "turn the", 2, false}, {50, "turn the", 0, false}, {100, "turn a", 0, false}};
    c = take_all(less, 3);
    assert_int_equal(c.violations, 1);
}

static void commit_lag_runs_from_the_showing_to_the_commit(void **state) {
    (void)state;
    churn_counts c = {0};
    memset(&u, 0, sizeof u);
    assert_int_equal(take(&(row){100, "one too", 0, false}, &c), OK);
    assert_int_equal(n_lags, 0);
    assert_int_equal(take(&(row){300, "one two three", 1, false}, &c), OK);
    assert_int_equal(n_lags, 1);
    assert_true(lags[0] == 200);
    assert_int_equal(take(&(row){700, "one two three", 0, true}, &c), OK);
    assert_int_equal(n_lags, 2); /* two was new at 300, three as well */
    assert_true(lags[0] == 400 && lags[1] == 400);
}

static void events_that_cannot_be_change_nothing(void **state) {
    (void)state;
    static const struct {
        row event;
        status expected;
    } rows[] = {
        {{99, "one", 0, false}, ERR_INVALID},  /* time goes back */
        {{NAN, "one", 0, false}, ERR_INVALID}, /* no time */
        {{200, "one", 2, false}, ERR_INVALID}, /* more committed than shown */
    };
    churn_counts c = {0};
    memset(&u, 0, sizeof u);
    assert_int_equal(take(&(row){100, "one", 0, false}, &c), OK);
    churn_counts before = c;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(take(&rows[i].event, &c), rows[i].expected);
        assert_memory_equal(&before, &c, sizeof c);
    }
    static score_word many[CHURN_WORDS_MAX + 1];
    churn_event e = {.time_ms = 200, .words = many, .n = CHURN_WORDS_MAX + 1};
    assert_int_equal(churn_take(&u, &e, &c, lags, &n_lags), ERR_LIMIT);
    assert_int_equal(take(&(row){100, "one", 0, true}, &c), OK);
    assert_int_equal(take(&(row){300, "one", 0, false}, &c), ERR_STATE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growing_text_is_no_churn),
        cmocka_unit_test(changed_words_count_from_the_first_difference_on),
        cmocka_unit_test(a_committed_word_may_change_in_the_final_only),
        cmocka_unit_test(commit_lag_runs_from_the_showing_to_the_commit),
        cmocka_unit_test(events_that_cannot_be_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
