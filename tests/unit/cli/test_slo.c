/* `rostrum slo` as a script sees it: exit statuses and JSON, on the files that ship. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <cjson/cJSON.h>

#include "cli/slo.h"

#define EXAMPLE ROSTRUM_SOURCE "/examples/slo/first-partial.yaml"
#define EVENTS ROSTRUM_SOURCE "/examples/slo/first-partial-events.jsonl"
#define NIGHT ROSTRUM_SOURCE "/examples/slo/night-counts.csv"
#define POLICIES ROSTRUM_SOURCE "/policies/slo/"

/* Runs a command with standard output caught; the caller frees *out_text. */
static int run(const command *c, const char *const *words, char **out_text) {
    static char name[] = "slo";
    char *argv[16] = {name};
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)words[argc - 1];
    FILE *caught = tmpfile();
    assert_non_null(caught);
    fflush(stdout);
    int keep = dup(STDOUT_FILENO);
    dup2(fileno(caught), STDOUT_FILENO);
    int result = c->run(argc, argv, c);
    fflush(stdout);
    dup2(keep, STDOUT_FILENO);
    close(keep);
    static char text[1 << 20];
    rewind(caught);
    text[fread(text, 1, sizeof text - 1, caught)] = '\0';
    fclose(caught);
    *out_text = text;
    return result;
}
#define RUN(c, out, ...) run(&(c), (const char *const[]){__VA_ARGS__, NULL}, out)

static void a_page_is_exit_status_one(void **state) {
    (void)state;
    char *said;
    assert_int_equal(RUN(slo_burn_command, &said, "--slo", EXAMPLE, EVENTS), 1);
    assert_non_null(strstr(said, "fast"));
    assert_non_null(strstr(said, "fires since 2026-03-03T10:06:00Z"));
    /* before the bad release nothing pages */
    assert_int_equal(RUN(slo_burn_command, &said, "--slo", EXAMPLE, "--at",
                         "2026-03-03T09:40:00Z", EVENTS),
                     0);
    assert_null(strstr(said, "fires"));
}

static void json_says_the_same(void **state) {
    (void)state;
    char *said;
    assert_int_equal(RUN(slo_burn_command, &said, "--json", "--slo", EXAMPLE, EVENTS), 1);
    cJSON *root = cJSON_Parse(said);
    assert_non_null(root);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(root, "pages")));
    const cJSON *o = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "objectives"), 0);
    const cJSON *alert = cJSON_GetArrayItem(cJSON_GetObjectItem(o, "alerts"), 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(alert, "answer")),
                        "fires");
    const cJSON *change = cJSON_GetArrayItem(cJSON_GetObjectItem(o, "changes"), 1);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(change, "time")),
                        "2026-03-03T10:06:00Z");
    assert_int_equal(cJSON_GetObjectItem(o, "total")->valueint, 1596);
    assert_int_equal(cJSON_GetObjectItem(o, "bad")->valueint, 86);
    cJSON_Delete(root);
}

static void one_failure_at_night_is_insufficient_traffic(void **state) {
    (void)state;
    char *said;
    assert_int_equal(
        RUN(slo_burn_command, &said, "--slo", POLICIES "success.yaml", NIGHT), 0);
    assert_non_null(strstr(said, "insufficient traffic: 1 bad of 30 could be chance"));
}

static void bad_usage_is_exit_status_two(void **state) {
    (void)state;
    char *said;
    static const struct {
        const command *c;
        const char *words[5];
    } rows[] = {
        {&slo_check_command, {NULL}},
        {&slo_check_command, {EVENTS}},
        {&slo_check_command, {"no-such.yaml"}},
        {&slo_rules_command, {NULL}},
        {&slo_burn_command, {EVENTS}},
        {&slo_burn_command, {"--slo", EXAMPLE}},
        {&slo_burn_command, {"--slo", EXAMPLE, "no-such.jsonl"}},
        {&slo_burn_command, {"--slo", EXAMPLE, "/dev/null"}}, /* no events: no answer */
        {&slo_burn_command, {"--slo", EXAMPLE, EVENTS, "--at=tomorrow"}},
        {&slo_burn_command, {"--slo", EXAMPLE, EVENTS, "--at=2020-01-01T00:00:00Z"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(run(rows[i].c, rows[i].words, &said), 2);
}

static void shipped_policies_check_and_export(void **state) {
    (void)state;
    static const char *const all[] = {POLICIES "first-partial.yaml",
                                      POLICIES "first-audio.yaml",
                                      POLICIES "finalise-latency.yaml",
                                      POLICIES "queue-age.yaml",
                                      POLICIES "turn-latency.yaml",
                                      POLICIES "success.yaml",
                                      "--json",
                                      NULL};
    char *said;
    assert_int_equal(run(&slo_check_command, all, &said), 0);
    cJSON *root = cJSON_Parse(said);
    assert_non_null(root);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "objectives")), 6);
    cJSON_Delete(root);
    assert_int_equal(run(&slo_rules_command, all, &said), 0);
    root = cJSON_Parse(said);
    assert_non_null(root);
    assert_non_null(strstr(cJSON_GetStringValue(cJSON_GetObjectItem(root, "rules")),
                           "rostrum_finalise_seconds_bucket{le=\"1\"}"));
    cJSON_Delete(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_exit_status_one),
        cmocka_unit_test(json_says_the_same),
        cmocka_unit_test(one_failure_at_night_is_insufficient_traffic),
        cmocka_unit_test(bad_usage_is_exit_status_two),
        cmocka_unit_test(shipped_policies_check_and_export),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
