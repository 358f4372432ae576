/* However a text is cut into pieces, the same comes out, and nothing too early. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "privacy/redact_words.h"
#include "redact_help.h"
#include "stats/rng.h"

/* What the texts of the property are made of: pieces of entities, and what nearly is one.
 */
static const char *const fragments[] = {
    "four",
    "one",
    "oh",
    "double",
    "triple",
    "seven",
    "twenty",
    "nineteen",
    "eighty",
    "five",
    "hundred",
    "thousand",
    "and",
    "4111",
    "1111",
    "415",
    "555",
    "0132",
    "+44",
    "GB82",
    "WEST",
    "1234",
    "5698",
    "7654",
    "32",
    "AB",
    "c",
    "dash",
    "dot",
    "at",
    "gmail",
    "com",
    "slash",
    "john",
    "smith",
    "underscore",
    "www",
    "https://a.b/c?d",
    "a@b.de",
    "may",
    "third",
    "of",
    "1985",
    "3/14/1985",
    "born",
    "pin",
    "account",
    "order",
    "the",
    "uh",
    "$5",
    "12:30",
    "192.168.0.1",
    "2001:db8::1",
    "-",
    ",",
    ".",
    "(",
    ")",
    "dollars",
    "123-45-6789",
    "z",
    "\xc3\xb6",
    "\xe2\x80\x94",
    "4111111111111111",
    "x",
    "a",
    "I",
    "version",
    "v1.2",
    "\n",
    "    ",
    "'85",
    "o",
};
enum { FRAGMENTS = sizeof fragments / sizeof fragments[0] };

static size_t make_text(stats_rng *random, char *out, size_t words) {
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < words; i++)
        n += (size_t)sprintf(out + n, "%s%s",
                             fragments[stats_rng_next(random) % FRAGMENTS],
                             stats_rng_next(random) % 5 ? " " : "");
    return n;
}

static void every_cut_gives_the_same(void **state) {
    (void)state;
    stats_rng random = stats_rng_make(7, 0);
    redact_policy policy;
    static redacted whole, cut;
    static redactor r;
    char text[2048];
    redact_policy_init(&policy);
    for (int i = 0; i < 4000; i++) {
        size_t n = make_text(&random, text, 2 + stats_rng_next(&random) % 14);
        redact_in_steps(&policy, text, n, &whole);
        redact_in_steps(&policy, text, 1, &cut);
        assert_string_equal(cut.text, whole.text);
        for (size_t at = 1; at < n; at++) { /* every cut in two */
            redact_init(&r, &policy);
            cut.n = 0;
            redact_push(&r, private_text_of(text, at), redact_collect, &cut);
            redact_push(&r, private_text_of(text + at, n - at), redact_collect, &cut);
            redact_finish(&r, redact_collect, &cut);
            assert_int_equal(cut.n, whole.n);
            assert_memory_equal(cut.text, whole.text, whole.n);
        }
    }
}

/* What is out after each byte is the same whatever follows: two texts that share a prefix
 * have given out the same, so nothing of an entity was out before it was known as one. */
static void what_is_out_never_depends_on_what_follows(void **state) {
    (void)state;
    stats_rng random = stats_rng_make(8, 0);
    redact_policy policy;
    static redacted early, later;
    static redactor r, copy;
    char text[2048], other[2048];
    redact_policy_init(&policy);
    for (int i = 0; i < 2000; i++) {
        size_t n = make_text(&random, text, 2 + stats_rng_next(&random) % 10);
        size_t more = make_text(&random, other, 1 + stats_rng_next(&random) % 6);
        redact_init(&r, &policy);
        early.n = 0;
        for (size_t at = 0; at < n; at++) {
            redact_push(&r, private_text_of(text + at, 1), redact_collect, &early);
            copy = r; /* and now something else comes */
            later = early;
            redact_push(&copy, private_text_of(other, more), redact_collect, &later);
            redact_finish(&copy, redact_collect, &later);
            static redacted whole;
            char joined[4096];
            memcpy(joined, text, at + 1);
            memcpy(joined + at + 1, other, more + 1);
            redact_in_steps(&policy, joined, 4096, &whole);
            assert_string_equal(later.text, whole.text);
            assert_memory_equal(early.text, whole.text, early.n);
        }
    }
}

static void plain_words_wait_for_few_others(void **state) {
    (void)state;
    static const char text[] =
        "so we went down to the old harbour and looked at the boats because my sister "
        "wanted to paint one of them before the evening light was gone and the rain came";
    redact_policy policy;
    static redactor r;
    static redacted out;
    double held = 0, words = 0;
    redact_policy_init(&policy);
    redact_init(&r, &policy);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        redact_push(&r, private_text_of(text + i, 1), redact_collect, &out);
        if (text[i] != ' ')
            continue;
        words++;
        for (size_t k = i + 1 - redact_held(&r); k <= i; k++)
            held += text[k] != ' ' && text[k + 1] == ' '; /* the end of a held word */
    }
    print_message("words held behind a word: %.2f\n", held / words);
    assert_true(held / words < 1.8);
}

