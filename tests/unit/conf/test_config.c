/* Settings come from defaults, file, environment and flags, the later one wins, and
 * each says where it came from. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/config.h"
#include "conf/paths.h"
#include "conf/settings.h"

/* A word of argv: writable, as main's are. */
#define W(text) ((char[]){text})

static config c;
static char path[] = "/tmp/rostrum-config-XXXXXX";

static const char *write_file(const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    return path;
}

static int make_file(void **state) {
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(path);
}

static void the_defaults_are_those_of_the_table(void **state) {
    (void)state;
    config_defaults(&c);
    assert_string_equal(c.host, "127.0.0.1");
    assert_int_equal(c.port, 8090);
    assert_false(c.allow_insecure);
    assert_int_equal(c.n_models, 0);
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        assert_string_equal(c.source[i], "default");
        if (settings[i].kind ==
            SETTING_INT) { /* a default outside its range is our slip */
            assert_true(settings[i].number_default >= settings[i].min);
            assert_true(settings[i].number_default <= settings[i].max);
        }
    }
    assert_int_equal(config_check(&c, NULL), OK);
}

static void a_file_sets_what_it_names(void **state) {
    (void)state;
    config_defaults(&c);
    diag d = DIAG_INIT;
    status s =
        config_read_file(&c,
                         write_file("server:\n  port: 9000\n  tls: {cert: c, key: k}\n"
                                    "  allow_insecure: true\nlog.level: debug\n"
                                    "models:\n  serve: [a, b]\n"
                                    "  aliases: {whisper-1: a, nova-3: b}\n"),
                         &d);
    assert_int_equal(s, OK);
    assert_int_equal(c.port, 9000);
    assert_string_equal(c.tls_cert, "c");
    assert_string_equal(c.tls_key, "k");
    assert_true(c.allow_insecure);
    assert_string_equal(c.log_level, "debug"); /* the dotted form is as good */
    assert_int_equal(c.n_models, 2);
    assert_string_equal(c.models[1], "b");
    assert_int_equal(c.n_aliases, 2);
    assert_string_equal(c.aliases[1].from, "nova-3");
    assert_string_equal(c.aliases[1].to, "b");
    assert_string_equal(c.host, "127.0.0.1"); /* untouched */
    char source[300];
    snprintf(source, sizeof source, "%s:2", path);
    assert_string_equal(c.source[CONFIG_INDEX_port], source);
}

static void a_wrong_file_is_named_with_place_and_remedy(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int line, column;
        const char *field, *hint;
    } rows[] = {
        {"server:\n  prot: 1\n", 2, 3, "server.prot", "did you mean server.port?"},
        {"sever:\n  port: 1\n", 1, 1, "sever", "unknown key"},
        {"server:\n  port: abc\n", 2, 9, "server.port", "whole number"},
        {"server:\n  port: 65536\n", 2, 9, "server.port", "from 0 to 65535"},
        {"server:\n  port: 9e\n", 2, 9, "server.port", "whole number"},
        {"server:\n  port: [1]\n", 2, 9, "server.port", "not a list"},
        {"server: 5\n", 1, 9, "server", "needs a map"},
        {"server:\n  allow_insecure: yes\n", 2, 19, "server.allow_insecure", "true or"},
        {"models:\n  serve: a\n", 2, 10, "models.serve", "needs a list"},
        {"models:\n  aliases: [a]\n", 2, 12, "models.aliases", "needs a map"},
        {"models:\n  serve: [a, '']\n", 2, 14, "models.serve", "empty name"},
        {"- a\n", 1, 1, "", "needs a map"},
        {"server:\n  tls:\n    crt: x\n", 3, 5, "server.tls.crt", "server.tls.cert?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        config_defaults(&c);
        diag d = DIAG_INIT;
        assert_true(config_read_file(&c, write_file(rows[i].text), &d) != OK);
        assert_string_equal(d.file, path);
        assert_int_equal(d.line, rows[i].line);
        assert_int_equal(d.column, rows[i].column);
        assert_string_equal(d.field, rows[i].field);
        assert_non_null(strstr(d.text, rows[i].hint));
    }
}

static void an_empty_file_changes_nothing(void **state) {
    (void)state;
    config_defaults(&c);
    assert_int_equal(config_read_file(&c, write_file("# nothing\n"), NULL), OK);
    assert_int_equal(c.port, 8090);
}

