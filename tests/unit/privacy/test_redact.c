/* What is found, what is left alone, and what stands for what was found. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "redact_help.h"

typedef struct {
    const char *text, *expected;
} row;

static void check_rows(const row *rows, size_t n) {
    redact_policy policy;
    redacted out;
    int wrong = 0;
    redact_policy_init(&policy);
    for (size_t i = 0; i < n; i++) {
        redact_in_steps(&policy, rows[i].text, 1000, &out);
        const char *expected = rows[i].expected ? rows[i].expected : rows[i].text;
        if (strcmp(out.text, expected) == 0)
            continue;
        print_error("%s\n  gave %s\n  want %s\n", rows[i].text, out.text, expected);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}
#define CHECK(rows) check_rows(rows, sizeof rows / sizeof rows[0])

static void numbers_with_check_digits_are_found_as_written(void **state) {
    (void)state;
    static const row rows[] = {
        {"card 4111 1111 1111 1111.", "card [CARD]."}, /* groups */
        {"card 4111-1111-1111-1111,", "card [CARD],"}, /* dashes */
        {"4111111111111111", "[CARD]"},                /* one word */
        {"378282246310005 it is", "[CARD] it is"},     /* 15 digits */
        {"6011 1111 1111 1117 5105 1051 0510 5100",    /* two of them */
         "[CARD] [CARD]"},
        {"order 4111 1111 1111 1111", "order [CARD]"},         /* a proof beats a cue */
        {"4111 1111 1111 1111 12 25 123", "[CARD] [ACCOUNT]"}, /* expiry and code */
        {"GB82 WEST 1234 5698 7654 32", "[IBAN]"},
        {"gb82west12345698765432", "[IBAN]"},
        {"DE89370400440532013000!", "[IBAN]!"},
        {"GB82 WEST 1234 5698 7654 33", "GB82 WEST [ACCOUNT]"}, /* wrong digits */
        {"123-45-6789", "[ID]"},                                /* SSN by its groups */
        {"my social is 123456789", "my social is [ID]"},        /* by the word before */
        {"000-45-6789", "[ACCOUNT]"},                           /* no such area */
        {"666-45-6789", "[ACCOUNT]"},                           /* no such area either */
        {"4111 1111 1111 1111 7 ok", "[CARD] ok"}, /* a digit more in the same breath */
        {"4111 1111 1111 1111, 7 ok", "[CARD], 7 ok"},
        {"AB 12 34 56 C", "[ID]"},         /* NINO */
        {"12345678Z", "[ID]"},             /* DNI */
        {"X1234567L", "[ID]"},             /* NIE */
        {"12345678A", "[ACCOUNT]A"},       /* another letter */
        {"1 85 05 78 006 084 91", "[ID]"}, /* NIR */
        {"86095742719", "[ID]"},           /* Steuer-ID */
        {"529.982.247-25", "[ID]"},        /* CPF */
    };
    CHECK(rows);
}

static void numbers_are_found_as_spoken(void **state) {
    (void)state;
    static const row rows[] = {
        {"four one one one one one one one one one one one one one one one", "[CARD]"},
        {"forty one eleven eleven eleven eleven eleven eleven eleven", "[CARD]"},
        {"Four one double one, triple one one. One one one one one one one one ok",
         "[CARD] ok"},
        {"4 one 11 one one 11 1111 eleven eleven", "[CARD]"}, /* mixed */
        {"four one one one uh one one one one dash one one one one um one one one one",
         "[CARD]"},
        {"g b eight two w e s t one two three four five six nine eight seven six five "
         "four three two",
         "[IBAN]"},
        {"g as in golf b as in bravo 82 west 1234 5698 7654 32", "[IBAN]"},
        {"five five double zero, four zeros, then four zeros then triple zero four",
         "[CARD]"},
        {"born on eleven seven ninety one", "born on [DATE]"},
        {"call five five five oh one three two", "call [PHONE]"},
        {"eight hundred five five five one two three four", "[PHONE]"},
        {"plus four four twenty seventy nine forty six oh nine five eight", "[PHONE]"},
        {"double seven triple oh four five six seven eight", "[ACCOUNT]"},
        {"the pin is four four two one", "the pin is [ACCOUNT]"},
        {"social one two three four five six seven eight nine", "social [ID]"},
        {"one ninety two dot one sixty eight dot zero dot one", "[IP]"},
    };
    CHECK(rows);
}

static void phones_dates_and_addresses_are_found(void **state) {
    (void)state;
    static const row rows[] = {
        {"call (415) 555-0132 now", "call [PHONE] now"},
        {"+44 20 7946 0958", "[PHONE]"},
        {"020 7946 0958", "[PHONE]"},
        {"01.23.45.67.89", "[PHONE]"},
        {"1-800-555-0199", "[PHONE]"},
        {"a.b+c@example.co.uk.", "[EMAIL]."},
        {"(x@y.com)", "([EMAIL])"},
        {"j o h n forty two at gmail dot com", "[EMAIL]"},
        {"john dot smith underscore 7 at mail dot example dot co dot uk please",
         "[EMAIL] please"},
        {"mail john smith at gmail dot com", "mail [EMAIL]"},
        {"write to me at black rock dot com", "write to [EMAIL]"},
        {"see https://a.example/x?q=1&r=2).", "see [URL])."},
        {"see www.example.com, ok", "see [URL], ok"},
        {"w w w dot example dot org slash help", "[URL]"},
        {"go to example dot com", "go to [URL]"},
        {"see bit.ly/3xYz and/or not", "see [URL] and/or not"},
        {"at 192.168.0.1:80", "at [IP]:80"},
        {"2001:db8::ff00:42:8329", "[IP]"},
        {"March 3rd, 1985", "[DATE]"},
        {"the third of march nineteen eighty five", "the [DATE]"},
        {"march third two thousand and five", "[DATE]"},
        {"the twenty first of may nineteen oh five", "the [DATE]"},
        {"3/14/1985 14.03.1985 1985-03-14", "[DATE] [DATE] [DATE]"},
        {"born june fifth", "born [DATE]"},
        {"my birthday is oh three fourteen nineteen eighty five",
         "my birthday is [DATE]"},
    };
    CHECK(rows);
}

