/* When a round is good, when N streams are, and which N is next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/bench_search.h"

#define TARGET_MS 700.0

/* n utterances of which `late` are over the target and `silent` never show a word; every
 * final has its second pass but `degraded`. */
static void fill(bench_round *r, unsigned n, unsigned late, unsigned silent,
                 unsigned degraded) {
    r->utterances = r->finals = n;
    r->degraded = degraded;
    for (unsigned i = 0; i < n - silent; i++)
        measure_add(&r->first_partial, i < late ? TARGET_MS + 1 : TARGET_MS);
}

static void a_round_is_good_when_its_p95_and_its_second_passes_are(void **state) {
    (void)state;
    static const struct {
        unsigned n, late, silent, degraded;
        bool good;
    } rows[] = {
        {20, 0, 0, 0, true},   /* exactly at the target is within it */
        {20, 1, 0, 0, true},   /* 95 % */
        {20, 2, 0, 0, false},  /* 90 % */
        {20, 0, 2, 0, false},  /* silence is late */
        {20, 1, 1, 0, false},  /* and adds up with it */
        {20, 0, 0, 1, true},   /* 95 % of second passes */
        {20, 0, 0, 2, false},  /* 90 % */
        {13, 1, 0, 0, false},  /* of few, none may be late */
        {0, 0, 0, 0, false},   /* nothing is not good */
        {100, 5, 0, 5, true},  /* each share by itself */
        {100, 6, 0, 0, false}, /* 94 % */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bench_round r = {0};
        fill(&r, rows[i].n, rows[i].late, rows[i].silent, rows[i].degraded);
        assert_int_equal(bench_round_good(&r, TARGET_MS), rows[i].good);
        bench_round_deinit(&r);
    }
}

static void the_median_round_decides(void **state) {
    (void)state;
    static const struct {
        unsigned rounds, n, bad_rounds, failed;
        bench_verdict verdict;
    } rows[] = {
        {3, 14, 0, 0, BENCH_GOOD},    /* */
        {3, 14, 1, 0, BENCH_GOOD},    /* one hiccup decides nothing */
        {3, 14, 2, 0, BENCH_BAD},     /* two do */
        {3, 14, 0, 1, BENCH_BAD},     /* a stream that broke does */
        {3, 6, 0, 0, BENCH_TOO_FEW},  /* 18 utterances */
        {3, 7, 0, 0, BENCH_GOOD},     /* 21 */
        {1, 19, 0, 0, BENCH_TOO_FEW}, /* */
        {1, 20, 0, 0, BENCH_GOOD},    /* */
        {2, 20, 1, 0, BENCH_BAD},     /* half is not most */
        {3, 6, 0, 1, BENCH_BAD},      /* broken is an answer at any number */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bench_run run = {.rounds = rows[i].rounds, .failed = rows[i].failed};
        for (unsigned k = 0; k < rows[i].rounds; k++)
            fill(&run.round[k], rows[i].n, k < rows[i].bad_rounds ? 3 : 0, 0, 0);
        assert_int_equal(bench_run_judge(&run, TARGET_MS), rows[i].verdict);
        bench_run_deinit(&run);
    }
}

static void an_utterance_counts_in_the_round_it_began_in(void **state) {
    (void)state;
    static const struct {
        double at_s;
        unsigned round;
    } rows[] = {
        {-0.1, 0}, /* a clock a moment behind */
        {0, 0},    /* */
        {9.99, 0}, /* */
        {10, 1},   /* */
        {29.9, 2}, /* */
        {31, 2},   /* begun at the very end */
    };
    bench_run run = {.rounds = 3, .round_s = 10};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_ptr_equal(bench_run_round(&run, rows[i].at_s), &run.round[rows[i].round]);
}

static void rounds_are_pooled(void **state) {
    (void)state;
    bench_run run = {.rounds = 2};
    bench_round all;
    fill(&run.round[0], 10, 1, 0, 1);
    fill(&run.round[1], 20, 0, 2, 0);
    fill(&run.round[2], 50, 50, 0, 0); /* not played */
    bench_run_pool(&run, &all);
    assert_int_equal(all.utterances, 30);
    assert_int_equal(all.finals, 30);
    assert_int_equal(all.degraded, 1);
    assert_int_equal(all.first_partial.n, 28);
    assert_float_equal(measure_quantile(&all.first_partial, 1), TARGET_MS + 1, 0.01);
    bench_round_deinit(&all);
    bench_run_deinit(&run);
}