static void the_environment_is_checked_by_its_prefix(void **state) {
    (void)state;
    config_defaults(&c);
    char *const good[] = {W("HOME=/x"),
                          W("ROSTRUM_SERVER_PORT=1234"),
                          W("ROSTRUM_MODELS_ALIASES=a=b,c=d"),
                          W("ROSTRUM_MODELS_SERVE=m"),
                          W("ROSTRUM_URL=ignored here"),
                          W("ROSTRUM_SERVER_ALLOW_INSECURE=1"),
                          NULL};
    assert_int_equal(config_read_environment(&c, good, NULL), OK);
    assert_int_equal(c.port, 1234);
    assert_int_equal(c.n_aliases, 2);
    assert_string_equal(c.aliases[1].to, "d");
    assert_string_equal(c.models[0], "m");
    assert_true(c.allow_insecure);
    assert_string_equal(c.source[CONFIG_INDEX_port], "environment ROSTRUM_SERVER_PORT");

    char *const slip[] = {W("ROSTRUM_SERVER_PROT=1"), NULL};
    diag d = DIAG_INIT;
    assert_int_equal(config_read_environment(&c, slip, &d), ERR_INVALID);
    assert_string_equal(d.field, "ROSTRUM_SERVER_PROT");
    assert_non_null(strstr(d.text, "ROSTRUM_SERVER_PORT?"));
    char *const bad[] = {W("ROSTRUM_SERVER_PORT=no"), NULL};
    assert_int_equal(config_read_environment(&c, bad, &d), ERR_INVALID);
    assert_string_equal(d.field, "ROSTRUM_SERVER_PORT");
}

static void the_full_name_beats_the_short_one_in_any_order(void **state) {
    (void)state;
    char *const orders[2][3] = {
        {W("ROSTRUM_CACHE=/short"), W("ROSTRUM_MODELS_CACHE_DIR=/full"), NULL},
        {W("ROSTRUM_MODELS_CACHE_DIR=/full"), W("ROSTRUM_CACHE=/short"), NULL}};
    for (int i = 0; i < 2; i++) {
        config_defaults(&c);
        assert_int_equal(config_read_environment(&c, orders[i], NULL), OK);
        assert_string_equal(c.cache_dir, "/full");
    }
}

static const command with_flags = {"serve",      "",           "",  NULL,
                                   config_flags, CONFIG_FLAGS, NULL};

static void flags_beat_the_environment_which_beats_the_file(void **state) {
    (void)state;
    write_file("server: {port: 1, max_connections: 2, drain_s: 3}\n");
    char *argv[] = {W("serve"),         W("--config"), path,
                    W("--server-port"), W("9"),        W("--server-allow-insecure")};
    args a;
    assert_int_equal(args_parse(&with_flags, 6, argv, &a, NULL), OK);
    char *const environment[] = {
        W("ROSTRUM_SERVER_PORT=8"), W("ROSTRUM_SERVER_MAX_CONNECTIONS=8"),
        W("ROSTRUM_CONFIG=/not/read/because/the/flag/wins"), NULL};
    assert_int_equal(config_load(environment, &a, &c, NULL), OK);
    assert_int_equal(c.port, 9);
    assert_int_equal(c.max_connections, 8);
    assert_int_equal(c.drain_s, 3);
    assert_true(c.allow_insecure);
    assert_string_equal(c.source[CONFIG_INDEX_port], "flag --server-port");
}

