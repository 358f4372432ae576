/* Words find the command that is meant; help, completion and man page know all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/commands.h"
#include "conf/config.h"

/* A word of argv: writable, as main's are. */
#define W(text) ((char[]){text})

static int ran_argc;
static const char *ran_name;

static int run(int argc, char **argv, const command *self) {
    ran_argc = argc;
    ran_name = self->name;
    return argc > 1 && strcmp(argv[1], "no") == 0 ? EXIT_NO : EXIT_GOOD;
}

static const arg_option options[] = {
    {"model", ARG_TEXT, "NAME", 0, 0, "the model's name"},
    {"fast", ARG_FLAG, NULL, 0, 0, "quickly"},
};
static const command engine_list = {
    "engine list", "", "list engines", NULL, NULL, 0, run};
static const command engine_check = {
    "engine check", "[NAME]", "check one", ".dot\n  example", options, 2, run};
static const command try_files = {"try", "FILE...", "stream files", NULL, options,
                                  2,     run};
static const command *const items[] = {&engine_list, &engine_check, &try_files};
static const command_table table = {items, 3};

static void the_longest_run_of_words_is_the_command(void **state) {
    (void)state;
    const struct {
        char *words[3];
        int n;
        const command *found;
        int taken;
    } rows[] = {
        {{W("engine"), W("list"), W("x")}, 3, &engine_list, 2},
        {{W("engine"), W("check")}, 2, &engine_check, 2},
        {{W("try"), W("list")}, 2, &try_files, 1},
        {{W("engine")}, 1, NULL, 0},
        {{W("engine"), W("lis")}, 2, NULL, 0},
        {{W("engines"), W("list")}, 2, NULL, 0},
        {{W("nothing")}, 1, NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int taken = 0;
        assert_ptr_equal(commands_find(table, rows[i].n, rows[i].words, &taken),
                         rows[i].found);
        assert_int_equal(taken, rows[i].taken);
    }
}

static void an_unknown_command_names_the_nearest(void **state) {
    (void)state;
    const struct {
        char *words[2];
        int n;
        const char *has;
    } rows[] = {
        {{W("engine"), W("lsit")}, 2, "did you mean \"engine list\"?"},
        {{W("engnie"), W("check")}, 2, "did you mean \"engine check\"?"},
        {{W("tri")}, 1, "did you mean \"try\"?"},
        {{W("engine")}, 1, "needs a verb"},
        {{W("engine")}, 1, "rostrum engine check [NAME]"}, /* and lists its verbs */
        {{W("zzzzzzzzz")}, 1, "unknown command \"zzzzzzzzz\"\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf out;
        buf_init(&out, 4096);
        commands_unknown(table, rows[i].n, rows[i].words, &out);
        assert_non_null(strstr(buf_text(&out), rows[i].has));
        buf_deinit(&out);
    }
}

static void main_runs_it_and_returns_its_status(void **state) {
    (void)state;
    char *good[] = {W("rostrum"), W("engine"), W("check"), W("yes"), NULL};
    assert_int_equal(commands_main(table, 4, good), EXIT_GOOD);
    assert_string_equal(ran_name, "engine check");
    assert_int_equal(ran_argc, 2); /* argv[0] is the last word of its name */
    char *no[] = {W("rostrum"), W("try"), W("no"), NULL};
    assert_int_equal(commands_main(table, 3, no), EXIT_NO);
    char *unknown[] = {W("rostrum"), W("tyr"), NULL};
    assert_int_equal(commands_main(table, 2, unknown), EXIT_USAGE);
    char *nothing[] = {W("rostrum"), NULL};
    assert_int_equal(commands_main(table, 1, nothing), EXIT_USAGE);
}

static void asking_for_help_never_runs_a_command(void **state) {
    (void)state;
    ran_name = NULL;
    char *help[] = {W("rostrum"), W("try"), W("a.wav"), W("--help"), NULL};
    assert_int_equal(commands_main(table, 4, help), EXIT_GOOD);
    assert_null(ran_name);
    char *word[] = {W("rostrum"), W("try"), W("--"), W("--help"),
                    NULL}; /* here it is a file's name */
    assert_int_equal(commands_main(table, 4, word), EXIT_GOOD);
    assert_string_equal(ran_name, "try");
}

/* Writes text into a file and runs a shell's syntax check over it. */
static int syntax_check(const char *checker, const char *text) {
    char path[] = "/tmp/rostrum-syntax-XXXXXX", line[128];
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    snprintf(line, sizeof line, "%s %s", checker, path);
    int result = system(line);
    remove(path);
    return result;
}

static void completion_knows_each_word_and_flag(void **state) {
    (void)state;
    static const char *const shells[] = {"bash", "zsh", "fish"};
    for (size_t i = 0; i < 3; i++) {
        buf out;
        buf_init(&out, 1u << 16);
        assert_int_equal(completion_write(table, shells[i], &out, NULL), OK);
        const char *text = buf_text(&out);
        assert_non_null(strstr(text, "engine"));
        assert_non_null(strstr(text, "check"));
        assert_non_null(strstr(text, i == 2 ? "-l model -r" : "--model"));
        if (i == 0)
            assert_int_equal(syntax_check("bash -n", text), 0);
        if (i == 2) /* the apostrophe is quoted */
            assert_non_null(strstr(text, "'the model\\'s name'"));
        buf_deinit(&out);
    }
    diag d = DIAG_INIT;
    assert_int_equal(completion_write(table, "tcsh", NULL, &d), ERR_INVALID);
}

static void bash_completion_offers_what_fits(void **state) {
    (void)state;
    buf out;
    buf_init(&out, 1u << 16);
    assert_int_equal(completion_write(table, "bash", &out, NULL), OK);
    buf_add_text(&out, "ask() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _rostrum\n"
                       "  echo \"${COMPREPLY[*]}\"; }\n"
                       "[ \"$(ask rostrum '')\" = 'engine try' ] || exit 1\n"
                       "[ \"$(ask rostrum engine '')\" = 'list check' ] || exit 2\n"
                       "[ \"$(ask rostrum engine check --m)\" = '--model' ] || exit 3\n"
                       "[ \"$(ask rostrum try a.wav --f)\" = '--fast' ] || exit 4\n");
    assert_int_equal(syntax_check("bash", buf_text(&out)), 0);
    buf_deinit(&out);
}

static void the_man_page_escapes_what_roff_would_read(void **state) {
    (void)state;
    buf out;
    buf_init(&out, 1u << 16);
    man_write(table, &out);
    const char *text = buf_text(&out);
    assert_non_null(strstr(text, ".SS rostrum engine check [NAME]\n"));
    assert_non_null(strstr(text, "\n\\&.dot\n")); /* a dot that is text */
    assert_non_null(strstr(text, "\n.EX\n  example\n.EE\n"));
    assert_non_null(strstr(text, "\\fB\\-\\-model\\fR \\fINAME\\fR"));
    buf_deinit(&out);
}

static void a_table_of_settings_fits_the_limit_of_flags(void **state) {
    (void)state;
    assert_true(CONFIG_FLAGS < ARGS_VALUES_MAX);
    for (size_t i = 0; i < CONFIG_FLAGS; i++)
        assert_true(strlen(config_flags[i].name) < 60);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_run_of_words_is_the_command),
        cmocka_unit_test(an_unknown_command_names_the_nearest),
        cmocka_unit_test(main_runs_it_and_returns_its_status),
        cmocka_unit_test(asking_for_help_never_runs_a_command),
        cmocka_unit_test(completion_knows_each_word_and_flag),
        cmocka_unit_test(bash_completion_offers_what_fits),
        cmocka_unit_test(the_man_page_escapes_what_roff_would_read),
        cmocka_unit_test(a_table_of_settings_fits_the_limit_of_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
