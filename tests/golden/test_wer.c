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

#include "oracle.h"
#include "score/align.h"
#include "score/compound.h"
#include "score/confusions.h"

static int load(void **state) {
    (void)state;
    return oracle_begin(ROSTRUM_ORACLES "/wer_cases.json");
}

static const cJSON *section(const char *group, const char *name) {
    return oracle_item(oracle_section(group), name);
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
        assert_true(fabs(score_wer(&total) - number(expect, "wer")) <= 1e-12);
        if (cJSON_IsTrue(cJSON_GetObjectItem(test, "measures_unique"))) {
            assert_true(fabs(score_mer(&total) - number(expect, "mer")) <= 1e-12);
            assert_true(fabs(score_wil(&total) - number(expect, "wil")) <= 1e-12);
            assert_true(fabs(1 - score_wil(&total) - number(expect, "wip")) <= 1e-12);
        }
        const cJSON *counts = cJSON_GetObjectItem(test, "counts");
        if (counts) {
            assert_int_equal(total.correct, (int)number(counts, "hits"));
            assert_int_equal(total.substitutions, (int)number(counts, "sub"));
            assert_int_equal(total.deletions, (int)number(counts, "del"));
            assert_int_equal(total.insertions, (int)number(counts, "ins"));
        }
        checked++;
    }
    assert_int_equal(checked, 31);
}

static void jiwer_joined_sentences_are_one_text(void **state) {
    (void)state;
    score_counts counts[2];
    for (int side = 0; side < 2; side++) {
        const cJSON *pair = section("jiwer", "equivalence");
        pair = cJSON_GetObjectItem(pair, side == 0 ? "a" : "b");
        char *ref = joined(cJSON_GetObjectItem(pair, "ref"));
        char *hyp = joined(cJSON_GetObjectItem(pair, "hyp"));
        counts[side] = align(ref, hyp, score_levenshtein, NULL);
        free(ref);
        free(hyp);
    }
    assert_memory_equal(&counts[0], &counts[1], sizeof counts[0]);
}

static void jiwer_character_rates_are_equal(void **state) {
    (void)state;
    const cJSON *test;
    int checked = 0;
    cJSON_ArrayForEach(test, section("jiwer", "characters")) {
        const cJSON *refs = cJSON_GetObjectItem(test, "ref");
        const cJSON *hyps = cJSON_GetObjectItem(test, "hyp");
        score_counts total = {0};
        for (int i = 0; i < cJSON_GetArraySize(refs); i++) {
            enum { MOST = 256 };
            score_word r[MOST], h[MOST];
            static uint64_t scratch[MOST * MOST / 4];
            const char *ref = cJSON_GetArrayItem(refs, i)->valuestring;
            const char *hyp = cJSON_GetArrayItem(hyps, i)->valuestring;
            size_t n = score_split_characters(ref, strlen(ref), r, MOST);
            size_t m = score_split_characters(hyp, strlen(hyp), h, MOST);
            score_counts one;
            assert_true(score_align_scratch(n, m) <= sizeof scratch);
            assert_int_equal(
                score_align(r, n, h, m, score_levenshtein, scratch, &one, NULL), OK);
            score_add(&total, &one);
        }
        assert_true(fabs(score_wer(&total) - number(test, "cer")) <= 1e-12);
        checked++;
    }
    assert_int_equal(checked, 15);
}

/* The count of a pair in list[n]; a side without text is NULL. */
static int count_of(const score_confusion *list, size_t n, const char *ref,
                    const char *hyp) {
    for (size_t i = 0; i < n; i++) {
        const char *texts[] = {ref, hyp};
        const score_word *words[] = {&list[i].ref, &list[i].hyp};
        bool same = true;
        for (int k = 0; k < 2; k++) {
            size_t bytes = texts[k] ? strlen(texts[k]) : 0;
            same = same && words[k]->bytes == bytes &&
                   (bytes == 0 || memcmp(words[k]->text, texts[k], bytes) == 0);
        }
        if (same)
            return (int)list[i].count;
    }
    return 0;
}

