/* JSON records: what is refused names its key and says what would be valid. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "records/json.h"

static const cJSON *parsed(const char *text) {
    cJSON *out = NULL;
    diag d = DIAG_INIT;
    assert_int_equal(json_parse(text, strlen(text), &out, &d), OK);
    return out;
}

static void what_is_not_one_json_value_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "empty"},
        {"{\"a\":1", "not JSON"},
        {"{\"a\":1} x", "behind"},
        {"{\"a\":1}{}", "behind"},
        {"{\"a\":1,\"a\":2}", "twice"},
        {"[{\"b\":{\"c\":1,\"c\":2}}]", "twice"}, /* however deep */
        {"{\"a\":1e999}", "too large"},
        {"[1,[2,[-1e999]]]", "too large"},
        {"nul", "not JSON"},
        {"\"\\ud800\"", "not JSON"}, /* half a surrogate pair */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cJSON *out = NULL;
        diag d = DIAG_INIT;
        assert_int_not_equal(json_parse(rows[i].text, strlen(rows[i].text), &out, &d),
                             OK);
        assert_null(out);
        assert_non_null(strstr(d.text, rows[i].says));
    }
}

static void what_is_no_finite_number_names_its_key_and_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *field;
        int line;
    } rows[] = {
        {"{\"a\":NaN}", "a", 1},
        {"{\"a\": -Infinity}", "a", 1},
        {"{\"a:b\":1,\n\"c\":\n[1, nan]}", "c", 3},
        {"{\"q\\\"\":\"x:\",\"b\":inf}", "b", 1},
        {"[NaN]", "", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cJSON *out = NULL;
        diag d = DIAG_INIT;
        assert_int_equal(json_parse(rows[i].text, strlen(rows[i].text), &out, &d),
                         ERR_INVALID);
        assert_string_equal(d.field, rows[i].field);
        assert_int_equal(d.line, rows[i].line);
        assert_non_null(strstr(d.text, "not a finite number"));
    }
    cJSON *out = NULL;
    diag d = DIAG_INIT;
    diag_at(&d, "x.jsonl", 7, 0); /* a line of a file keeps its number */
    assert_int_equal(json_parse("{\"a\":NaN}", 9, &out, &d), ERR_INVALID);
    assert_int_equal(d.line, 7);
}

static void a_zero_byte_is_refused(void **state) {
    (void)state;
    cJSON *out = NULL;
    diag d = DIAG_INIT;
    assert_int_equal(json_parse("{\"a\":\"x\0y\"}", 11, &out, &d), ERR_SYNTAX);
    assert_int_equal(json_parse("\"\\u0000\"", 8, &out, &d), ERR_SYNTAX);
    assert_int_equal(json_parse("\"\\\\u0000\"", 9, &out, &d), OK); /* a backslash */
    cJSON_Delete(out);
}

static void numbers_are_bounded_and_whole_where_asked(void **state) {
    (void)state;
    const cJSON *o = parsed("{\"n\":2.5,\"w\":7,\"s\":\"7\",\"z\":null,\"big\":1e16}");
    diag d = DIAG_INIT;
    double x = -1;
    int64_t w = -1;
    assert_int_equal(json_number(o, "n", 2.5, 2.5, &x, &d), OK);
    assert_true(x == 2.5);
    assert_int_equal(json_number(o, "n", 0, 2.4, &x, &d), ERR_INVALID);
    assert_string_equal(d.field, "n");
    assert_non_null(strstr(d.text, "is 2.5; 0 to 2.4"));
    assert_int_equal(json_number(o, "s", 0, 9, &x, &d), ERR_INVALID);
    assert_non_null(strstr(d.text, "is a string"));
    assert_int_equal(json_number(o, "none", 0, 9, &x, &d), ERR_INVALID);
    assert_non_null(strstr(d.text, "missing"));
    assert_int_equal(json_number_or(o, "none", 0, 9, 4, &x, &d), OK);
    assert_true(x == 4);
    assert_int_equal(json_number_or(o, "z", 0, 9, 5, &x, &d), OK);
    assert_true(x == 5);
    assert_int_equal(json_integer(o, "w", 0, INT64_MAX, &w, &d), OK);
    assert_int_equal(w, 7);
    assert_int_equal(json_integer(o, "n", 0, 9, &w, &d), ERR_INVALID);
    assert_int_equal(json_integer(o, "big", 0, INT64_MAX, &w, &d), ERR_INVALID);
    assert_non_null(strstr(d.text, "at most 9007199254740992"));
    assert_int_equal(w, 7);
    cJSON_Delete((cJSON *)o);
}

static void other_kinds_say_what_they_found(void **state) {
    (void)state;
    const cJSON *o = parsed("{\"t\":\"x\",\"e\":\"\",\"l\":[1],\"o\":{},\"b\":false}");
    diag d = DIAG_INIT;
    const char *text = NULL;
    const cJSON *value = NULL;
    bool flag = true;
    assert_int_equal(json_text(o, "t", &text, &d), OK);
    assert_string_equal(text, "x");
    assert_int_equal(json_text(o, "e", &text, &d), ERR_INVALID);
    assert_int_equal(json_text_or(o, "e", "y", &text, &d), OK);
    assert_string_equal(text, "");
    assert_int_equal(json_text_or(o, "none", "y", &text, &d), OK);
    assert_string_equal(text, "y");
    assert_int_equal(json_list(o, "l", &value, &d), OK);
    assert_int_equal(json_list(o, "o", &value, &d), ERR_INVALID);
    assert_non_null(strstr(d.text, "is an object; a list is needed"));
    assert_int_equal(json_object(o, "o", &value, &d), OK);
    assert_int_equal(json_bool_or(o, "b", true, &flag, &d), OK);
    assert_false(flag);
    assert_int_equal(json_bool_or(o, "t", true, &flag, &d), ERR_INVALID);
    cJSON_Delete((cJSON *)o);
}

static void an_unknown_key_names_the_nearest(void **state) {
    (void)state;
    static const char *const keys[] = {"latency_ms", "count"};
    const cJSON *o = parsed("{\"latancy_ms\":1}");
    diag d = DIAG_INIT;
    assert_int_equal(json_only_keys(o, keys, 2, &d), ERR_INVALID);
    assert_string_equal(d.field, "latancy_ms");
    assert_non_null(strstr(d.text, "latency_ms"));
    cJSON_Delete((cJSON *)o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_one_json_value_is_refused),
        cmocka_unit_test(what_is_no_finite_number_names_its_key_and_line),
        cmocka_unit_test(a_zero_byte_is_refused),
        cmocka_unit_test(numbers_are_bounded_and_whole_where_asked),
        cmocka_unit_test(other_kinds_say_what_they_found),
        cmocka_unit_test(an_unknown_key_names_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
