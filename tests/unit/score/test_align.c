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
        /* as cheap as four substitutions, and preferred, though far off the diagonal */
        {"a b c d", "x y a b", "IICCDD"},
        {"x y a b", "a b c d", "DDCCII"},
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

/* The whole table filled, ties chosen going back from the end: what the band must equal.
 */
static void ops_by_table(const score_word *r, size_t n, const score_word *h, size_t m,
                         score_costs k, char *ops) {
    static unsigned cost[WORDS + 1][WORDS + 1];
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            unsigned best = i || j ? 1u << 30 : 0;
            unsigned a = i ? cost[i - 1][j] + k.deletion : best;
            unsigned b = j ? cost[i][j - 1] + k.insertion : best;
            unsigned c = i && j
                             ? cost[i - 1][j - 1] +
                                   (score_same(&r[i - 1], &h[j - 1]) ? 0 : k.substitution)
                             : best;
            best = a < best ? a : best;
            best = b < best ? b : best;
            cost[i][j] = c < best ? c : best;
        }
    size_t i = n, j = m, used = 0;
    const char *order = k.ties == SCORE_INSERTION_FIRST ? "IDM" : "MID";
    while (i || j) {
        for (const char *o = order;; o++) {
            bool same = i && j && score_same(&r[i - 1], &h[j - 1]);
            if (*o == 'I' && j && cost[i][j] == cost[i][j - 1] + k.insertion) {
                ops[used++] = 'I';
                j--;
                break;
            }
            if (*o == 'D' && i && cost[i][j] == cost[i - 1][j] + k.deletion) {
                ops[used++] = 'D';
                i--;
                break;
            }
            if (*o == 'M' && i && j &&
                cost[i][j] == cost[i - 1][j - 1] + (same ? 0 : k.substitution)) {
                ops[used++] = same ? 'C' : 'S';
                i--;
                j--;
                break;
            }
        }
    }
    ops[used] = '\0';
    for (size_t a = 0; a < used / 2; a++) {
        char keep = ops[a];
        ops[a] = ops[used - 1 - a];
        ops[used - 1 - a] = keep;
    }
}

static void the_band_gives_the_alignment_of_the_whole_table(void **state) {
    (void)state;
    uint32_t seed = 3;
    for (int round = 0; round < 6000; round++) {
        char text[2][2 * WORDS + 1] = {"", ""};
        uint32_t vocabulary = 2 + (uint32_t)round % 11;
        for (int side = 0; side < 2; side++) {
            seed = seed * 1664525 + 1013904223;
            size_t n = (seed >> 16) % (round % 10 == 0 ? 60 : 14);
            size_t shift = (seed >> 8) % 6;
            for (size_t i = 0; i < n; i++) {
                seed = seed * 1664525 + 1013904223;
                /* hypotheses copy their reference in place, shifted up or down, or not */
                size_t from = round % 4 == 1   ? i
                              : round % 4 == 2 ? i + shift
                              : round % 4 == 3 ? i - shift
                                               : WORDS;
                bool copy = side == 1 && from < strlen(text[0]) / 2 && (seed >> 12) % 12;
                text[side][2 * i] =
                    copy ? text[0][2 * from] : (char)('a' + (seed >> 24) % vocabulary);
                text[side][2 * i + 1] = ' ';
                text[side][2 * i + 2] = '\0';
            }
        }
        score_word r[WORDS], h[WORDS];
        size_t n = score_split(text[0], strlen(text[0]), r, WORDS);
        size_t m = score_split(text[1], strlen(text[1]), h, WORDS);
        const score_costs all[] = {score_levenshtein,
                                   score_sclite,
                                   {2, 1, 3, SCORE_INSERTION_FIRST},
                                   {5, 3, 1, SCORE_DIAGONAL_FIRST}};
        for (int k = 0; k < 4; k++) {
            char ops[2 * WORDS + 1], expected[2 * WORDS + 1];
            score_counts with = align_text(text[0], text[1], all[k], ops);
            score_counts without = align_text(text[0], text[1], all[k], NULL);
            ops_by_table(r, n, h, m, all[k], expected);
            assert_string_equal(ops, expected);
            assert_memory_equal(&with, &without, sizeof with);
        }
    }
}

static void ties_under_sclites_costs_are_broken_as_sclite_breaks_them(void **state) {
    (void)state;
    static const struct {
        const char *ref, *hyp, *ops;
    } rows[] = {
        /* seen in sclite 2.10 (Debian sctk 2.4.10), generated texts */
        {"gu fo di di fo ba di fo", "gu fo di di di di di ba di di fo ce",
         "CCIICCSCICCI"},
        {"ba ce di di", "ba di ce di di", "CICCC"},
        {"ba di ce gu fo ba gu di di", "ba di di fo gu di di gu di", "CCDSCDCICIC"},
        {"gu di di di", "di di di di gu", "SCCCI"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char ops[2 * WORDS + 1];
        align_text(rows[i].ref, rows[i].hyp, score_sclite, ops);
        assert_string_equal(ops, rows[i].ops);
    }
}

static void rates_follow_their_formulas(void **state) {
    (void)state;
    static const struct {
        const char *ref, *hyp;
        double wer, mer, wil;
    } rows[] = {
        /* jiwer c1b0d5e */
        {"X", "X X Y Y", 3, 0.75, 0.75},
        {"X Y X", "X Z", 2. / 3, 2. / 3, 1 - 1. / 6},
        {"", "hello", 1, 1, 1},
        {"hello", "", 1, 1, 1},
        {"", "", 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        score_counts c = align_text(rows[i].ref, rows[i].hyp, score_levenshtein, NULL);
        assert_float_equal(score_wer(&c), rows[i].wer, 1e-12);
        assert_float_equal(score_mer(&c), rows[i].mer, 1e-12);
        assert_float_equal(score_wil(&c), rows[i].wil, 1e-12);
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
        cmocka_unit_test(the_band_gives_the_alignment_of_the_whole_table),
        cmocka_unit_test(ties_under_sclites_costs_are_broken_as_sclite_breaks_them),
        cmocka_unit_test(rates_follow_their_formulas),
        cmocka_unit_test(an_empty_reference_counts_insertions),
        cmocka_unit_test(too_many_words_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