static void harmless_text_comes_out_as_it_went_in(void **state) {
    (void)state;
    static const row rows[] = {
        {"one two three testing", NULL},
        {"call me at four", NULL},
        {"it was nineteen eighty five, not twenty twenty four", NULL},
        {"in 2019, 2020 and 2021", NULL},
        {"it cost $1,299.99 or 12,345,678 euros", NULL},
        {"version 1.2.3.4 and v2.10.4.1", NULL},
        {"order number 4829103847 shipped", NULL},
        {"meet at 221b Baker Street at 12:30:45 on May 5th", NULL},
        {"two thousand five hundred thirty people", NULL},
        {"count: one two three four five six seven eight nine ten", NULL},
        {"10, 20, 30, 40, 50, 60", NULL},
        {"pi is 3.14159265358979", NULL},
        {"connect the dot in the middle", NULL},
        {"std::vector and node.js. The end.Then", NULL},
        {"I have a 4 PM call", NULL},
        {"oh no, not at all", NULL},
        {"first of all, march on", NULL},
        {"may I come in march of 2024?", NULL},
        {"  spaces \t and\nlines  \n", NULL},
        {"caf\xc3\xa9 \xe2\x82\xac"
         "20 na\xc3\xafve \xff\xfe \xe2\x82",
         NULL}, /* not UTF-8 too */
        {"", NULL},
    };
    CHECK(rows);
}

static void a_policy_says_what_stands_for_an_entity(void **state) {
    (void)state;
    static const char *const allowed[] = {"8005550199", "@example.com",
                                          "rostrum.example.org"};
    static const struct {
        const char *text;
        redact_action action;
        const char *expected;
    } rows[] = {
        {"is 4111 1111 1111 1111 ok", REDACT_LABEL, "is [CARD] ok"},
        {"is 4111 1111 1111 1111 ok", REDACT_MASK, "is ******************* ok"},
        {"is 4111 1111 1111 1111 ok", REDACT_REMOVE, "is ok"},
        {"is 4111 1111 1111 1111 ok", REDACT_KEEP, "is 4111 1111 1111 1111 ok"},
        {"4111 1111 1111 1111 ok", REDACT_REMOVE, " ok"},
        /* a character of two bytes is one star */
        {"j\xc3\xb6@web.de", REDACT_MASK, "*********"},
        {"call 1-800-555-0199", REDACT_LABEL, "call [PHONE]"}, /* not what is allowed */
        {"call 800 555 0199", REDACT_LABEL, "call 800 555 0199"},
        {"eight hundred five five five oh one nine nine", REDACT_LABEL,
         "eight hundred five five five oh one nine nine"},
        {"help at example dot com, help@example.org", REDACT_LABEL,
         "help at example dot com, [EMAIL]"},
        {"rostrum dot example dot org", REDACT_LABEL, "rostrum dot example dot org"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        redact_policy policy;
        redacted out;
        redact_policy_init(&policy);
        for (size_t k = 0; k < ENTITY_COUNT; k++)
            policy.of[k].action = rows[i].action;
        policy.allowed = allowed;
        policy.n_allowed = 3;
        redact_in_steps(&policy, rows[i].text, 7, &out);
        assert_string_equal(out.text, rows[i].expected);
    }
}

static void counts_go_on_over_several_texts(void **state) {
    (void)state;
    static redactor r;
    redact_policy policy;
    redacted out = {.n = 0};
    redact_policy_init(&policy);
    redact_init(&r, &policy);
    for (int i = 0; i < 3; i++) {
        /* a text that is over joins nothing with the next */
        redact_push(&r, private_text_of("4111 1111 ", 10), redact_collect, &out);
        redact_finish(&r, redact_collect, &out);
        redact_push(&r, private_text_of("1111 1111 a@b.com", 17), redact_collect, &out);
        redact_finish(&r, redact_collect, &out);
    }
    assert_int_equal(r.counts[ENTITY_EMAIL], 3);
    assert_int_equal(r.counts[ENTITY_CARD], 0);
    assert_int_equal(r.counts[ENTITY_ACCOUNT], 6);
}

/* The dictionary is searched by halves. */
static void every_word_of_the_lexicon_is_found(void **state) {
    (void)state;
    static const struct {
        const char *word;
        lexeme means;
    } rows[] = {
#define WORD(word, kind, value) {word, {LEX_##kind, value}},
#include "privacy/lexicon.def"
#undef WORD
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        lexeme found_there = lexicon_of(rows[i].word, strlen(rows[i].word));
        if (found_there.kind != rows[i].means.kind)
            fail_msg("%s", rows[i].word);
        assert_int_equal(found_there.value, rows[i].means.value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_with_check_digits_are_found_as_written),
        cmocka_unit_test(numbers_are_found_as_spoken),
        cmocka_unit_test(phones_dates_and_addresses_are_found),
        cmocka_unit_test(harmless_text_comes_out_as_it_went_in),
        cmocka_unit_test(a_policy_says_what_stands_for_an_entity),
        cmocka_unit_test(counts_go_on_over_several_texts),
        cmocka_unit_test(every_word_of_the_lexicon_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
