/* Which words are settled, and where a piece may be cut. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "engine/moonshine/commit.h"

/* 0 _a 1 _b 2 _c 3 x 4 . */
static const char sample[] = "4paBYQ== 0\n4paBYg== 1\n4paBYw== 2\neA== 3\nLg== 4\n";

/* A letter a token; frame 10 * index. */
static hypothesis said(const char *text) {
    hypothesis h = {.n = strlen(text)};
    for (size_t i = 0; i < h.n; i++) {
        const char *ids = "abcx.";
        h.tokens[i] = (heard){.token = (uint16_t)(strchr(ids, text[i]) - ids),
                              .frame = (uint16_t)(10 * i)};
    }
    return h;
}

static void settles_what_all_agree_on_up_to_a_word_boundary(void **state) {
    (void)state;
    static const struct {
        const char *newest, *before, *oldest; /* oldest may be NULL */
        size_t committed;
        uint16_t last_frame;
        size_t settled;
    } rows[] = {
        {"abc", "abc", NULL, 0, 999, 2},      /* the last word may still grow */
        {"axbc", "axbc", NULL, 0, 999, 3},    /* a word of two tokens counts whole */
        {"abcx", "abc", NULL, 0, 999, 2},     /* it did grow */
        {"ab.c", "ab.c", NULL, 0, 999, 3},    /* a full stop followed by a word */
        {"ab.", "ab.", NULL, 0, 999, 1},      /* one at the end is not settled */
        {"abc", "acb", NULL, 0, 999, 1},      /* they part after the first word */
        {"abcc", "axcc", NULL, 0, 999, 0},    /* "a" or "ax": not a boundary in both */
        {"abcab", "abcab", "abc", 0, 999, 2}, /* three must agree */
        {"abcab", "abcab", NULL, 0, 20,
         3}, /* what is young waits: frame 20 is the third */
        {"abcab", "abcab", NULL, 0, 19, 2},
        {"abcab", "acb", NULL, 4, 0, 4}, /* what is settled stays, whatever the age */
        {"", "", NULL, 0, 999, 0},
        {"ab", "", NULL, 0, 999, 0},
    };
    tokens *v = NULL;
    assert_int_equal(tokens_parse(sample, sizeof sample - 1, &v, NULL), OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hypothesis h[3] = {said(rows[i].newest), said(rows[i].before),
                           said(rows[i].oldest ? rows[i].oldest : "")};
        const hypothesis *all[] = {&h[0], &h[1], &h[2]};
        assert_int_equal(commit_agreed(v, all, rows[i].oldest ? 3 : 2, rows[i].committed,
                                       rows[i].last_frame),
                         rows[i].settled);
    }
    tokens_destroy(v);
}

static void cuts_at_the_quietest_gap_in_reach(void **state) {
    (void)state;
    static int16_t pcm[16000];
    for (size_t i = 0; i < 16000; i++)
        pcm[i] = (int16_t)((i & 1 ? 1 : -1) * (i / 1600 == 3   ? 300
                                               : i / 1600 == 7 ? 20
                                               : i / 1600 == 9 ? 1
                                                               : 9000));
    const commit_gap gaps[] = {{2, 4000, 7000}, {5, 10080, 13500}, {8, 14000, 15900}};
    commit_cut cut = {0};
    assert_true(commit_quietest(gaps, 2, pcm, 16000, 0, 16000, &cut));
    assert_int_equal(cut.tokens, 5);
    assert_in_range(cut.sample, 11900, 12100); /* the middle of the quiet tenth */
    assert_true(cut.power < 1e-6f);
    assert_true(commit_quietest(gaps, 3, pcm, 16000, 0, 9000, &cut));
    assert_int_equal(cut.tokens, 2); /* the others lie too late */
    assert_false(commit_quietest(gaps, 3, pcm, 16000, 7500, 9500, &cut));
    assert_false(commit_quietest(gaps, 0, pcm, 16000, 0, 16000, &cut));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settles_what_all_agree_on_up_to_a_word_boundary),
        cmocka_unit_test(cuts_at_the_quietest_gap_in_reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