static void jiwer_confusions_are_equal(void **state) {
    (void)state;
    const cJSON *pairs = section("jiwer", "error_pairs");
    const cJSON *refs = cJSON_GetObjectItem(pairs, "ref");
    const cJSON *hyps = cJSON_GetObjectItem(pairs, "hyp");
    score_confusion list[64];
    size_t n = 0;
    for (int i = 0; i < cJSON_GetArraySize(refs); i++) {
        score_word r[16], h[16];
        char ops[33];
        const char *ref = cJSON_GetArrayItem(refs, i)->valuestring;
        const char *hyp = cJSON_GetArrayItem(hyps, i)->valuestring;
        (void)score_split(ref, strlen(ref), r, 16);
        (void)score_split(hyp, strlen(hyp), h, 16);
        align(ref, hyp, score_levenshtein, ops);
        n += score_confusions_of(r, h, ops, list + n, 64 - n);
    }
    n = score_confusions_merge(list, n);
    const cJSON *expect = cJSON_GetObjectItem(pairs, "word_pairs"), *one;
    size_t different = 0;
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(expect, "sub")) {
        assert_int_equal(count_of(list, n, cJSON_GetArrayItem(one, 0)->valuestring,
                                  cJSON_GetArrayItem(one, 1)->valuestring),
                         cJSON_GetArrayItem(one, 2)->valueint);
        different++;
    }
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(expect, "ins")) {
        assert_int_equal(count_of(list, n, NULL, cJSON_GetArrayItem(one, 0)->valuestring),
                         cJSON_GetArrayItem(one, 1)->valueint);
        different++;
    }
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(expect, "del")) {
        assert_int_equal(count_of(list, n, cJSON_GetArrayItem(one, 0)->valuestring, NULL),
                         cJSON_GetArrayItem(one, 1)->valueint);
        different++;
    }
    assert_int_equal(n, different);
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

/* ops of an alignment written as pairs of words, null where a side has none. */
static void ops_of_pairs(const cJSON *pairs, char *ops) {
    const cJSON *pair;
    cJSON_ArrayForEach(pair, pairs) {
        const char *ref = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 0));
        const char *hyp = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 1));
        *ops++ = !ref ? 'I' : !hyp ? 'D' : strcmp(ref, hyp) == 0 ? 'C' : 'S';
    }
    *ops = '\0';
}

static void kaldialign_alignments_are_equal(void **state) {
    (void)state;
    const cJSON *test;
    int checked = 0;
    cJSON_ArrayForEach(test, section("kaldialign", "cases")) {
        const cJSON *options = cJSON_GetObjectItem(test, "options");
        bool sclite = cJSON_IsTrue(cJSON_GetObjectItem(options, "sclite_mode"));
        char *ref = joined(cJSON_GetObjectItem(test, "ref"));
        char *hyp = joined(cJSON_GetObjectItem(test, "hyp"));
        char ops[64], expected[64];
        score_counts c = align(ref, hyp, sclite ? score_sclite : score_levenshtein, ops);
        const cJSON *expect = cJSON_GetObjectItem(test, "expect");
        assert_int_equal(score_errors(&c), (int)number(expect, "total"));
        assert_int_equal(c.insertions, (int)number(expect, "ins"));
        assert_int_equal(c.deletions, (int)number(expect, "del"));
        assert_int_equal(c.substitutions, (int)number(expect, "sub"));
        assert_int_equal(score_reference_words(&c), (int)number(expect, "ref_len"));
        const cJSON *pairs = cJSON_GetObjectItem(test, "alignment");
        if (pairs) {
            ops_of_pairs(pairs, expected);
            assert_string_equal(ops, expected);
        }
        free(ref);
        free(hyp);
        checked++;
    }
    assert_int_equal(checked, 7);
}

