/* API keys: the file is read wholly or not at all, a key opens its own door only, and the
 * sessions of one key are counted apart from the others'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "serve/tenant/keys.h"

/* sha256 of "open sesame" and of "swordfish" */
#define SESAME "41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb"
#define FISH "b9f195c5cc7ef6afadbfbc42892ad47d3b24c6bc94bb510c4564a90a14e8b799"

static char path[] = "keys_XXXXXX";

static const char *file_with(const char *text) {
    snprintf(path, sizeof path, "keys_XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void a_key_is_its_tenants_and_no_others(void **state) {
    (void)state;
    keyring *k = NULL;
    key_identity who;
    diag d = DIAG_INIT;
    assert_int_equal(keyring_load(file_with("# who may come in\n\n"
                                            "ali sha256:" SESAME " # forty of them\n"
                                            "\tbob\tsha256:" FISH " sessions=2\r\n"),
                                  &k, &d),
                     OK);
    unlink(path);
    assert_false(keyring_is_open(k));
    assert_int_equal(keyring_check(k, "open sesame", &who), OK);
    assert_string_equal(who.tenant, "ali");
    assert_int_equal(who.max_sessions, 0);
    assert_int_equal(keyring_check(k, "swordfish", &who), OK);
    assert_string_equal(who.tenant, "bob");
    assert_int_equal(who.max_sessions, 2);
    static const char *const wrong[] = {"",     NULL,       "open sesam", "open sesame ",
                                        SESAME, "Swordfish"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(keyring_check(k, wrong[i], &who), ERR_AUTH);
    assert_string_equal(who.tenant, "bob"); /* untouched by the failures */
    keyring_destroy(k);
}

static void sessions_are_counted_for_each_key(void **state) {
    (void)state;
    keyring *k = NULL;
    key_identity ali, bob;
    diag d = DIAG_INIT;
    assert_int_equal(keyring_load(file_with("ali sha256:" SESAME "\n"
                                            "bob sha256:" FISH " sessions=2"),
                                  &k, &d),
                     OK);
    unlink(path);
    assert_int_equal(keyring_check(k, "open sesame", &ali), OK);
    assert_int_equal(keyring_check(k, "swordfish", &bob), OK);
    assert_int_equal(keyring_enter(k, &bob), OK);
    assert_int_equal(keyring_enter(k, &bob), OK);
    assert_int_equal(keyring_enter(k, &bob), ERR_QUOTA);
    for (int i = 0; i < 100; i++)
        assert_int_equal(keyring_enter(k, &ali), OK); /* no limit of its own */
    keyring_leave(k, &bob);
    assert_int_equal(keyring_enter(k, &bob), OK);
    assert_int_equal(keyring_enter(k, &bob), ERR_QUOTA);
    keyring_destroy(k);
}

static void an_open_ring_lets_everybody_in_as_development(void **state) {
    (void)state;
    keyring *k = NULL;
    key_identity who;
    assert_int_equal(keyring_load("", &k, NULL), OK);
    assert_true(keyring_is_open(k));
    assert_int_equal(keyring_check(k, NULL, &who), OK);
    assert_string_equal(who.tenant, "development");
    assert_int_equal(keyring_check(k, "any key an SDK insists on", &who), OK);
    assert_int_equal(keyring_enter(k, &who), OK);
    keyring_leave(k, &who);
    keyring_destroy(k);
    keyring_destroy(NULL);
}

static void a_broken_file_is_refused_with_its_line(void **state) {
    (void)state;
    static const struct {
        const char *text;
        status why;
        int line;
    } rows[] = {
        {"", ERR_SYNTAX, 0}, /* no key at all */
        {"# only a comment\n", ERR_SYNTAX, 0},
        {"ali\n", ERR_SYNTAX, 1},                    /* no hash */
        {"\nali " SESAME "\n", ERR_SYNTAX, 2},       /* without its kind */
        {"ali sha256:" SESAME "0\n", ERR_SYNTAX, 1}, /* a digit too many */
        {"ali sha256:41EF\n", ERR_SYNTAX, 1},        /* too few, and capital */
        {"a/b sha256:" SESAME "\n", ERR_SYNTAX, 1},  /* a name is a metric label */
        {"ali sha256:" SESAME " sessions=\n", ERR_SYNTAX, 1},
        {"ali sha256:" SESAME " sessions=-1\n", ERR_SYNTAX, 1},
        {"ali sha256:" SESAME " sessions=1x\n", ERR_SYNTAX, 1},
        {"ali sha256:" SESAME " admin\n", ERR_SYNTAX, 1}, /* no such option */
        {"ali sha256:" SESAME "\nbob sha256:" SESAME "\n", ERR_SYNTAX, 2}, /* one key */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        keyring *k = NULL;
        diag d = DIAG_INIT;
        status s = keyring_load(file_with(rows[i].text), &k, &d);
        unlink(path);
        if (s != rows[i].why || d.line != rows[i].line)
            fail_msg("row %zu: %s at line %d: %s", i, status_name(s), d.line, d.text);
        assert_null(k);
        assert_string_equal(d.file, path);
        assert_null(strstr(d.text, SESAME)); /* not even the hash is repeated */
    }
    keyring *k = NULL;
    diag d = DIAG_INIT;
    assert_int_equal(keyring_load("no/such/file", &k, &d), ERR_NOT_FOUND);
    assert_string_equal(d.file, "no/such/file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_its_tenants_and_no_others),
        cmocka_unit_test(sessions_are_counted_for_each_key),
        cmocka_unit_test(an_open_ring_lets_everybody_in_as_development),
        cmocka_unit_test(a_broken_file_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
