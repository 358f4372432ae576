/* Copies of words are clean, times are in order, corrections are counted right. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/tape.h"
#include "engine/words.h"

static word_list a, b;

/* Splits text at blanks; all but the last `tail` words are committed. */
static void fill(word_list *w, const char *text, size_t tail) {
    static char copy[4096];
    static rostrum_word words[LIMIT_HYPOTHESIS_WORDS];
    size_t n = 0;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *save, *t = strtok_r(copy, " ", &save); t; t = strtok_r(NULL, " ", &save))
        words[n++] = (rostrum_word){t, -1, -1, -1};
    words_copy(w, &(rostrum_hypothesis){words, n, n > tail ? n - tail : 0});
}

static void corrections_are_committed_words_that_changed(void **state) {
    (void)state;
    static const struct {
        const char *live;
        uint32_t committed;
        const char *final;
        uint32_t corrected;
    } rows[] = {
        {"", 0, "anything at all", 0},
        {"to be or not", 4, "to be or not", 0},
        {"to be or not", 4, "To be, or not!", 0}, /* the words are the same */
        {"to be or not", 4, "two be or not", 1},  /* replaced */
        {"to be or not", 2, "to be and not", 0},  /* not committed: not counted */
        {"to be or not", 4, "to or not", 1},      /* left out */
        {"to be or not", 4, "well to be or not to be", 0}, /* put in: none changed */
        {"to be or not", 4, "", 4},
        {"a b c d", 2, "x y c d", 2},
        {"don't", 1, "dont", 0},
        {"the cat the cat", 2, "the cat", 0}, /* the committed pair can be the one kept */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fill(&a, rows[i].live, 0);
        fill(&b, rows[i].final, 0);
        if (words_corrected(&a, rows[i].committed, &b) != rows[i].corrected)
            fail_msg("row %zu: %u", i, words_corrected(&a, rows[i].committed, &b));
    }
}

static void a_copy_is_clean(void **state) {
    (void)state;
    char longest[200];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const rostrum_word words[] = {
        {"good", 0, 10, 0.5f},  {"", 10, 20, 1}, /* left out */
        {"cut\xC3", 20, 30, 2}, /* half a letter; a confidence that is none */
        {"\xFF", 30, 40, NAN},  /* nothing is left of it */
        {longest, 40, 50, NAN},
    };
    words_copy(&a, &(rostrum_hypothesis){words, 5, 4});
    assert_int_equal(a.n, 3);
    assert_int_equal(a.committed, 2);
    assert_string_equal(words_text(&a, 1), "cut");
    assert_true(a.words[1].confidence == -1);
    assert_int_equal(strlen(words_text(&a, 2)), LIMIT_WORD_BYTES - 1);

    static rostrum_word many[LIMIT_HYPOTHESIS_WORDS + 9];
    for (size_t i = 0; i < LIMIT_HYPOTHESIS_WORDS + 9; i++)
        many[i] = (rostrum_word){longest, 0, 0, 1};
    words_copy(&a, &(rostrum_hypothesis){many, LIMIT_HYPOTHESIS_WORDS + 9,
                                         LIMIT_HYPOTHESIS_WORDS + 9});
    assert_int_equal(a.n, LIMIT_HYPOTHESIS_WORDS);
    assert_int_equal(a.committed, LIMIT_HYPOTHESIS_WORDS);
}

static void a_committed_prefix_is_kept_or_not(void **state) {
    (void)state;
    static const struct {
        const char *before;
        size_t before_tail;
        const char *after;
        size_t after_tail;
        bool kept;
    } rows[] = {
        {"", 0, "a b", 2, true},
        {"a b c", 1, "a b d e", 2, true}, /* the tail may change */
        {"a b c", 1, "a x c", 0, false},  /* a committed word changed */
        {"a b c", 1, "a b c", 2, false},  /* taken back */
        {"a b c", 1, "a", 0, false},
        {"a b", 0, "a b,", 0, false}, /* punctuation is text too */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fill(&a, rows[i].before, rows[i].before_tail);
        fill(&b, rows[i].after, rows[i].after_tail);
        if (words_keep_committed(&a, &b) != rows[i].kept)
            fail_msg("row %zu", i);
    }
    fill(&a, "a b", 0);
    fill(&b, "a b", 1);
    assert_true(words_same(&a, &b));
    fill(&b, "a c", 1);
    assert_false(words_same(&a, &b));
}

