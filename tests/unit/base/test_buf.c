/* A buffer never grows past its ceiling, and writes JSON strings a parser takes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "base/buf.h"

static void an_append_past_the_ceiling_fails_and_changes_nothing(void **state) {
    (void)state;
    buf b;
    buf_init(&b, 4);
    buf_add_text(&b, "abc");
    buf_add_text(&b, "de");
    assert_true(b.failed);
    assert_int_equal(b.size, 3);
    buf_add_text(&b, "f"); /* would fit, but a hole in the middle is worse */
    assert_int_equal(b.size, 3);
    assert_string_equal(buf_text(&b), "");
    buf_clear(&b);
    buf_add_text(&b, "abcd");
    assert_string_equal(buf_text(&b), "abcd");
    buf_deinit(&b);
}

static void numbers_read_back_as_the_same_double(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.5, "-0.5"},
        {0.1, "0.1"}, /* not 0.10000000000000001 */
        {1.0 / 3, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"}, /* needs all 17 digits */
        {1e300, "1e+300"},
        {INFINITY, "null"},
        {NAN, "null"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf b;
        buf_init(&b, 64);
        buf_add_number(&b, rows[i].value);
        assert_string_equal(buf_text(&b), rows[i].text);
        buf_deinit(&b);
    }
}

static void json_strings_are_escaped(void **state) {
    (void)state;
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"", "\"\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"tab\tline\n", "\"tab\\u0009line\\n\""},
        {"\xC3\xA9\xE2\x82\xAC", "\"\xC3\xA9\xE2\x82\xAC\""}, /* valid UTF-8 stays */
        {"\xFFx", "\"\xEF\xBF\xBDx\""},                       /* a lone byte does not */
        {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* surrogate */
        {"cut\xE2\x82", "\"cut\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* ends inside a sequence */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf b;
        buf_init(&b, 1024);
        buf_add_json(&b, rows[i].text);
        assert_string_equal(buf_text(&b), rows[i].json);
        buf_deinit(&b);
    }
}

static void drop_removes_from_the_front(void **state) {
    (void)state;
    buf b;
    buf_init(&b, 16);
    buf_add_text(&b, "headtail");
    buf_drop(&b, 4);
    assert_string_equal(buf_text(&b), "tail");
    buf_drop(&b, 4);
    assert_string_equal(buf_text(&b), "");
    buf_deinit(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_append_past_the_ceiling_fails_and_changes_nothing),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(numbers_read_back_as_the_same_double),
        cmocka_unit_test(drop_removes_from_the_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
