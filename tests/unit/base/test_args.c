/* One table is the parser and the help, and a slip of the fingers is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/args.h"

static const arg_option options[] = {
    {"model", ARG_TEXT, "NAME", 0, 0, "model to use"},
    {"count", ARG_INT, "N", 1, 10, "how many"},
    {"ratio", ARG_NUMBER, "X", 0, 1, "share"},
    {"free", ARG_NUMBER, "X", 0, 0, "any number"},
    {"realtime", ARG_FLAG, NULL, 0, 0, "at the pace of speech"},
    {"server.max_conns", ARG_TEXT, "TEXT", 0, 0, "a setting's path"},
};
static const command files = {"try", "FILE...", "streams files",
                              NULL,  options,   sizeof options / sizeof options[0],
                              NULL};
static const command bare = {"version", "", "prints the version", NULL, NULL, 0, NULL};

/* Splits line at blanks and parses it as the arguments after the command's name. */
static status parse(const command *c, const char *line, args *out, diag *d) {
    static char words[512];
    static char *argv[32];
    int argc = 0;
    snprintf(words, sizeof words, "name %s", line);
    char *rest = NULL;
    for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
        argv[argc++] = w;
    return args_parse(c, argc, argv, out, d);
}

static void flags_and_words_may_mix(void **state) {
    (void)state;
    args a;
    assert_int_equal(
        parse(&files, "a.wav --model tiny b.wav --count=3 --realtime -- --x", &a, NULL),
        OK);
    assert_int_equal(a.n_positional, 3);
    assert_string_equal(a.positional[0], "a.wav");
    assert_string_equal(a.positional[1], "b.wav");
    assert_string_equal(a.positional[2], "--x");
    assert_string_equal(args_text(&a, "model", "none"), "tiny");
    assert_true(args_number(&a, "count", 0) == 3);
    assert_true(args_has(&a, "realtime"));
    assert_false(args_has(&a, "ratio"));
    assert_true(args_number(&a, "ratio", 0.5) == 0.5);
    assert_false(a.json);
}

static void the_last_of_a_repeated_flag_wins_and_all_are_kept(void **state) {
    (void)state;
    args a;
    assert_int_equal(parse(&files, "--model a --model b", &a, NULL), OK);
    assert_string_equal(args_text(&a, "model", NULL), "b");
    assert_int_equal(a.n_values, 2);
}

static void dots_and_underscores_of_a_setting_are_typed_as_dashes(void **state) {
    (void)state;
    args a;
    assert_int_equal(parse(&files, "--server-max-conns 5", &a, NULL), OK);
    assert_string_equal(args_text(&a, "server.max_conns", NULL), "5");
}

static void every_command_knows_help_and_json(void **state) {
    (void)state;
    args a;
    assert_int_equal(parse(&bare, "--json", &a, NULL), OK);
    assert_true(a.json);
    assert_int_equal(parse(&bare, "-h", &a, NULL), OK);
    assert_true(a.help);
    assert_int_equal(parse(&bare, "anything --help", &a, NULL), OK);
    assert_true(a.help);
}

static void a_wrong_line_says_which_flag_and_what_would_be_right(void **state) {
    (void)state;
    static const struct {
        const command *of;
        const char *line, *field, *text;
    } rows[] = {
        {&files, "--modle x", "--modle", "did you mean --model?"},
        {&files, "--modle=x", "--modle", "did you mean --model?"},
        {&files, "--zzzzzzz", "--zzzzzzz", "see --help"},
        {&files, "-m", "-m", "unknown flag"}, /* long flags only */
        {&files, "--model", "--model", "needs a value: NAME"},
        {&files, "--realtime=yes", "--realtime", "takes no value"},
        {&files, "--count 0", "--count", "from 1 to 10"},
        {&files, "--count 11", "--count", "from 1 to 10"},
        {&files, "--count 2.5", "--count", "whole number"},
        {&files, "--count 3x", "--count", "needs a number"},
        {&files, "--count=", "--count", "needs a number"},
        {&files, "--ratio nan", "--ratio", "needs a number"}, /* NaN fails every check */
        {&files, "--ratio inf", "--ratio", "needs a number"},
        {&files, "--ratio 1.01", "--ratio", "from 0 to 1"},
        {&bare, "extra", "extra", "no arguments"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        args a = {.n_values = 77};
        diag d = DIAG_INIT;
        assert_int_equal(parse(rows[i].of, rows[i].line, &a, &d), ERR_INVALID);
        assert_string_equal(d.field, rows[i].field);
        assert_non_null(strstr(d.text, rows[i].text));
        assert_int_equal(a.n_values, 77); /* untouched on failure */
    }
}

static void a_number_without_a_range_may_be_any(void **state) {
    (void)state;
    args a;
    assert_int_equal(parse(&files, "--free -3e5", &a, NULL), OK);
    assert_true(args_number(&a, "free", 0) == -3e5);
}

static void too_many_flags_are_refused(void **state) {
    (void)state;
    static char *argv[ARGS_VALUES_MAX + 2];
    static char name[] = "name", flag[] = "--realtime";
    argv[0] = name;
    for (int i = 1; i < ARGS_VALUES_MAX + 2; i++)
        argv[i] = flag;
    args a;
    assert_int_equal(args_parse(&files, ARGS_VALUES_MAX + 1, argv, &a, NULL), OK);
    assert_int_equal(args_parse(&files, ARGS_VALUES_MAX + 2, argv, &a, NULL), ERR_LIMIT);
}

static void the_help_wraps_words_and_keeps_examples(void **state) {
    (void)state;
    const command c = {.name = "try",
                       .positional = "FILE...",
                       .summary = "streams",
                       .details =
                           "One two three four five six seven eight nine ten eleven "
                           "twelve thirteen fourteen.\nExample:\n"
                           "    rostrum try    a.wav\nDone.\n\nSecond.",
                       .options = options,
                       .n_options = 2};
    buf out;
    buf_init(&out, 4096);
    args_usage(&c, &out);
    const char *text = buf_text(&out);
    assert_ptr_equal(strstr(text, "usage: rostrum try [flags] FILE...\n\nstreams\n\n"),
                     text);
    assert_non_null(strstr(text,
                           "twelve thirteen\nfourteen. Example:\n"
                           "    rostrum try    a.wav\nDone.\n\nSecond.\n\nflags:\n"));
    assert_non_null(strstr(text, "  --model NAME              model to use\n"));
    assert_non_null(strstr(text, "  --help  "));
    buf_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_and_words_may_mix),
        cmocka_unit_test(the_last_of_a_repeated_flag_wins_and_all_are_kept),
        cmocka_unit_test(dots_and_underscores_of_a_setting_are_typed_as_dashes),
        cmocka_unit_test(every_command_knows_help_and_json),
        cmocka_unit_test(a_wrong_line_says_which_flag_and_what_would_be_right),
        cmocka_unit_test(a_number_without_a_range_may_be_any),
        cmocka_unit_test(too_many_flags_are_refused),
        cmocka_unit_test(the_help_wraps_words_and_keeps_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