static void kaldialign_compounds_are_joined(void **state) {
    (void)state;
    const cJSON *test;
    int checked = 0;
    cJSON_ArrayForEach(test, section("kaldialign", "compound_words")) {
        char *ref = joined(cJSON_GetObjectItem(test, "ref"));
        char *hyp = joined(cJSON_GetObjectItem(test, "hyp"));
        score_word r[16], h[16];
        char ops[33];
        static uint64_t scratch[1024];
        size_t n = score_split(ref, strlen(ref), r, 16);
        size_t m = score_split(hyp, strlen(hyp), h, 16);
        score_counts c = align(ref, hyp, score_levenshtein, ops);
        if (!cJSON_IsFalse(cJSON_GetObjectItem(test, "merge_compounds"))) {
            assert_true(score_join_compounds(r, &n, h, &m, ops) > 0);
            assert_int_equal(
                score_align(r, n, h, m, score_levenshtein, scratch, &c, NULL), OK);
        }
        assert_int_equal(score_errors(&c), (int)number(test, "total"));
        if (cJSON_GetObjectItem(test, "sub"))
            assert_int_equal(c.substitutions, (int)number(test, "sub"));
        free(ref);
        free(hyp);
        checked++;
    }
    assert_int_equal(checked, 6);
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
        /* also where several best alignments count differently */
        assert_int_equal(c.correct, (int)number(expect, "corr"));
        assert_int_equal(c.substitutions, (int)number(expect, "sub"));
        assert_int_equal(c.deletions, (int)number(expect, "del"));
        assert_int_equal(c.insertions, (int)number(expect, "ins"));
        c = align(ref, hyp, score_levenshtein, NULL);
        assert_int_equal(score_errors(&c), (int)number(test, "levenshtein_total_1_1_1"));
        free(ref);
        free(hyp);
    }
}

/* The alignments the two-system sets were made with, and their totals. */
static void sclite_alignments_of_the_mapsswe_sets_are_equal(void **state) {
    (void)state;
    const cJSON *set;
    int checked = 0;
    cJSON_ArrayForEach(set, section("mapsswe", "sets")) {
        for (int side = 0; side < 2; side++) {
            const char *key = side == 0 ? "a_trn" : "b_trn";
            score_counts total = {0};
            for (int i = 0; i < cJSON_GetArraySize(cJSON_GetObjectItem(set, key)); i++) {
                const cJSON *refs = cJSON_GetObjectItem(set, "ref_trn");
                char *ref = joined(cJSON_GetArrayItem(refs, i));
                char *hyp = joined(cJSON_GetArrayItem(cJSON_GetObjectItem(set, key), i));
                char ops[256];
                *strrchr(ref, '(') = '\0';
                *strrchr(hyp, '(') = '\0';
                score_counts one = align(ref, hyp, score_sclite, ops);
                const cJSON *alignment =
                    cJSON_GetArrayItem(cJSON_GetObjectItem(set, "alignments"), i);
                assert_string_equal(ops,
                                    string(alignment, side == 0 ? "a_ops" : "b_ops"));
                score_add(&total, &one);
                free(ref);
                free(hyp);
                checked++;
            }
            const cJSON *expect = cJSON_GetObjectItem(
                cJSON_GetObjectItem(set, "sclite_totals"), side == 0 ? "a" : "b");
            assert_int_equal(total.correct, (int)number(expect, "corr"));
            assert_int_equal(total.substitutions, (int)number(expect, "sub"));
            assert_int_equal(total.deletions, (int)number(expect, "del"));
            assert_int_equal(total.insertions, (int)number(expect, "ins"));
        }
    }
    assert_int_equal(checked, 1120);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jiwer_rates_are_equal),
        cmocka_unit_test(jiwer_alignments_are_equal),
        cmocka_unit_test(jiwer_joined_sentences_are_one_text),
        cmocka_unit_test(jiwer_character_rates_are_equal),
        cmocka_unit_test(jiwer_confusions_are_equal),
        cmocka_unit_test(kaldialign_alignments_are_equal),
        cmocka_unit_test(kaldialign_compounds_are_joined),
        cmocka_unit_test(sclite_alignments_of_the_mapsswe_sets_are_equal),
        cmocka_unit_test(sclite_counts_are_equal),
    };
    return cmocka_run_group_tests(tests, load, oracle_end);
}
