/* Lines of a file: none is lost, each knows its number, and none can fill the memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "records/lines.h"

static char path[64];

static lines *opened(const char *text, size_t n) {
    snprintf(path, sizeof path, "/tmp/lines-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t done = 0; done < n;) {
        ssize_t wrote = write(fd, text + done, n - done);
        assert_true(wrote > 0);
        done += (size_t)wrote;
    }
    close(fd);
    lines *l = NULL;
    diag d = DIAG_INIT;
    assert_int_equal(lines_open(path, &l, &d), OK);
    unlink(path);
    return l;
}

static void every_line_comes_with_its_number(void **state) {
    (void)state;
    static const char text[] = "one\r\n\nthree\nlast";
    static const char *const expected[] = {"one", "", "three", "last"};
    lines *l = opened(text, strlen(text));
    diag d = DIAG_INIT;
    const char *line;
    size_t n;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(lines_next(l, &line, &n, &d), OK);
        assert_string_equal(line, expected[i]);
        assert_int_equal(n, strlen(expected[i]));
        assert_int_equal(d.line, i + 1);
        assert_string_equal(d.file, path);
    }
    for (int i = 0; i < 2; i++) { /* the end stays the end */
        assert_int_equal(lines_next(l, &line, &n, &d), OK);
        assert_null(line);
    }
    lines_close(l);
}

static void a_byte_order_mark_is_no_part_of_the_first_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *first; /* NULL: the end */
    } rows[] = {
        {"\xEF\xBB\xBFtime,good\n\xEF\xBB\xBF", "time,good"},
        {"\xEF\xBB\xBF", NULL},
        {"\xEF\xBB", "\xEF\xBB"}, /* cut short: not a mark */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        lines *l = opened(rows[i].text, strlen(rows[i].text));
        diag d = DIAG_INIT;
        const char *line;
        size_t n;
        assert_int_equal(lines_next(l, &line, &n, &d), OK);
        if (rows[i].first)
            assert_string_equal(line, rows[i].first);
        else
            assert_null(line);
        lines_close(l);
    }
}

static void a_line_feed_at_the_end_adds_no_line(void **state) {
    (void)state;
    lines *l = opened("a\n", 2);
    diag d = DIAG_INIT;
    const char *line;
    size_t n;
    assert_int_equal(lines_next(l, &line, &n, &d), OK);
    assert_string_equal(line, "a");
    assert_int_equal(lines_next(l, &line, &n, &d), OK);
    assert_null(line);
    lines_close(l);
}

static void lines_across_pieces_stay_whole(void **state) {
    (void)state;
    enum { LINES = 3000, LONGEST = 257 };
    char *text = malloc((size_t)LINES * (LONGEST + 1));
    size_t size = 0;
    for (int i = 0; i < LINES; i++) {
        size_t length = (size_t)(i * 7) % LONGEST;
        memset(text + size, 'a' + i % 26, length);
        size += length;
        text[size++] = '\n';
    }
    lines *l = opened(text, size);
    diag d = DIAG_INIT;
    const char *line;
    size_t n;
    for (int i = 0; i < LINES; i++) {
        assert_int_equal(lines_next(l, &line, &n, &d), OK);
        assert_int_equal(n, (size_t)(i * 7) % LONGEST);
        for (size_t j = 0; j < n; j++)
            assert_int_equal(line[j], 'a' + i % 26);
    }
    lines_close(l);
    free(text);
}

static void a_line_of_1_mib_is_read_and_one_byte_more_is_refused(void **state) {
    (void)state;
    char *text = malloc(LINES_BYTES_MAX + 1);
    memset(text, 'x', LINES_BYTES_MAX + 1);
    for (int more = 0; more <= 1; more++) {
        lines *l = opened(text, LINES_BYTES_MAX + (size_t)more);
        diag d = DIAG_INIT;
        const char *line;
        size_t n;
        assert_int_equal(lines_next(l, &line, &n, &d), more ? ERR_LIMIT : OK);
        lines_close(l);
    }
    free(text);
}

static void a_zero_byte_and_a_missing_file_are_named(void **state) {
    (void)state;
    lines *l = opened("ok\na\0b\n", 7);
    diag d = DIAG_INIT;
    const char *line;
    size_t n;
    assert_int_equal(lines_next(l, &line, &n, &d), OK);
    assert_int_equal(lines_next(l, &line, &n, &d), ERR_SYNTAX);
    assert_int_equal(d.line, 2);
    lines_close(l);
    assert_int_equal(lines_open("/nonexistent/file", &l, &d), ERR_IO);
    assert_string_equal(d.file, "/nonexistent/file");
    assert_non_null(strstr(d.text, "No such file"));
    assert_int_equal(lines_open("/", &l, &d), OK); /* a folder opens, but does not read */
    assert_int_equal(lines_next(l, &line, &n, &d), ERR_IO);
    lines_close(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_comes_with_its_number),
        cmocka_unit_test(a_byte_order_mark_is_no_part_of_the_first_line),
        cmocka_unit_test(a_line_feed_at_the_end_adds_no_line),
        cmocka_unit_test(lines_across_pieces_stay_whole),
        cmocka_unit_test(a_line_of_1_mib_is_read_and_one_byte_more_is_refused),
        cmocka_unit_test(a_zero_byte_and_a_missing_file_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
