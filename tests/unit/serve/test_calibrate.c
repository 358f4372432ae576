/* How the search for capacity goes on, without a worker. */
#include "serve/registry/calibrate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_level_passes_only_within_every_limit(void **state) {
    (void)state;
    const trial_level quick = {.partials = 6, .first_partial_ms = 500};
    const trial_level tiny = {.partials = 6, .first_partial_ms = 100};
    const trial_level tone = {.partials = 0}; /* nothing to time */
    static const struct {
        trial_level level;
        bool passes;
    } rows[] = {
        {{.partials = 9, .first_partial_ms = 600}, true}, /* 1.2 x: still within */
        {{.partials = 9, .first_partial_ms = 601}, false},
        {{.partials = 0}, false}, /* nobody got a word */
        {{.partials = 9, .first_partial_ms = 500, .late = 0.031}, false},
        {{.partials = 9, .first_partial_ms = 500, .pressure = 1.01}, false},
        {{.partials = 9, .first_partial_ms = 500, .behind = true}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(calibrate_passes(&quick, &rows[i].level), rows[i].passes);
    const trial_level near = {.partials = 9, .first_partial_ms = 150};
    assert_true(calibrate_passes(&tiny, &near)); /* 50 ms are noise */
    const trial_level calm = {.pressure = 0.5};
    assert_true(calibrate_passes(&tone, &calm));
}

/* Plays the search against a machine that sustains `truth`; returns what it finds. */
static unsigned found(unsigned truth, unsigned predicted, unsigned most,
                      unsigned *steps) {
    unsigned best = 0, worst = 0, n;
    *steps = 0;
    while ((n = calibrate_next(best, worst, predicted, most)) > 0) {
        assert_in_range(n, 1, most);
        if (n <= truth)
            best = n;
        else
            worst = n;
        assert_true(++*steps < 20); /* it ends */
    }
    return best;
}

static void the_search_ends_near_the_truth_and_never_above_it(void **state) {
    (void)state;
    for (unsigned truth = 1; truth <= 100; truth++)
        for (unsigned predicted = 1; predicted <= 100; predicted += 9) {
            unsigned steps;
            unsigned n = found(truth, predicted, 96, &steps);
            unsigned reachable = truth < 96 ? truth : 96;
            assert_true(n <= reachable);
            assert_true(n * 11 + 10 >= reachable * 10); /* within a tenth */
        }
}

static void a_machine_that_sustains_nothing_is_found_out(void **state) {
    (void)state;
    unsigned steps;
    assert_int_equal(found(0, 8, 96, &steps), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_passes_only_within_every_limit),
        cmocka_unit_test(the_search_ends_near_the_truth_and_never_above_it),
        cmocka_unit_test(a_machine_that_sustains_nothing_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
