/* Words and characters are cut where they should be, and equal when their bytes are. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "score/compound.h"
#include "score/confusions.h"
#include "score/entity.h"
#include "score/align.h"

enum { WORDS = 32 };

static size_t words_of(const char *text, score_word *words) {
    return score_split(text, strlen(text), words, WORDS);
}

static void white_space_separates_words(void **state) {
    (void)state;
    score_word w[WORDS];
    assert_int_equal(words_of(" one\ttwo\r\n three ", w), 3);
    assert_int_equal(w[1].bytes, 3);
    assert_memory_equal(w[2].text, "three", 5);
    assert_int_equal(words_of("", w), 0);
    assert_int_equal(words_of("  ", w), 0);
    assert_int_equal(score_split("a b c", 5, w, 1), 3); /* counts past the room */
}

/* Every byte value, at every place of an eight-byte block and at the end of the text. */
static void any_bytes_are_cut_as_byte_by_byte(void **state) {
    (void)state;
    uint32_t seed = 5;
    for (int round = 0; round < 20000; round++) {
        char text[41];
        seed = seed * 1664525 + 1013904223;
        size_t n = (seed >> 20) % sizeof text, words = 0, at = 0;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = seed >> 30 ? (char)(seed >> 16) : ' ';
        }
        score_word w[WORDS];
        size_t found = score_split(text, n, w, WORDS);
        while (at < n) {
            size_t start = at;
            while (at < n && text[at] != ' ' && (text[at] < '\t' || text[at] > '\r'))
                at++;
            if (at > start) {
                assert_ptr_equal(w[words].text, text + start);
                assert_int_equal(w[words].bytes, at - start);
                score_word alone = score_word_of(text + start, at - start);
                assert_true(w[words].hash == alone.hash);
                words++;
            }
            at++;
        }
        assert_int_equal(found, words);
    }
}

static void words_are_equal_when_their_bytes_are(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"word", "word", true},
        {"word", "work", false},
        {"eight888", "eight888", true},
        {"eight888", "eight889", false},
        {"ninebytes", "ninebytes", true}, /* one more than the hash holds */
        {"ninebytes", "ninebytez", false},
        {"ninebytes", "Ninebytes", false},
        {"sixteen-bytes-ab", "sixteen-bytes-ac", false},
        {"a", "aa", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        score_word a = score_word_of(rows[i].a, strlen(rows[i].a));
        score_word b = score_word_of(rows[i].b, strlen(rows[i].b));
        assert_int_equal(score_same(&a, &b), rows[i].same);
        assert_int_equal(score_compare_words(&a, &b) == 0, rows[i].same);
    }
    score_word zero = score_word_of("a\0", 2), one = score_word_of("a", 1);
    assert_false(score_same(&zero, &one)); /* the hash is equal, the length is not */
}

static void characters_are_utf8_sequences_and_single_blanks(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t n;
    } rows[] = {
        {"abc", 3},
        {" a  b ", 3},
        {"\xC3\xA9t\xC3\xA9", 3},
        {"", 0},
        {"\xE4\xB8\xAD x", 3},
        {"\xFF\xC3", 2}, /* broken: by bytes */
        {"\xE4\xB8", 2},
        {"   ", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        score_word c[WORDS];
        assert_int_equal(
            score_split_characters(rows[i].text, strlen(rows[i].text), c, WORDS),
            rows[i].n);
    }
}

