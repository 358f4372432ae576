/* Word counts and rates against the outside vectors of wer_cases.json: jiwer,
 * kaldialign and NIST sclite. Skips where the oracle folder is absent. */
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

#include "score/align.h"

static cJSON *oracle;

static int load(void **state) {
    (void)state;
    FILE *f = fopen(ROSTRUM_ORACLES "/wer_cases.json", "rb");
    if (!f)
        return 0;
    static char text[1 << 20];
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    oracle = cJSON_Parse(text);
    return oracle ? 0 : -1;
}

static int unload(void **state) {
    (void)state;
    cJSON_Delete(oracle);
    return 0;
}

static const cJSON *section(const char *group, const char *name) {
    if (!oracle) {
        print_message("skip: the oracle folder is absent\n");
        skip();
    }
    const cJSON *found = cJSON_GetObjectItem(cJSON_GetObjectItem(oracle, group), name);
    assert_non_null(found);
    return found;
}

static const char *string(const cJSON *object, const char *name) {
    return cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
}

static double number(const cJSON *object, const char *name) {
    const cJSON *item = cJSON_GetObjectItem(object, name);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

/* An array of strings joined by blanks, or a plain string. Caller frees. */
static char *joined(const cJSON *value) {
    char *text = calloc(1, 1 << 16);
    assert_non_null(text);
    if (cJSON_IsString(value))
        strcpy(text, value->valuestring);
    const cJSON *line;
    if (cJSON_IsArray(value)) {
        cJSON_ArrayForEach(line, value) {
            strcat(text, line->valuestring);
            strcat(text, " ");
        }
    }
    return text;
}

static void lower(char *text) {
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text |= 0x20;
}

static score_counts align(const char *ref, const char *hyp, score_costs costs,
                          char *ops) {
    enum { MOST = 4096 };
    static score_word r[MOST], h[MOST];
    size_t n = score_split(ref, strlen(ref), r, MOST);
    size_t m = score_split(hyp, strlen(hyp), h, MOST);
    assert_true(n <= MOST && m <= MOST);
    void *scratch = malloc(score_align_scratch(n, m));
    assert_non_null(scratch);
    score_counts counts;
    assert_int_equal(score_align(r, n, h, m, costs, scratch, &counts, ops), OK);
    free(scratch);
    return counts;
}

static void jiwer_rates_are_equal(void **state) {
    (void)state;
    const cJSON *test;
    int checked = 0;
    cJSON_ArrayForEach(test, section("jiwer", "cases")) {
        const cJSON *expect = cJSON_GetObjectItem(test, "expect");
        const cJSON *refs = cJSON_GetObjectItem(test, "ref");
        const cJSON *hyps = cJSON_GetObjectItem(test, "hyp");
        score_counts total = {0};
        if (strcmp(string(test, "mode"), "per_sentence") == 0) {
            for (int i = 0; i < cJSON_GetArraySize(refs); i++) {
                score_counts one = align(cJSON_GetArrayItem(refs, i)->valuestring,
                                         cJSON_GetArrayItem(hyps, i)->valuestring,
                                         score_levenshtein, NULL);
                score_add(&total, &one);
            }
        } else {
            char *ref = joined(refs), *hyp = joined(hyps);
            total = align(ref, hyp, score_levenshtein, NULL);
            free(ref);
            free(hyp);
        }
        const cJSON *wer = cJSON_GetObjectItem(expect, "wer");
        if (!cJSON_IsNumber(wer))
            continue;
        assert_true(fabs(score_wer(&total) - wer->valuedouble) <= 1e-12);
        checked++;
    }
    assert_true(checked >= 25);
}

static void jiwer_alignments_are_equal(void **state) {
    (void)state;
    const cJSON *test;
    cJSON_ArrayForEach(test, section("jiwer", "alignments")) {
        char ops[256];
        align(string(test, "ref"), string(test, "hyp"), score_levenshtein, ops);
        assert_string_equal(ops, string(test, "ops"));
    }
}

static void kaldialign_counts_are_equal(void **state) {
    (void)state;
    const cJSON *test;
    cJSON_ArrayForEach(test, section("kaldialign", "cases")) {
        char *ref = joined(cJSON_GetObjectItem(test, "ref"));
        char *hyp = joined(cJSON_GetObjectItem(test, "hyp"));
        score_counts c = align(ref, hyp, score_levenshtein, NULL);
        const cJSON *expect = cJSON_GetObjectItem(test, "expect");
        if (expect && cJSON_GetObjectItem(expect, "total"))
            assert_int_equal(score_errors(&c), (int)number(expect, "total"));
        free(ref);
        free(hyp);
    }
}

static void sclite_counts_are_equal(void **state) {
    (void)state;
    const cJSON *test;
    cJSON_ArrayForEach(test, section("sclite", "cases")) {
        char *ref = joined(cJSON_GetObjectItem(test, "ref"));
        char *hyp = joined(cJSON_GetObjectItem(test, "hyp"));
        lower(ref);
        lower(hyp);
        score_counts c = align(ref, hyp, score_sclite, NULL);
        uint64_t cost = 4 * c.substitutions + 3 * (c.deletions + c.insertions);
        assert_int_equal(cost, (int)number(test, "weighted_cost_4_3_3"));
        const cJSON *expect = cJSON_GetObjectItem(test, "expect");
        if (cJSON_IsTrue(cJSON_GetObjectItem(test, "counts_unique_under_4_3_3"))) {
            assert_int_equal(c.correct, (int)number(expect, "corr"));
            assert_int_equal(c.substitutions, (int)number(expect, "sub"));
            assert_int_equal(c.deletions, (int)number(expect, "del"));
            assert_int_equal(c.insertions, (int)number(expect, "ins"));
        }
        c = align(ref, hyp, score_levenshtein, NULL);
        assert_int_equal(score_errors(&c), (int)number(test, "levenshtein_total_1_1_1"));
        free(ref);
        free(hyp);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jiwer_rates_are_equal),
        cmocka_unit_test(jiwer_alignments_are_equal),
        cmocka_unit_test(kaldialign_counts_are_equal),
        cmocka_unit_test(sclite_counts_are_equal),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
