/* Labels that nobody should be scored against are recognised, others are left alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "score/audit.h"

static void labels_are_words_marks_or_nothing(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool empty, non_speech;
    } rows[] = {
        {"", true, false},
        {" .,! ", true, false},
        {"[]", true, false},
        {"\xE2\x80\xA6", true, false}, /* an ellipsis */
        {"[noise]", false, true},
        {" <unk> . ", false, true},
        {"((inaudible))", false, true},
        {"*cough* [laugh]", false, true},
        {"[noise] hello", false, false},
        {"hello", false, false},
        {"[open", false, false},
        {"7", false, false},
        {"\xE4\xB8\xAD", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = strlen(rows[i].text);
        assert_int_equal(audit_is_empty(rows[i].text, n), rows[i].empty);
        assert_int_equal(audit_is_non_speech(rows[i].text, n), rows[i].non_speech);
    }
}

static void the_script_is_that_of_most_letters(void **state) {
    (void)state;
    static const struct {
        const char *text;
        audit_script script;
    } rows[] = {
        {"hello", AUDIT_SCRIPT_LATIN},
        {"na\xC3\xAFve \xC3\xA9t\xC3\xA9", AUDIT_SCRIPT_LATIN},
        {"\xD1\x81\xD0\xB2\xD0\xB5\xD1\x82", AUDIT_SCRIPT_CYRILLIC},
        {"\xD1\x81\xD0\xB2\xD0\xB5\xD1\x82 ok", AUDIT_SCRIPT_CYRILLIC},
        {"\xCE\xB1\xCE\xB2", AUDIT_SCRIPT_GREEK},
        {"\xD7\xA9\xD7\x9C", AUDIT_SCRIPT_HEBREW},
        {"\xD8\xB3\xD9\x84", AUDIT_SCRIPT_ARABIC},
        {"\xE0\xA4\xA8\xE0\xA4\xAE", AUDIT_SCRIPT_INDIC},
        {"\xE0\xB8\x81", AUDIT_SCRIPT_THAI},
        {"\xE4\xB8\xAD\xE6\x96\x87", AUDIT_SCRIPT_HAN_KANA},
        {"\xE3\x81\x8B\xE3\x82\xAB", AUDIT_SCRIPT_HAN_KANA},
        {"\xED\x95\x9C", AUDIT_SCRIPT_HANGUL},
        {"\xF0\xA0\x80\x80", AUDIT_SCRIPT_HAN_KANA},
        {"42 !", AUDIT_SCRIPT_NONE},
        {"\xFF\xC3", AUDIT_SCRIPT_NONE}, /* broken bytes */
        {"", AUDIT_SCRIPT_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(audit_script_of(rows[i].text, strlen(rows[i].text)),
                         rows[i].script);
    assert_string_equal(audit_script_name(AUDIT_SCRIPT_CYRILLIC), "Cyrillic");
}

static void lengths_are_unlike_by_factor_and_by_difference(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool unlike;
    } rows[] = {
        {"aaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true}, /* 10 and 30 */
        {"aaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false}, /* 10 and 29 */
        {"", "aaaaaaaaaaaaaaaaaaaa", true},                     /* 0 and 20 */
        {"", "aaaaaaaaaaaaaaaaaaa", false},                     /* 19 more */
        {"a", "a a a a a a a a a", false},
        {"same", "same", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *a = rows[i].a, *b = rows[i].b;
        assert_int_equal(audit_is_unlike_in_length(a, strlen(a), b, strlen(b)),
                         rows[i].unlike);
        assert_int_equal(audit_is_unlike_in_length(b, strlen(b), a, strlen(a)),
                         rows[i].unlike);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_words_marks_or_nothing),
        cmocka_unit_test(the_script_is_that_of_most_letters),
        cmocka_unit_test(lengths_are_unlike_by_factor_and_by_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
