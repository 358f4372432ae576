/* What `rostrum try` shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/try_report.h"

#define HEAD "\r\033[2K> \033[1m"
#define MIDDLE "\033[0m\033[2m"
#define TAIL "\033[0m"

static void the_live_line_marks_what_is_committed_and_keeps_its_end(void **state) {
    (void)state;
    static const struct {
        const char *before, *committed, *tentative;
        unsigned width;
        const char *want;
    } row[] = {
        {"", "", "one", 80, HEAD MIDDLE "one" TAIL},
        {"", "one", "two", 80, HEAD "one" MIDDLE " two" TAIL},
        {"zero", "one", "two", 80, HEAD "zero one" MIDDLE " two" TAIL},
        {"zero", "", "two", 80, HEAD "zero" MIDDLE " two" TAIL},
        {"zero", "one", "two", 11, HEAD " one" MIDDLE " two" TAIL},
        {"", "one", "two", 6, HEAD MIDDLE "two" TAIL},
        {"", "", "\xc3\xa4\xc3\xb6\xc3\xbc", 5, HEAD MIDDLE "\xc3\xb6\xc3\xbc" TAIL},
        {"", "one", "two", 0, HEAD MIDDLE "o" TAIL},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        buf b;
        buf_init(&b, 4096);
        try_live_line(row[i].before, row[i].committed, row[i].tentative, row[i].width,
                      &b);
        assert_string_equal(buf_text(&b), row[i].want);
        buf_deinit(&b);
    }
}

static char ids[3][2] = {"a", "b", "c"};
static char references[3][16] = {"one two", "three four", "five"};
static recording played[] = {
    {.id = ids[0], .half = "eval", .reference = references[0], .seconds = 1},
    {.id = ids[1], .half = "held", .reference = references[1], .seconds = 2},
    {.id = ids[2], .half = "held", .reference = references[2], .seconds = 3},
};

static void make_files(try_file *files) {
    static char text_a[] = "one two", text_b[] = "";
    files[0] = (try_file){.played = &played[0],
                          .text = text_a,
                          .words = {.correct = 2},
                          .result = {.first_partial_ms = 400, .final_ms = 600}};
    files[1] = (try_file){
        .played = &played[1],
        .text = text_b,
        .words = {.deletions = 2},
        .result = {
            .first_partial_ms = -1, .final_ms = 800, .corrected = 1, .violations = 2}};
    files[2] = (try_file){.played = &played[2]};
    (void)diag_set(&files[2].why, ERR_LOST, "the server went");
}

static void totals_are_kept_apart_by_half(void **state) {
    (void)state;
    try_file files[3];
    make_files(files);
    try_totals held = {0}, all = {0};
    try_totals_add(&held, files, 3, "held");
    try_totals_add(&all, files, 3, "");
    assert_int_equal(held.files, 2);
    assert_int_equal(held.failed, 1);
    assert_int_equal(held.empty, 1);
    assert_int_equal(held.violations, 2);
    assert_int_equal(held.corrected, 1);
    assert_float_equal(score_wer(&held.words), 1, 0);
    assert_int_equal(all.files, 3);
    assert_float_equal(score_wer(&all.words), 0.5, 0);
    assert_int_equal(all.first_partial.n, 1);
    assert_float_equal(measure_quantile(&all.final, 1), 800, 0);
    try_totals_deinit(&held);
    try_totals_deinit(&all);
}

static void the_table_shows_each_file_and_each_half(void **state) {
    (void)state;
    try_file files[3];
    make_files(files);
    buf b;
    buf_init(&b, 65536);
    try_print_table(files, 3, true, &b);
    const char *text = buf_text(&b);
    assert_non_null(strstr(text, "failed: the server went"));
    assert_non_null(strstr(text, "eval: 1 files, 1 s, WER 0.00 % (0 of 2 words)"));
    assert_non_null(strstr(text, "held: 2 files, 5 s, WER 100.00 % (2 of 2 words)"));
    assert_non_null(strstr(text, "all: 3 files, 6 s, WER 50.00 % (2 of 4 words)"));
    assert_non_null(strstr(text, "empty finals 1, committed-prefix violations 2"));
    buf_clear(&b);
    try_print_json(files, 3, true, &b);
    text = buf_text(&b);
    assert_non_null(strstr(text, "\"error\":{\"code\":\"worker_lost\""));
    assert_non_null(strstr(text, "\"first_partial_ms\":null"));
    assert_non_null(strstr(text, "\"all\":{\"files\":3,\"failed\":1"));
    buf_deinit(&b);
}

static void one_file_is_shown_in_full(void **state) {
    (void)state;
    try_file files[3];
    make_files(files);
    buf b;
    buf_init(&b, 65536);
    try_print_file(&files[0], true, false, &b);
    const char *text = buf_text(&b);
    assert_non_null(strstr(text, "final      one two\n"));
    assert_non_null(strstr(text, "reference  one two\n"));
    assert_non_null(strstr(text, "WER        0.0 %"));
    assert_non_null(strstr(text,
                           "speech -> 400 ms -> first partial | end of speech -> 600 "
                           "ms -> final"));
    buf_clear(&b);
    try_print_file(&files[2], true, false, &b);
    assert_non_null(strstr(buf_text(&b), "failed: the server went"));
    buf_deinit(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_live_line_marks_what_is_committed_and_keeps_its_end),
        cmocka_unit_test(totals_are_kept_apart_by_half),
        cmocka_unit_test(the_table_shows_each_file_and_each_half),
        cmocka_unit_test(one_file_is_shown_in_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
