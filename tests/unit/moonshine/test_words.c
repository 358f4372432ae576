/* Tokens with times to words with times. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/moonshine/words.h"

/* 0 _play 1 back 2 . 3 _of 4 <0xC3> 5 <0xA9> 6 _ 7 <unk> 8 _aaaaaaaa */
static const char sample[] =
    "4paBcGxheQ== 0\nYmFjaw== 1\nLg== 2\n4paBb2Y= 3\nPDB4QzM+ 4\n"
    "PDB4QTk+ 5\n4paB 6\nPHVuaz4= 7\n4paBYWFhYWFhYWE= 8\n";

enum { PLAY, BACK, STOP, OF, BYTE_1, BYTE_2, MARK, UNKNOWN, LONG };

static tokens *vocabulary;
static words out;

static int set_up(void **state) {
    (void)state;
    return tokens_parse(sample, sizeof sample - 1, &vocabulary, NULL) == OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    tokens_destroy(vocabulary);
    return 0;
}

/* Words of the tokens (100 ms apart), joined by '|'; ends is the index of a token that
 * ends its word, or -1. */
static const char *spell(const uint16_t *ids, size_t n, int ends) {
    static char text[WORDS_TEXT_BYTES];
    timed_token spoken[512];
    for (size_t i = 0; i < n; i++)
        spoken[i] = (timed_token){.token = ids[i],
                                  .ends_word = (int)i == ends,
                                  .probability = 0.5f,
                                  .at_ms = (int32_t)i * 100};
    words_build(vocabulary, spoken, n, &out);
    text[0] = 0;
    for (size_t i = 0; i < out.n; i++) {
        strcat(text, i ? "|" : "");
        strcat(text, out.words[i].text);
    }
    return text;
}

#define SPELL(ends, ...)                                                                 \
    spell((const uint16_t[]){__VA_ARGS__},                                               \
          sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t), ends)

static void begins_a_word_at_each_mark(void **state) {
    (void)state;
    assert_string_equal(SPELL(-1, PLAY, BACK, STOP, OF), "playback.|of");
    assert_string_equal(SPELL(-1, BACK, OF), "back|of"); /* the first needs no mark */
    assert_string_equal(SPELL(-1, MARK, BACK), "back");  /* the mark alone begins one */
}

static void never_lets_anything_join_a_committed_word(void **state) {
    (void)state;
    assert_string_equal(SPELL(0, PLAY, BACK, OF),
                        "play|back|of");                      /* letters stand alone */
    assert_string_equal(SPELL(0, PLAY, STOP, OF), "play|of"); /* a full stop is lost */
    assert_string_equal(SPELL(2, PLAY, BACK, STOP, STOP), "playback.");
}

static void shows_only_whole_characters(void **state) {
    (void)state;
    assert_string_equal(SPELL(-1, PLAY, BYTE_1, BYTE_2), "play\xc3\xa9");
    assert_string_equal(SPELL(-1, PLAY, BYTE_1), "play"); /* still being spelt */
    assert_string_equal(SPELL(-1, PLAY, BYTE_2), "play"); /* the second half alone */
    assert_string_equal(SPELL(-1, UNKNOWN), "");
}

static void times_words_by_their_tokens(void **state) {
    (void)state;
    (void)SPELL(-1, PLAY, BACK, OF);
    assert_int_equal(out.words[0].start_ms, 0);
    assert_int_equal(out.words[0].end_ms, 200); /* not past the next word's start */
    assert_int_equal(out.words[1].start_ms, 200);
    assert_int_equal(out.words[1].end_ms, 320);
    assert_true(out.words[0].confidence > 0.49f && out.words[0].confidence < 0.51f);
}

