/* What `rostrum serve` looks at before it loads anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "serve/serve.h"

static void an_alias_must_mean_a_served_model(void **state) {
    (void)state;
    static model_manifest list[] = {{.name = "tiny"}, {.name = "floor"}};
    serve_models models = {.list = list, .n = 2};
    static const struct {
        const char *to;
        status want;
        const char *says;
    } rows[] = {
        {"tiny", OK, NULL},
        {"floor", OK, NULL},
        {"tinny", ERR_INVALID, "did you mean tiny?; served are: tiny, floor"},
        {"whisper-large", ERR_INVALID, "not served; served are: tiny, floor"},
        {"a", ERR_INVALID, "served are: tiny, floor"}, /* a is an alias, no model */
    };
    config *c = calloc(1, sizeof *c);
    config_defaults(c);
    c->n_aliases = 2;
    strcpy(c->aliases[0].from, "a");
    strcpy(c->aliases[0].to, "tiny");
    strcpy(c->aliases[1].from, "b");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        diag d = DIAG_INIT;
        strcpy(c->aliases[1].to, rows[i].to);
        assert_int_equal(serve_check_aliases(c, &models, &d), rows[i].want);
        if (!rows[i].says)
            continue;
        assert_string_equal(d.field, "models.aliases");
        if (!strstr(d.text, rows[i].says))
            fail_msg("row %zu: %s", i, d.text);
    }
    free(c);
}

static void
a_ready_file_that_cannot_be_written_is_told_with_path_and_reason(void **state) {
    (void)state;
    char folder[] = "/tmp/rostrum-ready-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char missing[64], good[64], too_long[CONFIG_TEXT + 8];
    snprintf(missing, sizeof missing, "%s/none/port", folder);
    snprintf(good, sizeof good, "%s/port", folder);
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    const struct {
        const char *path;
        status want;
        const char *says;
    } rows[] = {
        {missing, ERR_IO, "No such file or directory"},
        {folder, ERR_IO, "folder"},
        {too_long, ERR_LIMIT, "too long"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        diag d = DIAG_INIT;
        assert_int_equal(serve_check_ready_file(rows[i].path, &d), rows[i].want);
        assert_string_equal(d.field, "--ready-file");
        assert_memory_equal(d.file, rows[i].path, 10);
        assert_non_null(strstr(d.text, rows[i].says));
    }
    diag d = DIAG_INIT;
    assert_int_equal(serve_check_ready_file(good, &d), OK);
    assert_int_equal(access(good, F_OK), -1); /* not before sessions are taken */
    assert_int_equal(rmdir(folder), 0);       /* and nothing is left beside it */
}

static void a_host_nobody_knows_is_not_taken_for_a_public_one(void **state) {
    (void)state;
    bool loopback = false;
    diag d = DIAG_INIT;
    assert_int_equal(net_host_is_loopback("127.0.0.2", &loopback, &d), OK);
    assert_true(loopback);
    assert_int_equal(net_host_is_loopback("::1", &loopback, &d), OK);
    assert_true(loopback);
    assert_int_equal(net_host_is_loopback("0.0.0.0", &loopback, &d), OK);
    assert_false(loopback);
    assert_int_equal(net_host_is_loopback("no host", &loopback, &d), ERR_INVALID);
    assert_string_equal(d.field, "server.host");
    assert_non_null(strstr(d.text, "cannot resolve \"no host\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alias_must_mean_a_served_model),
        cmocka_unit_test(
            a_ready_file_that_cannot_be_written_is_told_with_path_and_reason),
        cmocka_unit_test(a_host_nobody_knows_is_not_taken_for_a_public_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
