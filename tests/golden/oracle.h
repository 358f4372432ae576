/* tests/golden/oracle.h: one file of outside vectors, read once a test program. */
#ifndef ROSTRUM_TESTS_ORACLE_H
#define ROSTRUM_TESTS_ORACLE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cjson/cJSON.h>

static cJSON *oracle; /* this program's file; NULL: the folder is absent */

/* NULL when the folder is absent; the caller deletes it. */
static inline cJSON *oracle_load(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    fseek(f, 0, SEEK_END);
    size_t size = (size_t)ftell(f);
    rewind(f);
    char *text = calloc(1, size + 1);
    assert_non_null(text);
    size_t got = fread(text, 1, size, f);
    fclose(f);
    assert_int_equal(got, size);
    cJSON *root = cJSON_Parse(text);
    free(text);
    assert_non_null(root);
    return root;
}

/* Set-up and tear-down of a group of tests on one file of ROSTRUM_ORACLES. */
static inline int oracle_begin(const char *path) {
    oracle = oracle_load(path);
    return 0;
}

static inline int oracle_end(void **state) {
    (void)state;
    cJSON_Delete(oracle);
    return 0;
}

/* Skips the test when there is no oracle. */
static inline void oracle_need(void) {
    if (!oracle) {
        print_message("skip: the oracle folder is absent\n");
        skip();
    }
}

/* A member that must be there. */
static inline const cJSON *oracle_item(const cJSON *object, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!item)
        fail_msg("the oracle has no member %s", name);
    return item;
}

/* A member of the file. */
static inline const cJSON *oracle_section(const char *name) {
    oracle_need();
    return oracle_item(oracle, name);
}

/* A number; the words Infinity and NaN count. */
static inline double oracle_value(const cJSON *item) {
    if (cJSON_IsString(item))
        return strtod(item->valuestring, NULL);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static inline double oracle_number(const cJSON *object, const char *name) {
    return oracle_value(oracle_item(object, name));
}

/* An array of numbers into out[max]; returns how many. */
static inline size_t oracle_numbers(const cJSON *array, double *out, size_t max) {
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, array) {
        assert_true(n < max);
        out[n++] = oracle_value(item);
    }
    return n;
}

/* |got - expected| within rel |expected| + abs; infinities must be equal. */
static inline void oracle_close(double got, double expected, double rel, double abs,
                                const char *what, int row) {
    if (got == expected || fabs(got - expected) <= rel * fabs(expected) + abs)
        return;
    fail_msg("%s, row %d: got %.17g, expected %.17g (off by %.3g)", what, row, got,
             expected, got - expected);
}

#endif
