/* Greedy search with a forced prefix and a draft, against a decoder that reads from a
 * script: what follows depends on the position and on the token before it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "engine/moonshine/search.h"

#define SCRIPT_MAX 256

/* The fake: the tokens of the cache, and the text it wants to say. */
static struct {
    int32_t cache[SCRIPT_MAX];
    size_t position;
    int32_t script[SCRIPT_MAX]; /* ends with MOONSHINE_EOS */
    size_t steps;
    bool wrong_use; /* tokens not fed in order */
} fake;

/* After the script's own token the script goes on; after another one it says something
 * odd once and then goes on, as a model does after a forced word. */
static int32_t follow(size_t position, int32_t token) {
    bool expected =
        position == 0 ? token == MOONSHINE_BOS : token == fake.script[position - 1];
    return expected || fake.script[position] == MOONSHINE_EOS ? fake.script[position]
                                                              : 1000 + token % 7;
}

void moonshine_feed(const moonshine_decoder *m, moonshine_state *s, const int32_t *tokens,
                    size_t n, uint16_t *frames) {
    (void)m, (void)s;
    for (size_t i = 0; i < n; i++) {
        if (frames)
            frames[i] = (uint16_t)(fake.position * 3);
        fake.wrong_use |= (fake.position == 0) != (tokens[i] == MOONSHINE_BOS);
        fake.cache[fake.position++] = tokens[i];
    }
}

void moonshine_step(const moonshine_decoder *m, moonshine_state *s, const int32_t *tokens,
                    size_t n, moonshine_next *out) {
    fake.steps++;
    for (size_t i = 0; i < n; i++) {
        size_t at = fake.position;
        moonshine_feed(m, s, &tokens[i], 1, &out[i].frame);
        out[i].token = follow(at, tokens[i]);
        out[i].runner_up = out[i].token == MOONSHINE_EOS ? 77 : out[i].token;
        out[i].probability = 0.9f;
    }
}

void moonshine_rewind(moonshine_state *s, size_t keep) {
    (void)s;
    fake.wrong_use |= keep > fake.position;
    fake.position = keep;
}

static hypothesis draft, out;

static void say(const int32_t *script, size_t n) {
    memset(&fake, 0, sizeof fake);
    if (n > 0)
        memcpy(fake.script, script, n * sizeof *script);
    for (size_t i = n; i < SCRIPT_MAX; i++)
        fake.script[i] = MOONSHINE_EOS;
}

static void propose(const int32_t *tokens, size_t n) {
    draft.n = n;
    for (size_t i = 0; i < n; i++)
        draft.tokens[i] = (heard){.token = (uint16_t)tokens[i], .probability = 0.25f};
}

static search_plan plan_of(size_t forced) {
    return (search_plan){.draft = &draft, .forced = forced, .tokens_max = 60};
}

static void expect(const int32_t *tokens, size_t n) {
    assert_int_equal(out.n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(out.tokens[i].token, tokens[i]);
    assert_false(fake.wrong_use);
}

static void finds_the_same_text_whatever_the_draft(void **state) {
    (void)state;
    static const int32_t text[] = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21};
    uint32_t r = 99;
    for (int round = 0; round < 2000; round++) {
        int32_t guess[24];
        size_t n = 0;
        for (size_t i = 0; i < 12; i++) {
            r = r * 1664525u + 1013904223u;
            switch (r >> 29) {
            case 0: /* a word missing */
                break;
            case 1: /* another one */
                guess[n++] = 500 + (int32_t)(r >> 8) % 9;
                break;
            case 2: /* one more */
                guess[n++] = 600;
                guess[n++] = text[i];
                break;
            default:
                guess[n++] = text[i];
            }
        }
        say(text, 12);
        propose(guess, n);
        search_plan plan = plan_of(0);
        assert_int_equal(search_run(NULL, NULL, &plan, &out, NULL), OK);
        expect(text, 12);
    }
}

static void checks_a_right_draft_in_few_runs(void **state) {
    (void)state;
    static const int32_t text[] = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21};
    say(text, 12);
    propose(text, 12);
    search_plan plan = plan_of(0);
    search_counts counts = {0};
    assert_int_equal(search_run(NULL, NULL, &plan, &out, &counts), OK);
    expect(text, 12);
    assert_true(counts.runs <= 3);
    assert_int_equal(counts.runs, fake.steps);
}

