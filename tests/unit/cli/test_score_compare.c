/* `rostrum score compare` from files to exit status, and which p-values are adjusted with
 * which. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/score.h"
#include "cli/score_compare.h"

static char folder[] = "/tmp/score-compare-XXXXXX";

static const char *place(const char *name) {
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* 12 speakers, 4 utterances of 10 words each, every second in the street. Errors of a
 * speaker vary a little; `quiet` and `street` are the least of them. */
static void write_system(const char *name, int quiet, int street, bool speakers) {
    FILE *f = fopen(place(name), "w");
    assert_non_null(f);
    unsigned draw = (unsigned)(quiet * 16 + street);
    for (int i = 0; i < 48; i++) {
        draw = draw * 1103515245 + 12345; /* systems differ in whom they fail */
        int speaker = i / 4, errors = (i % 2 ? street : quiet) + (int)(draw >> 16) % 3;
        fprintf(f, "{\"id\":\"%d\",", i);
        if (speakers)
            fprintf(f, "\"speaker\":\"s%d\",", speaker);
        fprintf(f, "\"noise\":\"%s\",\"ref\":\"a b c d e f g h i j\",\"hyp\":\"",
                i % 2 ? "street" : "quiet");
        for (int w = 0; w < 10; w++)
            fprintf(f, "%s%c", w ? " " : "", w < errors ? 'x' : 'a' + w);
        fprintf(f, "\"}\n");
    }
    fclose(f);
}

static int write_files(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    write_system("a.jsonl", 3, 3, true);
    write_system("better.jsonl", 1, 2, true);
    write_system("worse.jsonl", 5, 4, true);
    write_system("street.jsonl", 0, 4, true); /* better, at the expense of the street */
    write_system("nobody.jsonl", 1, 2, false);
    FILE *f = fopen(place("short.jsonl"), "w");
    fprintf(f, "{\"id\":\"0\",\"ref\":\"a b c d e f g h i j\",\"hyp\":\"\"}\n");
    fclose(f);
    return 0;
}

static int remove_files(void **state) {
    (void)state;
    static const char *const names[] = {"a.jsonl",      "better.jsonl", "worse.jsonl",
                                        "street.jsonl", "nobody.jsonl", "short.jsonl",
                                        "out"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(place(names[i]));
    return rmdir(folder);
}

/* Runs with standard output and error in a file; its text goes to out[size]. */
static int run(const char *line, char *out, size_t size) {
    char words[16][128], *argv[17] = {NULL};
    int argc = 0;
    char copy[256];
    snprintf(copy, sizeof copy, "compare %s", line);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " ")) {
        bool file = strchr(at, '.') != NULL;
        snprintf(words[argc], sizeof words[0], "%s", file ? place(at) : at);
        argv[argc] = words[argc];
        argc++;
    }
    fflush(stdout);
    fflush(stderr);
    int kept[] = {dup(1), dup(2)};
    FILE *f = fopen(place("out"), "w+");
    assert_non_null(f);
    dup2(fileno(f), 1);
    dup2(fileno(f), 2);
    int status_of_run = score_compare_command.run(argc, argv, &score_compare_command);
    fflush(stdout);
    fflush(stderr);
    dup2(kept[0], 1);
    dup2(kept[1], 2);
    close(kept[0]);
    close(kept[1]);
    rewind(f);
    out[fread(out, 1, size - 1, f)] = '\0';
    fclose(f);
    return status_of_run;
}

