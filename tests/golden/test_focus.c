/* FOCUS rows against the columns of focus_columns.json (FOCUS 1.2). */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "oracle.h"
#include "readiness/cost/focus.h"

enum { FIELDS_MAX = 64 };

static int load(void **state) {
    (void)state;
    return oracle_begin(ROSTRUM_ORACLES "/focus_columns.json");
}

/* Splits a CSV line in place; quotes are taken off and doubled ones halved. */
static size_t split(char *line, char *fields[FIELDS_MAX]) {
    size_t n = 0;
    char *to = line;
    line[strcspn(line, "\n")] = '\0';
    for (char *c = line;; c++) {
        assert_true(n < FIELDS_MAX);
        fields[n++] = to;
        if (*c == '"') {
            for (c++; *c != '"' || c[1] == '"'; c++) {
                assert_true(*c);
                c += *c == '"';
                *to++ = *c;
            }
            c++;
        } else {
            while (*c && *c != ',')
                *to++ = *c++;
        }
        char end = *c;
        assert_true(end == '\0' || end == ',');
        *to++ = '\0';
        if (!end)
            return n;
    }
}

static const cJSON *column(const char *name) {
    const cJSON *c;
    cJSON_ArrayForEach(c, cJSON_GetObjectItem(oracle, "columns")) {
        if (strcmp(cJSON_GetObjectItem(c, "column")->valuestring, name) == 0)
            return c;
    }
    return NULL;
}

static const char *fact(const cJSON *c, const char *key) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(c, key));
    return text ? text : "";
}

static void check_number(const char *text) {
    size_t digits = 0, points = 0;
    for (const char *c = text + (*text == '-'); *c; c++) {
        assert_true(isdigit((unsigned char)*c) || *c == '.');
        digits += *c != '.';
        points += *c == '.';
    }
    assert_true(digits > 0 && points <= 1);
}

static void check_time(const char *text) {
    static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
    assert_int_equal(strlen(text), strlen(shape));
    for (size_t i = 0; shape[i]; i++)
        assert_true(shape[i] == 'd' ? isdigit((unsigned char)text[i])
                                    : text[i] == shape[i]);
}

static void check_tags(const char *text) {
    cJSON *tags = cJSON_Parse(text);
    assert_true(cJSON_IsObject(tags));
    const cJSON *t;
    cJSON_ArrayForEach(t, tags) assert_false(cJSON_IsObject(t) || cJSON_IsArray(t));
    cJSON_Delete(tags);
}

static bool listed(const cJSON *list, const char *text) {
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        if (strcmp(item->valuestring, text) == 0)
            return true;
    }
    return false;
}

static void check_field(const cJSON *c, const char *text) {
    if (!*text) {
        assert_true(cJSON_IsTrue(cJSON_GetObjectItem(c, "allows_nulls")));
        return;
    }
    const char *format = fact(c, "value_format");
    const cJSON *allowed = cJSON_GetObjectItem(c, "allowed_values");
    if (cJSON_IsArray(allowed))
        assert_true(listed(allowed, text));
    if (strcmp(format, "Numeric Format") == 0)
        check_number(text);
    if (strcmp(format, "Date/Time Format") == 0)
        check_time(text);
    if (strcmp(format, "Currency Format") == 0)
        assert_true(strlen(text) == 3 && isupper((unsigned char)text[0]));
    if (strcmp(format, "Key-Value Format") == 0)
        check_tags(text);
    if (strncmp(format, "Unit Format", 11) == 0) /* singular unit, plural time */
        assert_string_equal(text, "Slot-Seconds");
}

static size_t header(char *fields[FIELDS_MAX]) {
    static char line[FOCUS_TEXT_BYTES];
    focus_header(line);
    return split(line, fields);
}

static void every_column_is_known_and_no_mandatory_one_is_missing(void **state) {
    (void)state;
    oracle_need();
    char *names[FIELDS_MAX];
    size_t n = header(names);
    for (size_t i = 0; i < n; i++)
        assert_non_null(column(names[i]));
    const cJSON *c;
    int mandatory = 0;
    cJSON_ArrayForEach(c, cJSON_GetObjectItem(oracle, "columns")) {
        if (strcmp(fact(c, "feature_level"), "Mandatory") != 0)
            continue;
        size_t i = 0;
        while (i < n && strcmp(names[i], fact(c, "column")) != 0)
            i++;
        assert_true(i < n);
        mandatory++;
    }
    assert_int_equal(mandatory, 21);
}

static void every_field_has_its_columns_format(void **state) {
    (void)state;
    oracle_need();
    char *names[FIELDS_MAX];
    size_t n = header(names);
    static const ledger_policy policies[] = {LEDGER_SHOWBACK, LEDGER_CHARGEBACK};
    for (int policy = 0; policy < 2; policy++)
        for (int c = 0; c < LEDGER_CATEGORIES; c++)
            for (int owned = 0; owned < 2; owned++) {
                focus_account account = {"Rostrum", "platform, speech", policies[policy]};
                ledger_row row = {.category = (ledger_category)c,
                                  .cause = c == LEDGER_IDLE ? LEDGER_CAUSE_FAULT
                                                            : LEDGER_CAUSE_NONE,
                                  .slot_ms = 86400001,
                                  .cost_microusd = 9007199254740993};
                char line[FOCUS_TEXT_BYTES], *fields[FIELDS_MAX];
                assert_int_equal(focus_row(&account, &row, "2026-02-28", "realtime",
                                           "gpu-1", owned ? "acme, inc" : NULL, line,
                                           NULL),
                                 OK);
                assert_int_equal(split(line, fields), n);
                for (size_t i = 0; i < n; i++)
                    check_field(column(names[i]), fields[i]);
            }
}

static void the_subcategory_belongs_to_its_category(void **state) {
    (void)state;
    oracle_need();
    const cJSON *pairs = cJSON_GetObjectItem(oracle, "service_subcategories_by_category");
    assert_true(
        listed(cJSON_GetObjectItem(pairs, "AI and Machine Learning"), "AI Platforms"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_is_known_and_no_mandatory_one_is_missing),
        cmocka_unit_test(every_field_has_its_columns_format),
        cmocka_unit_test(the_subcategory_belongs_to_its_category),
    };
    return cmocka_run_group_tests(tests, load, oracle_end);
}
