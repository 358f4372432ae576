/* A diag names place, field and remedy, and the nearest name only when it is near. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/diag.h"

static void the_line_has_the_parts_that_are_known(void **state) {
    (void)state;
    static const struct {
        const char *file;
        int line, column;
        const char *field, *expected;
    } rows[] = {
        {"a.yaml", 3, 7, "port", "a.yaml:3:7: port: wrong"},
        {"a.yaml", 3, 0, "port", "a.yaml:3: port: wrong"},
        {"a.yaml", 0, 0, "port", "a.yaml: port: wrong"},
        {"", 0, 0, "port", "port: wrong"},
        {"a.yaml", 1, 1, "", "a.yaml:1:1: wrong"},
        {"", 0, 0, "", "wrong"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        diag d = DIAG_INIT;
        diag_at(&d, rows[i].file, rows[i].line, rows[i].column);
        assert_int_equal(diag_field(&d, ERR_INVALID, rows[i].field, "wrong"),
                         ERR_INVALID);
        char line[256];
        assert_string_equal(diag_format(&d, line, sizeof line), rows[i].expected);
    }
}

static void a_diag_without_text_reads_as_its_status(void **state) {
    (void)state;
    diag d = {.code = ERR_TIMEOUT};
    char line[64];
    assert_string_equal(diag_format(&d, line, sizeof line), status_text(ERR_TIMEOUT));
}

static void long_texts_are_cut_and_terminated(void **state) {
    (void)state;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    diag d = DIAG_INIT;
    (void)diag_field(&d, ERR_LIMIT, text, "%s", text);
    diag_at(&d, text, 1, 1);
    assert_int_equal(strlen(d.text), sizeof d.text - 1);
    assert_int_equal(strlen(d.field), sizeof d.field - 1);
    assert_int_equal(strlen(d.file), sizeof d.file - 1);
    char tiny[4];
    assert_int_equal(strlen(diag_format(&d, tiny, sizeof tiny)), 3);
}

static void a_missing_diag_is_fine_everywhere(void **state) {
    (void)state;
    assert_int_equal(diag_set(NULL, ERR_IO, "x"), ERR_IO);
    assert_int_equal(diag_field(NULL, ERR_IO, "f", "x"), ERR_IO);
    diag_at(NULL, "f", 1, 1);
}

static void the_nearest_name_is_a_slip_of_the_fingers(void **state) {
    (void)state;
    static const char *const names[] = {"port", "host", "tls.cert", "max_connections"};
    static const struct {
        const char *given, *nearest;
    } rows[] = {
        {"prot", "port"},        {"hosts", "host"},
        {"tls.crt", "tls.cert"}, {"max_conections", "max_connections"},
        {"port", "port"},        {"colour", NULL}, /* nothing near */
        {"zzzzzzzzzzzz", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *found = diag_nearest(rows[i].given, names, 4);
        if (rows[i].nearest)
            assert_string_equal(found, rows[i].nearest);
        else
            assert_null(found);
    }
    assert_null(diag_nearest("port", NULL, 0));
}

static void every_status_has_a_name_and_a_text(void **state) {
    (void)state;
    for (int i = 0; i < STATUS_COUNT; i++) {
        assert_true(strlen(status_name((status)i)) > 1);
        assert_true(strlen(status_text((status)i)) > 1);
    }
    assert_non_null(status_text((status)STATUS_COUNT));
    assert_non_null(status_name((status)-1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_has_the_parts_that_are_known),
        cmocka_unit_test(a_diag_without_text_reads_as_its_status),
        cmocka_unit_test(long_texts_are_cut_and_terminated),
        cmocka_unit_test(a_missing_diag_is_fine_everywhere),
        cmocka_unit_test(the_nearest_name_is_a_slip_of_the_fingers),
        cmocka_unit_test(every_status_has_a_name_and_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
