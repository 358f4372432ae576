/* What watching latency costs and finds: 10,000 comparisons of two equal arms with 40
 * looks each, and the observations it takes to catch three shifts. Latency is lognormal,
 * sigma 0.6; the figures to beat are those of a plain normal mixture. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "stats/rng.h"
#include "stats/sequence_mean.h"
#include "stats/sort.h"

enum { LOOKS = 40, STEP = 50 }; /* up to 2,000 observations an arm */

static const double sigma = 0.6;
static const double alpha = 0.05;

/* sum of the ln of STEP latencies is drawn one by one, as they would be folded */
static void fold(stats_moments *m, double shift, stats_rng *r) {
    for (int i = 0; i < STEP; i++)
        stats_moments_add(m, shift + sigma * stats_rng_normal(r));
}

/* Observations an arm at the first look that tells the arms apart; inf if none does. */
static double found_after(uint64_t seed, uint64_t run, double ratio,
                          const stats_watch *w) {
    stats_rng r = stats_rng_make(seed, run);
    stats_moments control = {0};
    stats_moments candidate = {0};
    for (int look = 1; look <= LOOKS; look++) {
        fold(&control, 0, &r);
        fold(&candidate, log(ratio), &r);
        if (stats_mean_difference_log_e(&control, &candidate, 0, w) >= -log(alpha))
            return look * STEP;
    }
    return INFINITY;
}

static void equal_arms_are_told_apart_less_often_than_alpha(void **state) {
    (void)state;
    const stats_side sides[] = {STATS_AT_LEAST, STATS_BOTH_SIDES};
    for (size_t side = 0; side < 2; side++) {
        stats_watch w = stats_watch_of(alpha, 250, sides[side]);
        int alarms = 0;
        int runs = sides[side] == STATS_AT_LEAST ? 10000 : 2000;
        for (int run = 0; run < runs; run++)
            alarms += found_after(21, (uint64_t)run, 1, &w) < INFINITY;
        print_message("%d A/A comparisons, %d looks, %s: %.2f %% false alarms\n", runs,
                      LOOKS, side == 0 ? "one-sided" : "two-sided",
                      100.0 * alarms / runs);
        assert_true(alarms <= alpha * runs);
        assert_true(alarms >= 0.005 * runs); /* a watch that never barks is no watch */
    }
}

static void shifts_are_caught_sooner_than_published(void **state) {
    (void)state;
    static const struct {
        double ratio, at_most;
    } rows[] = {
        {1.10, 1229}, /* published-style normal mixture, observations an arm, median */
        {1.20, 526},
        {1.35, 283},
    };
    enum { RUNS = 1001 };
    stats_watch w = stats_watch_of(alpha, 250, STATS_AT_LEAST);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double after[RUNS];
        for (uint64_t run = 0; run < RUNS; run++)
            after[run] = found_after(22 + i, run, rows[i].ratio, &w);
        stats_sort(after, RUNS);
        print_message("+%.0f %%: caught after %.0f observations an arm (median)\n",
                      100 * (rows[i].ratio - 1), after[RUNS / 2]);
        assert_true(after[RUNS / 2] <= 0.6 * rows[i].at_most);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_arms_are_told_apart_less_often_than_alpha),
        cmocka_unit_test(shifts_are_caught_sooner_than_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