static void a_configuration_that_contradicts_itself_is_refused_whole(void **state) {
    (void)state;
    static const struct {
        const char *variable, *field;
    } rows[] = {
        {"ROSTRUM_SERVER_TLS_CERT=x", "server.tls.key"},
        {"ROSTRUM_SERVER_TLS_KEY=x", "server.tls.cert"},
        {"ROSTRUM_LOG_LEVEL=loud", "log.level"},
        {"ROSTRUM_SERVER_HOST=", "server.host"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *const environment[] = {(char *)rows[i].variable, NULL};
        memset(&c, 0x5A, sizeof c);
        diag d = DIAG_INIT;
        assert_int_equal(config_load(environment, NULL, &c, &d), ERR_INVALID);
        assert_string_equal(d.field, rows[i].field);
        assert_int_equal(((unsigned char *)&c)[0], 0x5A);
    }
}

/* Through the environment: ROSTRUM_SERVER_HOST of server.host. */
static status set(const char *row, const char *value) {
    static char variable[1024];
    size_t n = (size_t)snprintf(variable, sizeof variable, "ROSTRUM_%s=", row);
    assert_true(n + strlen(value) < sizeof variable);
    for (char *at = variable; *at; at++)
        *at = *at == '.' ? '_' : (char)toupper((unsigned char)*at);
    strcat(variable, value);
    return config_read_environment(&c, (char *[]){variable, NULL}, NULL);
}

static void lists_and_texts_have_limits(void **state) {
    (void)state;
    static char many[40 * 4 + 1], text[600], name[66];
    for (int i = 0; i < 40; i++)
        strcat(many, "a=b,");
    memset(text, 'x', sizeof text - 1);
    memset(name, 'x', sizeof name - 1);
    config_defaults(&c);
    assert_int_equal(set("models.aliases", many), ERR_LIMIT);
    assert_int_equal(set("models.serve", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"), ERR_LIMIT);
    assert_int_equal(set("models.serve", name), ERR_LIMIT);
    assert_int_equal(set("server.host", text), ERR_LIMIT);
    assert_int_equal(set("models.aliases", "a"), ERR_INVALID);
    assert_int_equal(set("models.nothing", "a"), ERR_INVALID);
    assert_int_equal(set("models.serve", ""), OK);
    assert_int_equal(c.n_models, 0);
}

static void a_wrong_value_is_told_with_its_reason(void **state) {
    (void)state;
    static const struct {
        const char *variable, *field, *says;
    } rows[] = {
        {"ROSTRUM_SERVER_PORT=99999", "ROSTRUM_SERVER_PORT", "from 0 to 65535"},
        {"ROSTRUM_SERVER_PORT=x", "ROSTRUM_SERVER_PORT", "needs a whole number"},
        {"ROSTRUM_MODELS_ALIASES=a", "ROSTRUM_MODELS_ALIASES", "\"a\" is no NAME=MODEL"},
        {"ROSTRUM_MODELS_ALIASES=a=b,c", "ROSTRUM_MODELS_ALIASES", "\"c\" is no"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        diag d = DIAG_INIT;
        config_defaults(&c);
        assert_int_equal(
            config_read_environment(&c, (char *[]){(char *)rows[i].variable, NULL}, &d),
            ERR_INVALID);
        assert_string_equal(d.field, rows[i].field);
        if (!strstr(d.text, rows[i].says))
            fail_msg("row %zu: %s", i, d.text);
    }
}

static void what_show_prints_is_a_file_that_reads_back(void **state) {
    (void)state;
    config_defaults(&c);
    assert_int_equal(set("server.keys_file", "a \"b\"\\c"), OK);
    assert_int_equal(set("models.aliases", "x=y"), OK);
    buf out;
    buf_init(&out, 1u << 20);
    config_show(&c, false, &out);
    static config again;
    config_defaults(&again);
    assert_int_equal(config_read_file(&again, write_file(buf_text(&out)), NULL), OK);
    assert_string_equal(again.keys_file, c.keys_file);
    assert_int_equal(again.n_aliases, 1);
    assert_string_equal(again.aliases[0].from, "x");
    assert_int_equal(again.port, c.port);
    buf_deinit(&out);
}

static void explain_takes_a_setting_a_group_or_nothing(void **state) {
    (void)state;
    static const struct {
        const char *path;
        const char *has, *has_not;
    } rows[] = {
        {"server.port", "--server-port", "server.host"},
        {"server.tls", "ROSTRUM_SERVER_TLS_KEY", "server.host"},
        {NULL, "listen.idle_s", "nothing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf out;
        buf_init(&out, 1u << 20);
        assert_int_equal(config_explain(rows[i].path, false, &out, NULL), OK);
        assert_non_null(strstr(buf_text(&out), rows[i].has));
        assert_null(strstr(buf_text(&out), rows[i].has_not));
        buf_deinit(&out);
    }
    diag d = DIAG_INIT;
    assert_int_equal(config_explain("server.prt", false, NULL, &d), ERR_INVALID);
    assert_non_null(strstr(d.text, "server.port?"));
}

static void folders_are_those_of_the_settings_or_beside_the_program(void **state) {
    (void)state;
    config_paths p;
    config_defaults(&c);
    assert_int_equal(set("models.cache_dir", "/c"), OK);
    assert_int_equal(set("models.engine_dir", "/e"), OK);
    assert_int_equal(set("models.manifest_dir", "/m"), OK);
    assert_int_equal(config_find_paths(&c, &p, NULL), OK);
    assert_string_equal(p.cache_dir, "/c");
    assert_string_equal(p.engine_dir, "/e");
    assert_string_equal(p.manifest_dir, "/m");

    assert_int_equal(set("models.cache_dir", ""), OK);
    assert_int_equal(setenv("XDG_CACHE_HOME", "/xdg", 1), 0);
    assert_int_equal(config_find_paths(&c, &p, NULL), OK);
    assert_string_equal(p.cache_dir, "/xdg/rostrum");
    assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
    assert_int_equal(setenv("HOME", "/home/h", 1), 0);
    assert_int_equal(config_find_paths(&c, &p, NULL), OK);
    assert_string_equal(p.cache_dir, "/home/h/.cache/rostrum");

    assert_int_equal(set("models.manifest_dir", ""), OK);
    diag d = DIAG_INIT; /* no models/ lies beside this test program */
    assert_int_equal(config_find_paths(&c, &p, &d), ERR_NOT_FOUND);
    assert_string_equal(d.field, "models.manifest_dir");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_those_of_the_table),
        cmocka_unit_test(a_file_sets_what_it_names),
        cmocka_unit_test(a_wrong_file_is_named_with_place_and_remedy),
        cmocka_unit_test(an_empty_file_changes_nothing),
        cmocka_unit_test(the_environment_is_checked_by_its_prefix),
        cmocka_unit_test(the_full_name_beats_the_short_one_in_any_order),
        cmocka_unit_test(flags_beat_the_environment_which_beats_the_file),
        cmocka_unit_test(a_configuration_that_contradicts_itself_is_refused_whole),
        cmocka_unit_test(lists_and_texts_have_limits),
        cmocka_unit_test(a_wrong_value_is_told_with_its_reason),
        cmocka_unit_test(what_show_prints_is_a_file_that_reads_back),
        cmocka_unit_test(explain_takes_a_setting_a_group_or_nothing),
        cmocka_unit_test(folders_are_those_of_the_settings_or_beside_the_program),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