static void the_exit_status_says_whether_b_is_worse(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int exit;
        const char *says;
    } rows[] = {
        {"a.jsonl better.jsonl", 0, "B is better, p 0.0"},
        {"a.jsonl worse.jsonl", 1, "B is worse, p 0.0"},
        {"a.jsonl a.jsonl", 0, "all speakers differ by the same, nothing"},
        /* better in all, worse in the street: only a protected slice stops it */
        {"a.jsonl street.jsonl --by noise", 0, "B is better, p 0.0"},
        {"a.jsonl street.jsonl --protected noise=street", 1,
         "B is worse on noise=street, which is protected"},
        {"a.jsonl street.jsonl --protected noise=quiet --by noise", 0,
         "B is better on noise=quiet, which is protected"},
        {"a.jsonl better.jsonl --unit utterance", 0, "too narrow: utterances of one"},
        {"nobody.jsonl a.jsonl", 1, "too narrow where one speaker has several"},
        {"a.jsonl better.jsonl --by speaker", 0, "speaker=s7"},
        {"a.jsonl better.jsonl --json", 0, "\"verdict\":\"b_better\""},
        /* both files by flags */
        {"--ref a.jsonl --hyp-a a.jsonl --hyp-b worse.jsonl", 1, "B is worse"},
        /* bad input */
        {"a.jsonl", 2, "give two .jsonl files"},
        {"a.jsonl short.jsonl", 2, "is missing"},
        {"short.jsonl a.jsonl", 2, "a.jsonl:2: id: 1 is not in"},
        {"--ref a.jsonl --hyp-a a.jsonl", 2, "--hyp-b"},
        {"a.jsonl -", 2, "standard input"},
        {"nobody.jsonl a.jsonl --unit speaker", 2, "nobody.jsonl:1: speaker: 0 has none"},
        {"a.jsonl better.jsonl --protected noise", 2, "ATTR=VALUE"},
        {"a.jsonl better.jsonl --protected noise=steet", 2, "did you mean noise=street?"},
        {"a.jsonl better.jsonl --protected color=red", 2, "attribute \"color\""},
        {"a.jsonl better.jsonl --by color", 2, "--by: no utterance has"},
        {"a.jsonl better.jsonl --unit word", 2, "neither speaker nor utterance"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[1 << 16];
        int got = run(rows[i].line, out, sizeof out);
        if (got != rows[i].exit || !strstr(out, rows[i].says))
            fail_msg("%s: exit %d, expected %d with \"%s\":\n%s", rows[i].line, got,
                     rows[i].exit, rows[i].says, out);
    }
}

static void the_same_input_gives_the_same_bytes(void **state) {
    (void)state;
    static char one[1 << 16], two[1 << 16];
    assert_int_equal(run("a.jsonl street.jsonl --by noise --json", one, sizeof one), 0);
    assert_int_equal(run("a.jsonl street.jsonl --by noise --json", two, sizeof two), 0);
    assert_string_equal(one, two);
    assert_int_equal(
        run("a.jsonl street.jsonl --by noise --json --seed 2", two, sizeof two), 0);
    assert_string_not_equal(one, two);
}

static compare_row row_of(compare_role role, double p, double estimate, size_t blocks) {
    return (compare_row){.role = role,
                         .p = p,
                         .blocks = blocks,
                         .result.absolute = {.estimate = estimate}};
}

static void protected_and_explored_slices_are_adjusted_apart(void **state) {
    (void)state;
    compare_row all = row_of(COMPARE_OVERALL, 0.04, -1, 20);
    compare_row rows[] = {
        row_of(COMPARE_PROTECTED, 0.02, 1, 20), row_of(COMPARE_EXPLORED, 0.02, 1, 20),
        row_of(COMPARE_PROTECTED, 0.03, 1, 20), row_of(COMPARE_EXPLORED, 0.03, 1, 20),
        row_of(COMPARE_EXPLORED, 0.9, 1, 3), /* too small to be asked */
        row_of(COMPARE_EXPLORED, 0.6, 1, 20)};
    /* Holm: 2 * 0.02, then at least that. BH of 3: 0.03 * 3 / 2 for both small ones. */
    static const double expected[] = {0.04, 0.045, 0.04, 0.045, 0.9, 0.6};
    compare_result r = {.n_tables = 2};
    r.tables[0] = (compare_table){.rows = &all, .n_rows = 1};
    r.tables[1] = (compare_table){.rows = rows, .n_rows = 6};
    assert_int_equal(compare_adjust(&r), OK);
    for (size_t i = 0; i < 6; i++)
        assert_true(fabs(rows[i].p - expected[i]) < 1e-12);
    assert_true(all.p == 0.04 && all.verdict == SCORE_B_BETTER);
    assert_int_equal(rows[0].verdict, SCORE_B_WORSE);
    assert_int_equal(rows[5].verdict, SCORE_NO_DIFFERENCE);
    assert_true(compare_is_worse(&r));
    rows[0].role = rows[2].role = COMPARE_EXPLORED;
    assert_false(compare_is_worse(&r));
    all.verdict = SCORE_B_WORSE;
    assert_true(compare_is_worse(&r));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_says_whether_b_is_worse),
        cmocka_unit_test(the_same_input_gives_the_same_bytes),
        cmocka_unit_test(protected_and_explored_slices_are_adjusted_apart),
    };
    return cmocka_run_group_tests(tests, write_files, remove_files);
}