static void unknown_and_wild_times_become_ordered(void **state) {
    (void)state;
    static engine_text t;
    const rostrum_word words[] = {
        {"a", 100, 300, 1}, {"b", -1, -1, 1},     {"c", 50, 20, 1}, /* goes back */
        {"d", 700, 900, 1}, {"e", 5000, 9000, 1},                   /* past the end */
    };
    static const uint32_t expected[][2] = {
        {1100, 1300}, {1300, 1500}, {1500, 1700}, {1700, 1900}, {1960, 2000}};
    words_copy(&a, &(rostrum_hypothesis){words, 5, 1});
    words_fill(&a, 1000, 2000, &t);
    assert_int_equal(t.n_words, 5);
    assert_int_equal(t.committed, 1);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(t.words[i].start_ms, expected[i][0]);
        assert_int_equal(t.words[i].end_ms, expected[i][1]);
    }
}

/* Whatever an engine says: in order, none empty, none outside. */
static void any_times_become_words_one_after_another(void **state) {
    (void)state;
    static engine_text t;
    static rostrum_word words[LIMIT_HYPOTHESIS_WORDS];
    uint32_t seed = 7;
    for (int round = 0; round < 3000; round++) {
        seed = seed * 1664525u + 1013904223u;
        size_t n = 1 + (seed >> 8) % (round % 10 == 0 ? LIMIT_HYPOTHESIS_WORDS : 12);
        uint32_t origin = seed >> 20, length = (seed >> 12) % 8000, end = origin + length;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            int32_t start = (int32_t)(seed >> 10) % 9000 - 500;
            words[i] = (rostrum_word){"w", start, start + (int32_t)(seed >> 24) - 99, 1};
        }
        words_copy(&a, &(rostrum_hypothesis){words, n, n});
        words_fill(&a, origin, end, &t);
        uint32_t least = length / (uint32_t)n, at = origin;
        if (least > WORDS_LEAST_MS)
            least = WORDS_LEAST_MS;
        for (size_t i = 0; i < n; i++) {
            assert_true(t.words[i].start_ms >= at);
            assert_true(t.words[i].end_ms >= t.words[i].start_ms + least);
            at = t.words[i].end_ms;
        }
        assert_true(at <= end);
    }
}

static void the_tape_keeps_what_it_promises(void **state) {
    (void)state;
    static int16_t memory[TAPE_SAMPLES];
    static float out[TAPE_SAMPLES];
    tape t;
    tape_init(&t, memory, 300);
    int16_t pcm[FRAME_SAMPLES];
    for (uint64_t end = 0; end < 200000;) {
        size_t n = 1 + (size_t)(end * 7 % FRAME_SAMPLES);
        for (size_t i = 0; i < n; i++)
            pcm[i] = (int16_t)((end + i) % 30000);
        tape_add(&t, pcm, n);
        end += n;
        if (end > 100000)
            tape_set_prefix(&t, end % 2 ? 2000 : 0);
        uint64_t start = tape_start(&t);
        size_t kept = (size_t)(end - start);
        if (end > 20000 && end < 100000)
            assert_int_equal(kept, 300 * SAMPLES_PER_MS + TAPE_EXTRA);
        tape_read(&t, start, kept, out);
        for (size_t i = 0; i < kept; i++)
            assert_true(out[i] == (float)((start + i) % 30000) / 32768);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corrections_are_committed_words_that_changed),
        cmocka_unit_test(a_copy_is_clean),
        cmocka_unit_test(a_committed_prefix_is_kept_or_not),
        cmocka_unit_test(unknown_and_wild_times_become_ordered),
        cmocka_unit_test(any_times_become_words_one_after_another),
        cmocka_unit_test(the_tape_keeps_what_it_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