static void compounds_are_joined_on_the_side_that_splits_them(void **state) {
    (void)state;
    static const struct {
        const char *ref, *hyp, *new_ref, *new_hyp;
        size_t joined;
    } rows[] = {
        /* kaldialign cf478ab, merge_compounds */
        {"white paper", "whitepaper", "whitepaper", "whitepaper", 1},
        {"whitepaper", "white paper", "whitepaper", "whitepaper", 1},
        {"the white paper is here", "the whitepaper was here", "the whitepaper is here",
         "the whitepaper was here", 1},
        {"a b c", "abc", "abc", "abc", 1},
        {"white paper", "white papers", "white paper", "white papers", 0},
        {"x y", "xz", "x y", "xz", 0},
        {"a b c", "d e a", "a b c", "d e a", 0}, /* one word is no compound */
        /* two in one run of errors */
        {"ab c de", "a bc de", "ab c de", "a bc de", 0},
        {"ab cd", "a b c d", "ab cd", "ab cd", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        score_word r[WORDS], h[WORDS], r2[WORDS], h2[WORDS];
        char ops[2 * WORDS + 1];
        static uint64_t scratch[1024];
        size_t n = words_of(rows[i].ref, r), m = words_of(rows[i].hyp, h);
        score_counts c;
        assert_true(score_align_scratch(n, m) <= sizeof scratch);
        assert_int_equal(score_align(r, n, h, m, score_levenshtein, scratch, &c, ops),
                         OK);
        assert_int_equal(score_join_compounds(r, &n, h, &m, ops), rows[i].joined);
        assert_int_equal(n, words_of(rows[i].new_ref, r2));
        assert_int_equal(m, words_of(rows[i].new_hyp, h2));
        for (size_t k = 0; k < n; k++)
            assert_true(score_same(&r[k], &r2[k]));
        for (size_t k = 0; k < m; k++)
            assert_true(score_same(&h[k], &h2[k]));
    }
}

static void an_entity_is_heard_whole_or_not_at_all(void **state) {
    (void)state;
    static const struct {
        const char *ops;
        size_t first, n;
        bool heard;
    } rows[] = {
        {"CCC", 0, 3, true},  {"CSC", 0, 3, false},
        {"CSC", 0, 1, true},  {"ICC", 0, 2, true}, /* inserted in front */
        {"CIC", 0, 2, false},                      /* inserted inside */
        {"CCI", 0, 2, true},  {"SICC", 1, 2, true},
        {"DCC", 1, 2, true},  {"CCD", 1, 2, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(score_entity_heard(rows[i].ops, rows[i].first, rows[i].n),
                         rows[i].heard);
    score_word ref[WORDS], what[WORDS];
    size_t n = words_of("one two one two three", ref), k = words_of("one two", what);
    assert_int_equal(score_entity_find(ref, n, 0, what, k), 0);
    assert_int_equal(score_entity_find(ref, n, 1, what, k), 2);
    assert_int_equal(score_entity_find(ref, n, 3, what, k), SCORE_NOWHERE);
    assert_int_equal(score_entity_find(ref, n, 0, what, 0), SCORE_NOWHERE);
}

static void confusions_are_counted_most_frequent_first(void **state) {
    (void)state;
    score_word r[WORDS], h[WORDS];
    score_confusion list[WORDS];
    (void)words_of("b a x a k", r);
    (void)words_of("c y c z k", h); /* b>c a>y x- -c a>z with ops below */
    size_t n = score_confusions_of(r, h, "SSDISC", list, WORDS);
    assert_int_equal(n, 5);
    assert_int_equal(list[2].hyp.bytes, 0); /* a deletion */
    assert_int_equal(list[3].ref.bytes, 0); /* an insertion */
    list[5] = list[0];
    list[5].count = 2;
    assert_int_equal(score_confusions_merge(list, 6), 5);
    assert_int_equal(list[0].count, 3);
    assert_memory_equal(list[0].ref.text, "b", 1);
    assert_int_equal(list[1].ref.bytes, 0); /* equals in order of their bytes */
    assert_memory_equal(list[2].hyp.text, "y", 1);
    assert_int_equal(score_confusions_merge(list, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_separates_words),
        cmocka_unit_test(any_bytes_are_cut_as_byte_by_byte),
        cmocka_unit_test(words_are_equal_when_their_bytes_are),
        cmocka_unit_test(characters_are_utf8_sequences_and_single_blanks),
        cmocka_unit_test(compounds_are_joined_on_the_side_that_splits_them),
        cmocka_unit_test(an_entity_is_heard_whole_or_not_at_all),
        cmocka_unit_test(confusions_are_counted_most_frequent_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
