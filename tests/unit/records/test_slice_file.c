/* Tables of slices: both shapes, and what is refused with its line and column. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "records/csv.h"
#include "records/slice_file.h"

static void fields_are_cut_and_unquoted(void **state) {
    (void)state;
    static const struct {
        const char *line;
        size_t n;
        const char *fields[4];
    } rows[] = {
        {"a,b", 2, {"a", "b"}},
        {"", 1, {""}},
        {"a,,", 3, {"a", "", ""}},
        {"\"a,b\",c", 2, {"a,b", "c"}},
        {"\"say \"\"hi\"\"\",\"\"", 2, {"say \"hi\"", ""}},
        {"a b\"c,d", 2, {"a b\"c", "d"}}, /* a quote inside a plain field stays */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[64], *fields[CSV_FIELDS_MAX];
        size_t n = 0;
        diag d = DIAG_INIT;
        snprintf(line, sizeof line, "%s", rows[i].line);
        assert_int_equal(csv_split(line, strlen(line), fields, &n, &d), OK);
        assert_int_equal(n, rows[i].n);
        for (size_t f = 0; f < n; f++)
            assert_string_equal(fields[f], rows[i].fields[f]);
    }
}

static void broken_quotes_name_their_column(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int column;
    } rows[] = {{"a,\"b", 3}, {"\"a\"b,c", 4}};
    for (size_t i = 0; i < 2; i++) {
        char line[64], *fields[CSV_FIELDS_MAX];
        size_t n = 0;
        diag d = DIAG_INIT;
        snprintf(line, sizeof line, "%s", rows[i].line);
        assert_int_equal(csv_split(line, strlen(line), fields, &n, &d), ERR_SYNTAX);
        assert_int_equal(d.column, rows[i].column);
    }
}

static status read_text(const char *text, slice_columns columns, slice_file **out,
                        diag *d) {
    char path[] = "/tmp/slice-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    status s = slice_file_read(path, &columns, out, d);
    unlink(path);
    return s;
}

static void a_wide_table_is_read_and_equal_rows_are_added(void **state) {
    (void)state;
    slice_file *f = NULL;
    diag d = DIAG_INIT;
    assert_int_equal(read_text("region,mic,real,predict\n"
                               "eu,near,5,4\n"
                               "us,far,7,8\n"
                               "eu,near,1,0.5\n",
                               (slice_columns){0}, &f, &d),
                     OK);
    assert_int_equal(f->rows, 2);
    assert_int_equal(f->attributes, 2);
    assert_false(f->ratio);
    assert_string_equal(f->names[1], "mic");
    assert_string_equal(f->value_names[1][1], "far");
    assert_float_equal(f->top_before[0], 4.5, 0);
    assert_float_equal(f->top_now[0], 6, 0);
    slice_file_free(f);
}

static void a_long_table_is_turned_by_its_cohorts(void **state) {
    (void)state;
    slice_columns columns = {
        .cohort = "arm", .before = "old", .now = "new", .measure = "err/words"};
    slice_file *f = NULL;
    diag d = DIAG_INIT;
    assert_int_equal(read_text("arm,region,err,words\n"
                               "old,eu,3,100\n"
                               "new,eu,9,110\n"
                               "third,eu,50,50\n" /* another cohort */
                               "new,us,1,10\n",
                               columns, &f, &d),
                     OK);
    assert_int_equal(f->rows, 2);
    assert_true(f->ratio);
    assert_float_equal(f->top_before[0], 3, 0);
    assert_float_equal(f->bottom_now[0], 110, 0);
    assert_float_equal(f->bottom_before[1], 0, 0);
    slice_file_free(f);
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    static const struct {
        const char *text;
        slice_columns columns;
        int line;
        const char *field, *says;
    } rows[] = {
        {"", {0}, 1, "", "empty"},
        {"a,b\nx,1\n", {0}, 1, "--before", "which columns"},
        {"a,before\nx,1\n", {.before = "before"}, 1, "--now", "missing"},
        {"a,before,now\nx,1\n", {0}, 2, "", "2 fields"},
        {"a,before,now\nx,1,two\n", {0}, 2, "now", "\"two\" is not a number"},
        {"a,before,now\nx,1,2\ny,-1,2\n", {0}, 3, "before", "from 0 to 1e+15"},
        {"a,before,now\nx,0x10,2\n", {0}, 2, "before", "not a number"}, /* 16? no */
        {"a,before,now\nx,1,1e308\n", {0}, 2, "now", "from 0 to 1e+15"},
        {"a,before,now\nx,inf,2\n", {0}, 2, "before", "not a number"},
        {"a,before,now\nx,nan,2\n", {0}, 2, "before", "not a number"},
        {"a,a,now\n", {0}, 1, "a", "two columns"},
        {"a,bevore,now\n", {.before = "before", .now = "now"}, 1, "--before", "bevore"},
        {"a,b,c,now\n", {.before = "b/c", .now = "now"}, 1, "--now", "ratio"},
        {"before,now\n1,2\n", {0}, 1, "", "no column is left"},
        {"a,before,now\n", {.attributes = "b"}, 1, "--attributes", "no column \"b\""},
        {"arm,a,m\n", {.cohort = "arm"}, 1, "--cohort", "--measure"},
        {"arm,a,m\n",
         {.cohort = "arm", .measure = "m", .before = "x", .now = "x"},
         1,
         "--now",
         "same cohort"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        slice_file *f = NULL;
        diag d = DIAG_INIT;
        assert_int_not_equal(read_text(rows[i].text, rows[i].columns, &f, &d), OK);
        assert_null(f);
        assert_int_equal(d.line, rows[i].line);
        assert_string_equal(d.field, rows[i].field);
        assert_non_null(strstr(d.text, rows[i].says));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_cut_and_unquoted),
        cmocka_unit_test(broken_quotes_name_their_column),
        cmocka_unit_test(a_wide_table_is_read_and_equal_rows_are_added),
        cmocka_unit_test(a_long_table_is_turned_by_its_cohorts),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
