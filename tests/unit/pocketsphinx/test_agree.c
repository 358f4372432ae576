/* Committed words never change, whatever the hypotheses do. */
#include "engine/pocketsphinx/agree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static agree_state a;

/* Words of one blank between, each 200 ms long from 0 on. */
static void update(const char *text, int32_t now_ms, bool all) {
    agree_word words[32];
    size_t n = 0;
    char copy[256];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " ")) {
        words[n] =
            (agree_word){.start_ms = (int32_t)n * 200, .end_ms = (int32_t)n * 200 + 200};
        snprintf(words[n++].text, AGREE_WORD_BYTES, "%s", w);
    }
    agree_update(&a, words, n, now_ms, all);
}

static const char *said(void) {
    static char text[512];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < a.n; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s", i ? " " : "",
                              i == a.committed ? "| " : "", a.words[i].text);
    return text;
}

static void words_are_committed_when_old_and_agreed(void **state) {
    (void)state;
    static const struct {
        const char *hypothesis;
        int32_t now_ms;
        bool all;
        const char *expected; /* committed | rest */
    } rows[] = {
        {"go four", 400, false, "| go four"},       /* nothing to agree with */
        {"go forward", 600, false, "go | forward"}, /* old enough and twice the same */
        {"go forward ten", 700, false,
         "go | forward ten"}, /* forward ends 400 > 700-400 */
        {"go forward ten", 800, false, "go forward | ten"},
        {"no forward then", 900, false, "go forward | then"}, /* the first word stays */
        {"", 1000, false, "go forward"},                      /* even if all is gone */
        {"go forward ten metres", 1100, true, "go forward ten metres"},
    };
    agree_begin(&a, 2, 400);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        update(rows[i].hypothesis, rows[i].now_ms, rows[i].all);
        assert_string_equal(said(), rows[i].expected);
    }
}

static void no_sequence_of_hypotheses_changes_a_committed_word(void **state) {
    (void)state;
    srand(7);
    static char before[AGREE_WORDS][AGREE_WORD_BYTES];
    for (int round = 0; round < 300; round++) {
        agree_begin(&a, 1 + (unsigned)rand() % AGREE_HISTORY, rand() % 500);
        size_t committed = 0;
        for (int hop = 0; hop < 60; hop++) {
            agree_word words[40];
            size_t n = (size_t)rand() % 40;
            int32_t at = 0;
            for (size_t i = 0; i < n; i++) {
                at += rand() % 60; /* words of no length and gaps happen */
                words[i] = (agree_word){.start_ms = at, .end_ms = at + rand() % 60};
                at = words[i].end_ms;
                snprintf(words[i].text, AGREE_WORD_BYTES, "w%d", rand() % 2);
            }
            agree_update(&a, words, n, hop * 50, hop == 59);
            assert_true(a.committed >= committed && a.committed <= a.n);
            for (size_t i = 0; i < committed; i++)
                assert_string_equal(a.words[i].text, before[i]);
            committed = a.committed;
            for (size_t i = 0; i < committed; i++)
                memcpy(before[i], a.words[i].text, AGREE_WORD_BYTES);
        }
        assert_int_equal(a.committed, a.n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_committed_when_old_and_agreed),
        cmocka_unit_test(no_sequence_of_hypotheses_changes_a_committed_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