static void bounds_a_word_and_a_text(void **state) {
    (void)state;
    uint16_t ids[500];
    for (size_t i = 0; i < 500; i++)
        ids[i] = i % 10 == 0 ? LONG : BACK; /* 44 bytes a word, then 64 and more */
    (void)spell(ids, 500, -1);
    assert_int_equal(out.n, 50);
    for (size_t i = 0; i < 500; i++)
        ids[i] = i == 0 ? LONG : BACK;
    (void)spell(ids, 500, -1);
    assert_int_equal(out.n, 1);
    assert_int_equal(strlen(out.words[0].text), LIMIT_WORD_BYTES - 1);
    for (size_t i = 0; i < 500; i++)
        ids[i] = LONG;
    (void)spell(ids, 500, -1);
    assert_int_equal(out.n, 500);
    assert_true(out.used <= WORDS_TEXT_BYTES);
}

static void a_time_that_strays_moves_no_other(void **state) {
    (void)state;
    static const struct {
        int32_t least, said[6], ordered[6];
    } rows[] = {
        {0, {10, 20, 30, 40, 50, 60}, {10, 20, 30, 40, 50, 60}},
        {0, {90, 20, 30, 40, 50, 60}, {20, 20, 30, 40, 50, 60}},  /* the first is late */
        {0, {10, 20, 5, 40, 50, 60}, {10, 10, 10, 40, 50, 60}},   /* one is early */
        {0, {10, 20, 30, 99, 50, 60}, {10, 20, 30, 50, 50, 60}},  /* one is late */
        {25, {10, 20, 30, 40, 50, 60}, {25, 25, 30, 40, 50, 60}}, /* words before them */
        {0, {60, 50, 40, 30, 20, 10}, {30, 30, 30, 30, 30, 30}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        timed_token spoken[6];
        int cost = 0, least_cost = 0;
        for (size_t k = 0; k < 6; k++)
            spoken[k] = (timed_token){.at_ms = rows[i].said[k]};
        words_order_times(spoken, 6, rows[i].least);
        for (size_t k = 0; k < 6; k++) {
            cost += abs(spoken[k].at_ms - rows[i].said[k]);
            least_cost += abs(rows[i].ordered[k] - rows[i].said[k]);
            assert_true(k == 0 || spoken[k].at_ms >= spoken[k - 1].at_ms);
            assert_true(spoken[k].at_ms >= rows[i].least);
        }
        assert_int_equal(cost, least_cost); /* one of the nearest: there may be several */
    }
    words_order_times(NULL, 0, 0);
}

/* Tokens 1 2 3 ... by the small model at 100, 200, ... */
static void tokens_of_both_passes_have_the_times_of_the_first(void **state) {
    (void)state;
    static const struct {
        uint16_t token[5];
        int32_t said[5], timed[5];
    } rows[] = {
        {{1, 2, 3, 4, 5}, {400, 400, 400, 400, 410}, {100, 200, 300, 400, 500}},
        {{1, 9, 3, 4, 5}, {400, 400, 400, 400, 410}, {100, 300, 300, 400, 500}}, /* new */
        {{1, 3, 4, 5, 9}, {400, 400, 400, 400, 900}, {100, 300, 400, 500, 900}}, /* out */
        {{9, 1, 2, 3, 4},
         {400, 400, 400, 400, 410},
         {100, 100, 200, 300, 400}},                                   /* put in */
        {{9, 9, 9, 9, 9}, {10, 20, 30, 40, 50}, {10, 20, 30, 40, 50}}, /* none shared */
    };
    timed_token live[5];
    for (size_t k = 0; k < 5; k++)
        live[k] =
            (timed_token){.token = (uint16_t)(k + 1), .at_ms = (int32_t)k * 100 + 100};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        timed_token better[5];
        for (size_t k = 0; k < 5; k++)
            better[k] =
                (timed_token){.token = rows[i].token[k], .at_ms = rows[i].said[k]};
        words_borrow_times(better, 5, live, 5);
        for (size_t k = 0; k < 5; k++)
            assert_int_equal(better[k].at_ms, rows[i].timed[k]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_a_word_at_each_mark),
        cmocka_unit_test(never_lets_anything_join_a_committed_word),
        cmocka_unit_test(shows_only_whole_characters),
        cmocka_unit_test(times_words_by_their_tokens),
        cmocka_unit_test(a_time_that_strays_moves_no_other),
        cmocka_unit_test(tokens_of_both_passes_have_the_times_of_the_first),
        cmocka_unit_test(bounds_a_word_and_a_text),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
