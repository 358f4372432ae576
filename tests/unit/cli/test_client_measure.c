/* Percentiles by nearest rank, and words compared after normalisation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/client_measure.h"

static void percentiles_are_values_that_were_measured(void **state) {
    (void)state;
    measure m = {0};
    assert_float_equal(measure_quantile(&m, 0.5), -1, 0);
    for (int i = 20; i >= 1; i--)
        measure_add(&m, i * 10);
    static const struct {
        double q, want;
    } row[] = {{0, 10},     {0.05, 10},  {0.5, 100}, {0.51, 110},
               {0.95, 190}, {0.96, 200}, {1, 200}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        assert_float_equal(measure_quantile(&m, row[i].q), row[i].want, 0);
    measure_add(&m, 5); /* after a look: sorted again */
    assert_float_equal(measure_quantile(&m, 0), 5, 0);
    measure both = {0};
    measure_add_all(&both, &m);
    assert_int_equal(both.n, 21);
    measure_deinit(&both);
    measure_deinit(&m);
}

static void json_of_a_measure_holds_its_values_when_asked(void **state) {
    (void)state;
    measure m = {0};
    buf b;
    buf_init(&b, 4096);
    measure_json(&m, false, &b);
    assert_string_equal(buf_text(&b), "{\"n\":0}");
    measure_add(&m, 2);
    measure_add(&m, 1.5);
    buf_clear(&b);
    measure_json(&m, true, &b);
    assert_string_equal(buf_text(&b), "{\"n\":2,\"p50\":1.5,\"p90\":2.0,\"p95\":2.0,"
                                      "\"p99\":2.0,\"max\":2.0,\"values\":[1.5,2.0]}");
    buf_deinit(&b);
    measure_deinit(&m);
}

static void words_are_compared_without_case_punctuation_and_digits(void **state) {
    (void)state;
    static const struct {
        const char *reference, *hypothesis;
        uint64_t words, errors;
    } row[] = {
        {"Press 1, please.", "press one please", 3, 0},
        {"one two three", "one too three four", 3, 2},
        {"one", "", 1, 1},
        {"", "word", 0, 1},
        {"", "", 0, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        score_counts c;
        assert_int_equal(measure_words(row[i].reference, row[i].hypothesis, &c), OK);
        assert_int_equal(score_reference_words(&c), row[i].words);
        assert_int_equal(score_errors(&c), row[i].errors);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_values_that_were_measured),
        cmocka_unit_test(json_of_a_measure_holds_its_values_when_asked),
        cmocka_unit_test(words_are_compared_without_case_punctuation_and_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