static void the_search_doubles_and_then_halves(void **state) {
    (void)state;
    static const struct {
        unsigned good, bad, most, next;
    } rows[] = {
        {0, 0, 100, 1},    /* the first */
        {1, 0, 100, 2},    /* doubling */
        {64, 0, 100, 100}, /* up to the most */
        {100, 0, 100, 0},  /* all of them are good */
        {8, 16, 100, 12},  /* the middle */
        {12, 16, 100, 14}, /* */
        {14, 16, 100, 15}, /* one is left between */
        {15, 16, 100, 0},  /* neighbours: found */
        {0, 1, 100, 0},    /* not even one */
        {1, 2, 100, 0},    /* */
        {1, 0, 1, 0},      /* one was all that was asked for */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(bench_search_next(rows[i].good, rows[i].bad, rows[i].most),
                         rows[i].next);
}

static void few_streams_get_longer_rounds(void **state) {
    (void)state;
    const bench_goal goal = {.rounds = 3, .seconds = 10, .samples = 42};
    /* 42 utterances of 4 s in 3 rounds: 56 s a round of one stream */
    assert_float_equal(bench_search_round_s(&goal, 1, 4), 56, 1e-9);
    assert_float_equal(bench_search_round_s(&goal, 2, 4), 28, 1e-9);
    assert_float_equal(bench_search_round_s(&goal, 8, 4), 10, 1e-9);
}

/* A server that carries `limit` streams. */
static struct {
    unsigned limit, utterances, played[BENCH_RUNS_MAX];
    size_t n;
} fake;

static status play(void *context, bench_run *run, diag *d) {
    (void)context;
    (void)d;
    fake.played[fake.n++] = run->streams;
    for (unsigned i = 0; i < run->rounds; i++)
        fill(&run->round[i], fake.utterances,
             run->streams > fake.limit ? fake.utterances : 0, 0, 0);
    return OK;
}

static recording items[2] = {{.seconds = 2}, {.seconds = 4}};
static const recordings list = {.items = items, .n = 2};

static void the_limit_is_found(void **state) {
    (void)state;
    bench_goal goal = {.target_ms = TARGET_MS,
                       .most = 64,
                       .rounds = 1,
                       .seconds = 0.001,
                       .samples = 1,
                       .quiet = true,
                       .fixed = 5};
    static bench_found found;
    diag d = DIAG_INIT;
    fake.limit = 100;
    fake.utterances = BENCH_SAMPLES_MIN;
    fake.n = 0;
    assert_int_equal(bench_search(&goal, &list, play, NULL, &found, &d), OK);
    assert_int_equal(fake.n, 1); /* a fixed number is played once */
    assert_int_equal(fake.played[0], 5);
    assert_int_equal(found.best, 5);
    bench_found_deinit(&found);

    goal.fixed = 0;
    fake.n = 0;
    assert_int_equal(bench_search(&goal, &list, play, NULL, &found, &d), OK);
    assert_int_equal(found.best, 64);
    assert_int_equal(fake.n, 7); /* 1 2 4 8 16 32 64 */
    bench_found_deinit(&found);

    fake.limit = 1;
    fake.n = 0;
    assert_int_equal(bench_search(&goal, &list, play, NULL, &found, &d), OK);
    assert_int_equal(found.best, 1);
    assert_int_equal(fake.n, 2);
    bench_found_deinit(&found);
}

static void too_few_utterances_are_an_error_that_says_so(void **state) {
    (void)state;
    const bench_goal goal = {
        .target_ms = TARGET_MS, .most = 64, .rounds = 3, .samples = 1, .quiet = true};
    static bench_found found;
    diag d = DIAG_INIT;
    fake.utterances = 2;
    fake.limit = 100;
    fake.n = 0;
    assert_int_equal(bench_search(&goal, &list, play, NULL, &found, &d), ERR_STATE);
    assert_non_null(strstr(d.text, "6 utterances at 1 streams are too few"));
    bench_found_deinit(&found);
}

static void every_side_plays_the_same(void **state) {
    (void)state;
    bench_script a = bench_script_make(1, 3), b = bench_script_make(1, 3),
                 c = bench_script_make(1, 4);
    unsigned same = 0;
    assert_int_equal(a.delay_ms, b.delay_ms);
    assert_true(a.delay_ms < 2000);
    for (int i = 0; i < 64; i++) {
        const recording *played = bench_script_next(&a, &list);
        assert_ptr_equal(played, bench_script_next(&b, &list));
        same += played == bench_script_next(&c, &list);
    }
    assert_in_range(same, 1, 63); /* another stream has another order */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_is_good_when_its_p95_and_its_second_passes_are),
        cmocka_unit_test(the_median_round_decides),
        cmocka_unit_test(an_utterance_counts_in_the_round_it_began_in),
        cmocka_unit_test(rounds_are_pooled),
        cmocka_unit_test(the_search_doubles_and_then_halves),
        cmocka_unit_test(few_streams_get_longer_rounds),
        cmocka_unit_test(the_limit_is_found),
        cmocka_unit_test(too_few_utterances_are_an_error_that_says_so),
        cmocka_unit_test(every_side_plays_the_same),
    };
    return cmocka_run_group_tests_name("bench_search", tests, NULL, NULL);
}
