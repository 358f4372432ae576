/* Alignments are cheapest, counts follow their convention, and the figures that
 * matter most of the outside vectors hold. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "score/align.h"

enum { WORDS = 64 };

static score_counts align_text(const char *ref, const char *hyp, score_costs costs,
                               char *ops) {
    score_word r[WORDS], h[WORDS];
    size_t n_ref = score_split(ref, strlen(ref), r, WORDS);
    size_t n_hyp = score_split(hyp, strlen(hyp), h, WORDS);
    void *scratch = malloc(score_align_scratch(n_ref, n_hyp));
    assert_non_null(scratch);
    score_counts counts;
    assert_int_equal(score_align(r, n_ref, h, n_hyp, costs, scratch, &counts, ops), OK);
    free(scratch);
    return counts;
}

static void alignments_equal_the_published_ones(void **state) {
    (void)state;
    static const struct {
        const char *ref, *hyp, *ops;
    } rows[] = {
        /* jiwer c1b0d5e, cases whose best alignment is unique */
        {"this is a", "this is a test", "CCCI"},
        {"this is a test", "this is a", "CCCD"},
        {"this is a test", "this was a test", "CSCC"},
        {"empty", "", "D"},
        {"", "inserted", "I"},
        {"this sentence could be split", "this sentence will be split by ai", "CCSCCII"},
        {"this test will have a high word error rate", "no it will not", "SSCSDDDDD"},
        {"", "", ""},
        /* jiwer and kaldialign, several best alignments: the same one is taken */
        {"this is a test of skill", "this was a messy test", "CSCICDD"},
        {"a b c", "a s x c", "CSIC"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char ops[2 * WORDS + 1];
        align_text(rows[i].ref, rows[i].hyp, score_levenshtein, ops);
        assert_string_equal(ops, rows[i].ops);
    }
}

static void costs_choose_between_a_substitution_and_a_pair(void **state) {
    (void)state;
    score_counts c = align_text("a b c", "b c d", score_levenshtein, NULL);
    assert_int_equal(c.deletions, 1);
    assert_int_equal(c.insertions, 1);
    assert_int_equal(c.substitutions, 0);
    /* one wrong word is a substitution at 4, not a pair at 6 */
    c = align_text("a x c", "a y c", score_sclite, NULL);
    assert_int_equal(c.substitutions, 1);
    /* with costs 3 1 1 the pair is cheaper */
    c = align_text("a x c", "a y c", (score_costs){3, 1, 1, SCORE_INSERTION_FIRST}, NULL);
    assert_int_equal(c.substitutions, 0);
    assert_int_equal(c.deletions, 1);
    assert_int_equal(c.insertions, 1);
}

/* Least cost by trying everything: the definition itself. */
static unsigned least(const score_word *r, size_t n, const score_word *h, size_t m,
                      score_costs k) {
    if (n == 0)
        return (unsigned)m * k.insertion;
    if (m == 0)
        return (unsigned)n * k.deletion;
    unsigned a =
        least(r + 1, n - 1, h + 1, m - 1, k) + (score_same(r, h) ? 0 : k.substitution);
    unsigned b = least(r + 1, n - 1, h, m, k) + k.deletion;
    unsigned c = least(r, n, h + 1, m - 1, k) + k.insertion;
    unsigned best = a < b ? a : b;
    return best < c ? best : c;
}

static void no_alignment_is_cheaper_on_random_short_texts(void **state) {
    (void)state;
    uint32_t seed = 7;
    for (int round = 0; round < 400; round++) {
        char ref[16] = "", hyp[16] = "";
        for (char *text = ref; text; text = text == ref ? hyp : NULL) {
            unsigned n = (seed = seed * 1664525 + 1013904223) >> 29;
            for (unsigned i = 0; i < n && i < 6; i++) {
                seed = seed * 1664525 + 1013904223;
                text[2 * i] = "abc"[(seed >> 24) % 3];
                text[2 * i + 1] = ' ';
                text[2 * i + 2] = '\0';
            }
        }
        score_word r[8], h[8];
        size_t n = score_split(ref, strlen(ref), r, 8),
               m = score_split(hyp, strlen(hyp), h, 8);
        const score_costs all[] = {score_levenshtein, score_sclite};
        for (int k = 0; k < 2; k++) {
            score_counts c = align_text(ref, hyp, all[k], NULL);
            unsigned cost = (unsigned)(c.substitutions * all[k].substitution +
                                       c.deletions * all[k].deletion +
                                       c.insertions * all[k].insertion);
            assert_int_equal(cost, least(r, n, h, m, all[k]));
            assert_int_equal(score_reference_words(&c), n);
            assert_int_equal(c.correct + c.substitutions + c.insertions, m);
        }
    }
}

static void an_empty_reference_counts_insertions(void **state) {
    (void)state;
    score_counts c = align_text("", "two words", score_levenshtein, NULL);
    assert_true(score_wer(&c) == 2.0);
    c = align_text("", "", score_levenshtein, NULL);
    assert_true(score_wer(&c) == 0.0);
}

static void too_many_words_are_refused(void **state) {
    (void)state;
    score_word one = score_word_of("a", 1);
    score_counts c = {.correct = 42};
    assert_int_equal(score_align(&one, SCORE_WORDS_MAX + 1, &one, 1, score_levenshtein,
                                 NULL, &c, NULL),
                     ERR_LIMIT);
    assert_int_equal(c.correct, 42);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alignments_equal_the_published_ones),
        cmocka_unit_test(costs_choose_between_a_substitution_and_a_pair),
        cmocka_unit_test(no_alignment_is_cheaper_on_random_short_texts),
        cmocka_unit_test(an_empty_reference_counts_insertions),
        cmocka_unit_test(too_many_words_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
