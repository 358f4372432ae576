/* Private classes reach no label, log line, error or metric: the compiler says so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compile(const char *body, char *said, size_t size) {
    char command[2048];
    snprintf(command, sizeof command,
             "printf '%%s' '#include \"base/diag.h\"\n#include \"base/buf.h\"\n"
             "#include \"base/log.h\"\n#include \"privacy/classes.h\"\n"
             "#include \"serve/telemetry/metrics.h\"\n"
             "int f(private_text t, metrics *m, diag *d, buf *b);\n"
             "int f(private_text t, metrics *m, diag *d, buf *b) {"
             "(void)t; (void)m; (void)d; (void)b; %s; return 0; }\n' | "
             "cc -std=c17 -D_GNU_SOURCE -Wall -Werror -fsyntax-only -I%s/src -x c - 2>&1",
             body, ROSTRUM_SOURCE);
    FILE *compiler = popen(command, "r");
    assert_non_null(compiler);
    size_t n = fread(said, 1, size - 1, compiler);
    said[n] = '\0';
    return pclose(compiler);
}

static void private_values_do_not_compile_where_they_could_be_seen(void **state) {
    (void)state;
    static const struct {
        const char *body;
        bool compiles;
    } rows[] = {
        {"(void)DATA_LABEL(TENANT)", true},
        {"(void)DATA_LABEL(AGGREGATE)", true},
        {"(void)DATA_LABEL(TRANSCRIPT)", false},
        {"(void)DATA_LABEL(AUDIO)", false},
        {"(void)DATA_LABEL(VOICEPRINT)", false},
        {"(void)DATA_LABEL(PROMPT)", false},
        {"(void)DATA_LABEL(PERSON)", false},
        {"(void)DATA_LABEL(SECRET)", false},
        {"metric_add(m, M_REQUESTS, \"200\", 1)", true},
        {"metric_add(m, M_REQUESTS, t, 1)", false},
        {"log_event(LOG_INFO, \"a\", \"b\", \"n=%zu\", t.n)", true},
        {"log_event(LOG_INFO, \"a\", \"b\", \"text=%s\", t)", false},
        {"return (int)diag_set(d, ERR_INVALID, \"%s\", t)", false},
        {"buf_addf(b, \"%s\", t)", false},
        {"buf_add_json(b, t)", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char said[8192];
        int failed = compile(rows[i].body, said, sizeof said);
        if ((failed == 0) != rows[i].compiles)
            fail_msg("%s: exit %d: %s", rows[i].body, failed, said);
    }
}

static void only_files_of_privacy_open_a_private_text(void **state) {
    (void)state;
    char said[1024] = "";
    FILE *grep = popen("grep -rl only_privacy_opens_this " ROSTRUM_SOURCE
                       "/src | grep -v /src/privacy/",
                       "r");
    assert_non_null(grep);
    (void)!fread(said, 1, sizeof said - 1, grep);
    pclose(grep);
    assert_string_equal(said, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_values_do_not_compile_where_they_could_be_seen),
        cmocka_unit_test(only_files_of_privacy_open_a_private_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
