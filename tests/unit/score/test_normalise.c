/* Each profile forgives what it says and nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "score/normalise.h"

static void texts_become_what_their_profile_says(void **state) {
    (void)state;
    static const struct {
        score_profile profile;
        const char *text, *expected;
    } rows[] = {
        {SCORE_PROFILE_NONE, "  Two\t\nWords. ", "Two Words."},
        {SCORE_PROFILE_NONE, "", ""},
        {SCORE_PROFILE_LOWER, " Hello,  World! ", "hello, world!"},
        {SCORE_PROFILE_LOWER, "Hello, @World[Z`{",
         "hello, @world[z`{"}, /* no blank too many */
        {SCORE_PROFILE_NONE, "Hello, World", "Hello, World"},
        {SCORE_PROFILE_NONE, "a  b", "a b"},
        {SCORE_PROFILE_NONE, "a\tb", "a b"},
        {SCORE_PROFILE_NONE, "a b ", "a b"},
        {SCORE_PROFILE_NONE, " a b", "a b"},
        {SCORE_PROFILE_LOWER, " ", ""},
        {SCORE_PROFILE_BASIC, "Hello, World!", "hello world"},
        {SCORE_PROFILE_BASIC, "well-known, 'quoted' don't", "well known quoted don't"},
        {SCORE_PROFILE_BASIC, "don\xE2\x80\x99t \xE2\x80\x9Cyes\xE2\x80\x9D",
         "don't yes"},
        {SCORE_PROFILE_BASIC,
         "a\xE2\x80\x94"
         "b",
         "a b"}, /* em dash separates */
        {SCORE_PROFILE_BASIC, "caf\xC3\xA9 CAF\xC3\x89", "caf\xC3\xA9 caf\xC3\x89"},
        {SCORE_PROFILE_BASIC, "...!?", ""},
        {SCORE_PROFILE_BASIC, "room 42", "room 42"}, /* numbers stay */
        {SCORE_PROFILE_SPOKEN, "room 42", "room forty two"},
        {SCORE_PROFILE_SPOKEN, "0 10 13 100 105 1000 2012",
         "zero ten thirteen one hundred one hundred five one thousand two thousand "
         "twelve"},
        {SCORE_PROFILE_SPOKEN, "1,250,000", "one million two hundred fifty thousand"},
        {SCORE_PROFILE_SPOKEN, "1,2", "one two"}, /* a list, not a thousand */
        {SCORE_PROFILE_SPOKEN, "3rd 21st 100th 1000th",
         "third twenty first one hundredth one thousandth"},
        {SCORE_PROFILE_SPOKEN, "2.50 costs 5%.",
         "two point five zero costs five percent"},
        {SCORE_PROFILE_SPOKEN, "007 1234567890",
         "zero zero seven one two three four five six seven eight nine zero"},
        {SCORE_PROFILE_SPOKEN, "R&D", "r and d"},
        {SCORE_PROFILE_SPOKEN, "mp3s", "mp three s"},
        {SCORE_PROFILE_SPOKEN, "uh don't", "uh don't"},
        {SCORE_PROFILE_ENGLISH, "Uh, I don't think we'll say 7.",
         "i do not think we will say seven"},
        {SCORE_PROFILE_ENGLISH, "can't won't cannot i'm gonna",
         "can not will not can not i am going to"},
        {SCORE_PROFILE_ENGLISH, "Tom's", "tom's"},
        {SCORE_PROFILE_ENGLISH, "um", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[4096];
        size_t n = 0;
        assert_int_equal(score_normalise(rows[i].profile, rows[i].text,
                                         strlen(rows[i].text), out, sizeof out, &n),
                         OK);
        assert_string_equal(out, rows[i].expected);
        assert_int_equal(n, strlen(rows[i].expected));
    }
}

/* Random bytes of the alphabet that is hardest on the bound, in memory of exactly the
 * bound: the sanitizer sees any byte past it. */
static void the_bound_holds_for_any_text(void **state) {
    (void)state;
    static const char alphabet[] = "7 0,.%&'-/aZ\xE2\x80\x99\xC3n'tcan't3rd";
    uint32_t seed = 1;
    for (int round = 0; round < 2000; round++) {
        char text[128];
        size_t n = (seed = seed * 1664525 + 1013904223) >> 25;
        for (size_t i = 0; i < n; i++)
            text[i] = alphabet[((seed = seed * 1664525 + 1013904223) >> 16) %
                               (sizeof alphabet - 1)];
        size_t size = score_normalise_bound(n);
        char *out = malloc(size);
        assert_non_null(out);
        for (int p = 0; p < SCORE_PROFILE_COUNT; p++) {
            size_t written;
            assert_int_equal(
                score_normalise((score_profile)p, text, n, out, size, &written), OK);
            assert_int_equal(strlen(out), written);
            assert_true(written == 0 || (out[0] != ' ' && out[written - 1] != ' '));
            assert_null(strstr(out, "  "));
        }
        free(out);
    }
}

static void too_little_room_is_refused(void **state) {
    (void)state;
    char out[8] = "x";
    assert_int_equal(score_normalise(SCORE_PROFILE_BASIC, "a", 1, out, sizeof out, NULL),
                     ERR_LIMIT);
    assert_string_equal(out, "");
}

static void profiles_are_found_by_name(void **state) {
    (void)state;
    for (int p = 0; p < SCORE_PROFILE_COUNT; p++) {
        score_profile found;
        assert_int_equal(
            score_profile_parse(score_profile_name((score_profile)p), &found), OK);
        assert_int_equal(found, p);
    }
    score_profile untouched = SCORE_PROFILE_SPOKEN;
    assert_int_equal(score_profile_parse("English", &untouched), ERR_NOT_FOUND);
    assert_int_equal(untouched, SCORE_PROFILE_SPOKEN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_what_their_profile_says),
        cmocka_unit_test(the_bound_holds_for_any_text),
        cmocka_unit_test(too_little_room_is_refused),
        cmocka_unit_test(profiles_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
