/* The nine critical paths of the oracle, sections in their order. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "readiness/trace/critical_path.h"

#define FILE_NAME ROSTRUM_ORACLES "/jaeger_critical_path.json"
enum { SPANS = 16 };

static cJSON *read_oracle(void) {
    FILE *f = fopen(FILE_NAME, "rb");
    if (!f) {
        print_message("skip: the oracle folder is absent\n");
        skip();
    }
    static char text[1 << 20];
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    cJSON *root = cJSON_Parse(text);
    assert_non_null(root);
    return root;
}

static const char *text_of(const cJSON *o, const char *key) {
    const cJSON *v = cJSON_GetObjectItem(o, key);
    return cJSON_IsString(v) ? v->valuestring : "";
}

static int64_t number_of(const cJSON *o, const char *key) {
    const cJSON *v = cJSON_GetObjectItem(o, key);
    assert_true(cJSON_IsNumber(v));
    return (int64_t)v->valuedouble;
}

static void check_case(const cJSON *c) {
    trace_span spans[SPANS];
    const char *ids[SPANS];
    size_t n = 0;
    const cJSON *at;
    const cJSON *list = cJSON_GetObjectItem(c, "spans");
    cJSON_ArrayForEach(at, list) ids[n++] = text_of(at, "id");
    n = 0;
    cJSON_ArrayForEach(at, list) {
        const char *kind = text_of(at, "kind"), *parent = text_of(at, "parent");
        spans[n].start = number_of(at, "start_us");
        spans[n].end = spans[n].start + number_of(at, "duration_us");
        spans[n].kind = strcmp(kind, "producer") == 0   ? TRACE_PRODUCER
                        : strcmp(kind, "consumer") == 0 ? TRACE_CONSUMER
                                                        : TRACE_INTERNAL;
        spans[n].parent = TRACE_NO_PARENT;
        for (uint32_t i = 0; *parent && i < (uint32_t)cJSON_GetArraySize(list); i++)
            if (strcmp(ids[i], parent) == 0)
                spans[n].parent = i;
        n++;
    }
    char scratch[4096];
    assert_true(trace_scratch(n) <= sizeof scratch);
    trace_section sections[2 * SPANS];
    size_t n_sections;
    diag d = DIAG_INIT;
    assert_int_equal(trace_critical_path(spans, n, scratch, sections, &n_sections, &d),
                     OK);
    const cJSON *expected = cJSON_GetObjectItem(c, "expect_sections");
    assert_int_equal(n_sections, cJSON_GetArraySize(expected));
    int64_t sum = 0;
    size_t i = 0;
    cJSON_ArrayForEach(at, expected) {
        assert_string_equal(ids[sections[i].span], text_of(at, "span"));
        assert_int_equal(sections[i].start, number_of(at, "section_start_us"));
        assert_int_equal(sections[i].end, number_of(at, "section_end_us"));
        sum += sections[i].end - sections[i].start;
        i++;
    }
    assert_int_equal(sum, number_of(c, "expect_section_sum_us"));
}

static void the_oracles_nine_paths(void **state) {
    (void)state;
    cJSON *root = read_oracle();
    const cJSON *cases = cJSON_GetObjectItem(root, "cases"), *c;
    assert_int_equal(cJSON_GetArraySize(cases), 9);
    cJSON_ArrayForEach(c, cases) check_case(c);
    cJSON_Delete(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_oracles_nine_paths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