static void nothing_that_is_too_long_comes_out(void **state) {
    (void)state;
    static char text[200000];
    static redactor r;
    static redacted out;
    redact_policy policy;
    redact_policy_init(&policy);
    static const char *const endless[] = {
        "1234567890",       "4 ",        "four one ", "https://a.b/c",
        "www.a.b.c",        "one uh ",   "a dot ",    "double ",
        "john at ",         "at ",       "x",         "a@b.",
        "\xc3\xb6",         "1.",        "1:",        "          ",
        "2001:db8:",        "third of ", "twenty ",   "hundred ",
        "one hundred and ", "(",         "b as in ",  "dash ",
    };
    for (size_t i = 0; i < sizeof endless / sizeof endless[0]; i++) {
        size_t n = 0, unit = strlen(endless[i]);
        while (n + unit < 20000) {
            memcpy(text + n, endless[i], unit);
            n += unit;
        }
        redact_init(&r, &policy);
        for (size_t at = 0; at < n; at++) {
            out.n = 0;
            redact_push(&r, private_text_of(text + at, 1), redact_collect, &out);
            assert_true(redact_held(&r) <= REDACT_HELD_BYTES);
            bool digits = i <= 2; /* nothing of an endless number comes out */
            for (size_t k = 0; digits && k < out.n; k++)
                assert_null(memchr("0123456789four", out.text[k], 14));
        }
        redact_finish(&r, redact_collect, &out);
    }
}

static void the_rest_of_an_endless_address_is_swallowed(void **state) {
    (void)state;
    static char text[20000];
    static redacted out;
    redact_policy policy;
    redact_policy_init(&policy);
    size_t n = (size_t)sprintf(text, "see https://a.b");
    while (n < sizeof text - 16)
        n += (size_t)sprintf(text + n, "/secret");
    sprintf(text + n, " now");
    redact_in_steps(&policy, text, 1, &out);
    assert_string_equal(out.text, "see [URL] now");
}

/* ---- words with times ---- */

typedef struct {
    char text[512];
} words_out;

static void collect_word(void *to, const redacted_word *word) {
    words_out *out = to;
    size_t n = strlen(out->text);
    snprintf(out->text + n, sizeof out->text - n, "%.*s@%d-%d ", (int)word->n, word->text,
             (int)word->start_ms, (int)word->end_ms);
}

static void words_of_one_entity_become_one_word(void **state) {
    (void)state;
    static const struct {
        const char *words[20], *expected;
        redact_action action;
    } rows[] = {
        {{"call", "five", "five", "five", "oh", "one", "three", "two,", "ok?"},
         "call@0-9 [PHONE],@10-79 ok?@80-89 ",
         REDACT_LABEL},
        {{"(a@b.com).", "yes"}, "([EMAIL]).@0-9 yes@10-19 ", REDACT_LABEL},
        {{"pin", "", "is", " ", "1234", "now"},
         "pin@0-9 is@20-29 [ACCOUNT]@40-49 now@50-59 ",
         REDACT_LABEL},
        {{"pin", "is", "12", "34", "now"}, "pin@0-9 is@10-19 now@40-49 ", REDACT_REMOVE},
        {{"pin", "is", "12", "34,", "now"},
         "pin@0-9 is@10-19 ,@30-39 now@40-49 ",
         REDACT_REMOVE},
        {{"plain", "words", "stay"}, "plain@0-9 words@10-19 stay@20-29 ", REDACT_LABEL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        redact_policy policy;
        static word_redactor r;
        words_out out = {""};
        redact_policy_init(&policy);
        for (size_t k = 0; k < ENTITY_COUNT; k++)
            policy.of[k].action = rows[i].action;
        redact_words_init(&r, &policy, collect_word, &out);
        for (int k = 0; k < 20 && rows[i].words[k]; k++) {
            const char *word = rows[i].words[k];
            timed_word in = {private_text_of(word, strlen(word)), 10 * k, 10 * k + 9};
            redact_words_push(&r, &in);
        }
        redact_words_finish(&r);
        assert_string_equal(out.text, rows[i].expected);
    }
}

static void many_words_that_wait_fit(void **state) {
    (void)state;
    static word_redactor r;
    static words_out out;
    redact_policy policy;
    redact_policy_init(&policy);
    redact_words_init(&r, &policy, collect_word, &out);
    for (int i = 0; i < 10000; i++) {
        timed_word in = {private_text_of(i % 7 ? "four" : "-", i % 7 ? 4 : 1), i, i + 1};
        redact_words_push(&r, &in);
        out.text[0] = '\0';
    }
    redact_words_finish(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_gives_the_same),
        cmocka_unit_test(what_is_out_never_depends_on_what_follows),
        cmocka_unit_test(plain_words_wait_for_few_others),
        cmocka_unit_test(nothing_that_is_too_long_comes_out),
        cmocka_unit_test(the_rest_of_an_endless_address_is_swallowed),
        cmocka_unit_test(words_of_one_entity_become_one_word),
        cmocka_unit_test(many_words_that_wait_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