static void keeps_the_forced_words_against_the_model(void **state) {
    (void)state;
    static const int32_t given[] = {10, 99};
    /* After 99 it says 1000 + 99 % 7, after that 1000 + 1001 % 7, and then its end. */
    say((const int32_t[]){10, 11, 12, 13}, 4);
    propose(given, 2);
    draft.tokens[1].ends_word = true;
    search_plan plan = plan_of(2);
    assert_int_equal(search_run(NULL, NULL, &plan, &out, NULL), OK);
    expect((const int32_t[]){10, 99, 1001, 1000}, 4);
    assert_true(out.tokens[1].ends_word);
    assert_true(out.tokens[1].probability < 0.3f); /* what was known of it */
    assert_int_equal(out.tokens[1].frame, 3);      /* but where it is, anew */
}

static void refuses_the_end_only_at_the_first_position(void **state) {
    (void)state;
    say(NULL, 0);
    propose(NULL, 0);
    search_plan plan = plan_of(0);
    assert_int_equal(search_run(NULL, NULL, &plan, &out, NULL), OK);
    assert_int_equal(out.n, 0);
    say(NULL, 0);
    plan.never_empty = true;
    assert_int_equal(search_run(NULL, NULL, &plan, &out, NULL), OK);
    expect((const int32_t[]){77}, 1);
}

static void stops_at_the_most_tokens_allowed(void **state) {
    (void)state;
    int32_t text[100];
    for (int32_t i = 0; i < 100; i++)
        text[i] = 10 + i;
    for (size_t n = 0; n <= 100; n += 25) {
        say(text, 100);
        propose(text, n);
        search_plan plan = plan_of(0);
        assert_int_equal(search_run(NULL, NULL, &plan, &out, NULL), OK);
        expect(text, 60);
    }
}

static void ends_a_runaway_repetition(void **state) {
    (void)state;
    int32_t text[60];
    for (int32_t i = 0; i < 60; i++)
        text[i] = i < 2 ? 5 : 10 + (i - 2) % 5;
    say(text, 60);
    propose(text, 60);
    search_plan plan = plan_of(0);
    assert_int_equal(search_run(NULL, NULL, &plan, &out, NULL), OK);
    expect(text, 7); /* one copy of the block of five stays */
}

static bool asked(void *context) {
    return --*(int *)context < 0;
}

static void gives_up_when_asked(void **state) {
    (void)state;
    static const int32_t text[] = {10, 11, 12, 13, 14, 15, 16, 17};
    for (int after = 0; after < 3; after++) {
        int left = after;
        say(text, 8);
        propose(NULL, 0);
        search_plan plan = plan_of(0);
        plan.stop = (rostrum_stop){asked, &left};
        assert_int_equal(search_run(NULL, NULL, &plan, &out, NULL), ERR_CANCELLED);
        assert_int_equal(fake.steps, (size_t)after);
    }
}

static void sees_repetitions_and_cuts_them_to_one(void **state) {
    (void)state;
    static const struct {
        const char *text; /* a letter a token */
        size_t keep, left;
    } rows[] = {
        {"abcdefg", 0, 7},      /* none */
        {"xabcdeabcde", 0, 6},  /* five tokens twice */
        {"xabcabc", 0, 7},      /* three twice may be speech: "one two three" */
        {"xabcabcabc", 0, 4},   /* three times is not */
        {"aaaaaaaaa", 0, 3},    /* one token nine times is three times three */
        {"xabcdeabcde", 9, 9},  /* the committed part is never cut */
        {"xabcdeabcdf", 0, 11}, /* almost */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        heard tokens[16];
        size_t n = strlen(rows[i].text);
        for (size_t k = 0; k < n; k++)
            tokens[k] = (heard){.token = (uint16_t)rows[i].text[k]};
        assert_int_equal(search_repeats(tokens, n, rows[i].keep), rows[i].left);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_same_text_whatever_the_draft),
        cmocka_unit_test(checks_a_right_draft_in_few_runs),
        cmocka_unit_test(keeps_the_forced_words_against_the_model),
        cmocka_unit_test(refuses_the_end_only_at_the_first_position),
        cmocka_unit_test(stops_at_the_most_tokens_allowed),
        cmocka_unit_test(ends_a_runaway_repetition),
        cmocka_unit_test(gives_up_when_asked),
        cmocka_unit_test(sees_repetitions_and_cuts_them_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
