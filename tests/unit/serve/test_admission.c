/* How many sessions, and when none. */
#include "serve/pool/admission.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"

static void
the_operator_goes_before_the_measurement_and_that_before_the_guess(void **state) {
    (void)state;
    static const struct {
        unsigned configured, calibrated, per_thread, most, threads;
        unsigned ask, guess;
        slots_source source;
    } rows[] = {
        {5, 20, 3, 0, 2, 5, 5, SLOTS_CONFIGURED},  /* his word stands for both */
        {0, 20, 3, 0, 2, 20, 6, SLOTS_CALIBRATED}, /* the guess stays as fallback */
        {0, 0, 3, 0, 2, 6, 6, SLOTS_GUESSED},
        {0, 0, 4, 8, 16, 8, 8, SLOTS_GUESSED}, /* memory a slot: a stated maximum */
        {0, 0, 200, 0, 64, LIMIT_WORKER_SLOTS, LIMIT_WORKER_SLOTS, SLOTS_GUESSED},
        {9999, 0, 1, 0, 1, LIMIT_WORKER_SLOTS, LIMIT_WORKER_SLOTS, SLOTS_CONFIGURED},
        {0, 9999, 1, 0, 1, LIMIT_WORKER_SLOTS, 1, SLOTS_CALIBRATED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        admission_plan plan =
            admission_choose(rows[i].configured, rows[i].calibrated, rows[i].per_thread,
                             rows[i].most, rows[i].threads);
        assert_int_equal(plan.ask, rows[i].ask);
        assert_int_equal(plan.guess, rows[i].guess);
        assert_int_equal(plan.source, rows[i].source);
    }
}

static const engine_load calm = {.pressure = 0.5f}, between = {.pressure = 1.2f},
                         pressed = {.pressure = 1.5f},
                         late = {.pressure = 0.5f, .late_permille = 101};

static void one_slow_moment_does_not_close_the_gate(void **state) {
    (void)state;
    admission_gate gate = {0};
    for (int i = 0; i < 5; i++) {
        assert_false(admission_report(&gate, &pressed));
        assert_false(admission_report(&gate, &calm));
    }
    assert_false(gate.closed);
}

static void two_bad_reports_close_it_and_four_good_ones_open_it(void **state) {
    (void)state;
    admission_gate gate = {0};
    assert_false(admission_report(&gate, &pressed));
    assert_true(admission_report(&gate, &late));
    assert_true(gate.closed);
    for (int i = 0; i < 3; i++)
        assert_false(admission_report(&gate, &calm));
    assert_false(admission_report(&gate, &between)); /* neither: starts again */
    for (int i = 0; i < 3; i++)
        assert_false(admission_report(&gate, &calm));
    assert_true(gate.closed);
    assert_true(admission_report(&gate, &calm));
    assert_false(gate.closed);
}

static void busy_cores_alone_do_not_close_it(void **state) {
    (void)state;
    admission_gate gate = {0};
    const engine_load busy = {.pressure = 1.0f, .queue_us = 3000000};
    for (int i = 0; i < 9; i++)
        assert_false(admission_report(&gate, &busy));
}

static void a_pressure_that_is_no_number_is_bad(void **state) {
    (void)state;
    admission_gate gate = {0};
    const engine_load broken = {.pressure = NAN};
    assert_false(admission_report(&gate, &broken));
    assert_true(admission_report(&gate, &broken));
}

static void retry_after_follows_the_lengths_of_sessions(void **state) {
    (void)state;
    static const struct {
        double session_ms;
        unsigned slots, expected;
    } rows[] = {
        {0, 4, 5},    /* nothing known yet */
        {8000, 4, 2}, /* one of four ends every 2 s */
        {8001, 4, 3}, /* never too early */
        {100, 4, 1},  /* at least a second */
        {1e9, 1, 60}, /* at most a minute */
        {NAN, 4, 5},  {8000, 0, 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(admission_retry_after_s(rows[i].session_ms, rows[i].slots),
                         rows[i].expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_operator_goes_before_the_measurement_and_that_before_the_guess),
        cmocka_unit_test(one_slow_moment_does_not_close_the_gate),
        cmocka_unit_test(two_bad_reports_close_it_and_four_good_ones_open_it),
        cmocka_unit_test(busy_cores_alone_do_not_close_it),
        cmocka_unit_test(a_pressure_that_is_no_number_is_bad),
        cmocka_unit_test(retry_after_follows_the_lengths_of_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
