/* The policy file, and transcripts inside JSON lines and subtitles. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "records/redaction_lines.h"
#include "records/redaction_policy.h"

static void mistakes_in_a_policy_are_named_with_their_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *field, *says;
        int line;
    } rows[] = {
        {"classes:\n  car: label\n", "car", "card", 2}, /* nearest class */
        {"clases: {}\n", "clases", "classes", 1},       /* nearest key */
        {"classes:\n  card: lable\n", "classes.card", "did you mean label?", 2},
        {"classes:\n  card: [label]\n", "classes.card", "needs an action", 2},
        {"classes:\n  card: {action: mask, label: x}\n", "classes.card", "action label",
         2},
        {"classes:\n  card: {label: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n",
         "classes.card.label", "", 2}, /* too long */
        {"classes: 3\n", "classes", "map", 1},
        {"allow: no\n", "allow", "list", 1},
        {"allow:\n  - \"+-\"\n", "allow[]", "no digit", 2},
        {"", "", "needs a map", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        redaction_policy p;
        diag d = DIAG_INIT;
        status s = redaction_policy_read_text(rows[i].text, strlen(rows[i].text),
                                              "p.yaml", &p, &d);
        assert_int_not_equal(s, OK);
        if (!strstr(d.field, rows[i].field) || !strstr(d.text, rows[i].says) ||
            d.line != rows[i].line || strcmp(d.file, "p.yaml") != 0)
            fail_msg("row %zu: %s:%d: %s: %s", i, d.file, d.line, d.field, d.text);
    }
}

static void a_policy_is_read_as_written(void **state) {
    (void)state;
    static const char text[] =
        "classes:\n  card: mask\n  url: keep\n  phone: {label: <tel>}\n"
        "allow: [\"+1 (800) 555-0199\", \"Help@Example.com\", 10.0.0.1]\n";
    redaction_policy p;
    diag d = DIAG_INIT;
    assert_int_equal(redaction_policy_read_text(text, sizeof text - 1, "p", &p, &d), OK);
    assert_int_equal(p.policy.of[ENTITY_CARD].action, REDACT_MASK);
    assert_int_equal(p.policy.of[ENTITY_URL].action, REDACT_KEEP);
    assert_int_equal(p.policy.of[ENTITY_PHONE].action, REDACT_LABEL);
    assert_string_equal(p.policy.of[ENTITY_PHONE].label, "<tel>");
    /* what is not named is not let through */
    assert_int_equal(p.policy.of[ENTITY_IBAN].action, REDACT_LABEL);
    assert_int_equal(p.policy.n_allowed, 3);
    assert_string_equal(p.policy.allowed[0], "18005550199");
    assert_string_equal(p.policy.allowed[1], "help@example.com");
    assert_string_equal(p.policy.allowed[2], "10.0.0.1");
    redaction_policy_deinit(&p);
}

static void the_policy_that_ships_is_the_default(void **state) {
    (void)state;
    redaction_policy p;
    redact_policy standard;
    diag d = DIAG_INIT;
    redact_policy_init(&standard);
    assert_int_equal(
        redaction_policy_read(ROSTRUM_SOURCE "/policies/redaction/default.yaml", &p, &d),
        OK);
    for (size_t i = 0; i < ENTITY_COUNT; i++) {
        assert_int_equal(p.policy.of[i].action, standard.of[i].action);
        assert_string_equal(p.policy.of[i].label, standard.of[i].label);
    }
    redaction_policy_deinit(&p);
}

static void json_keeps_its_form_and_loses_its_entities(void **state) {
    (void)state;
    static const struct {
        const char *line, *expected;
    } rows[] = {
        {"{\"id\":\"a@b.com\",\"n\":1.5,\"text\":\"mail a@b.com\"}", /* only that field */
         "{\"id\":\"a@b.com\",\"n\":1.5,\"text\":\"mail [EMAIL]\"}"},
        {"{\"segments\":[{\"text\":\"pin is 12 34\"},{\"text\":\"ok\"}]}", /* at any depth
                                                                            */
         "{\"segments\":[{\"text\":\"pin is [ACCOUNT]\"},{\"text\":\"ok\"}]}"},
        {"{\"words\":[{\"word\":\"pin\",\"start\":0,\"end\":0.5,\"p\":1},"
         "{\"word\":\"12\",\"start\":0.5,\"end\":1},{\"word\":\"34\",\"start\":1,\"end\":"
         "1.25}]}",
         "{\"words\":[{\"word\":\"pin\",\"start\":0,\"end\":0.5},"
         "{\"word\":\"[ACCOUNT]\",\"start\":0.5,\"end\":1.25}]}"},
        {"{\"words\":7,\"text\":null}", "{\"words\":7,\"text\":null}"},
    };
    static const char *const fields[] = {"text"};
    redact_policy policy;
    uint64_t counts[ENTITY_COUNT] = {0};
    redact_policy_init(&policy);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf out;
        diag d = DIAG_INIT;
        buf_init(&out, 1u << 20);
        assert_int_equal(redaction_json_line(rows[i].line, strlen(rows[i].line), fields,
                                             1, &policy, &out, counts, &d),
                         OK);
        assert_string_equal(buf_text(&out), rows[i].expected);
        buf_deinit(&out);
    }
    assert_int_equal(counts[ENTITY_ACCOUNT], 2);
    assert_int_equal(counts[ENTITY_EMAIL], 1);
}

static void a_number_that_goes_on_in_the_next_cue_is_found(void **state) {
    (void)state;
    static const struct {
        const char *file, *expected;
    } rows[] = {
        {"WEBVTT\n\n00:01.000 --> 00:02.000\ncard 4111 1111\n\n00:02.000 --> 00:03.000\n"
         "1111 1111 ok\n",
         "WEBVTT\n\n00:01.000 --> 00:02.000\ncard [CARD]\n\n00:02.000 --> 00:03.000\n "
         "ok\n"},
        {"1\r\n00:00:01,000 --> 00:00:02,000\r\npin is 1234\r\n\r\n2\r\n"
         "00:00:02,000 --> 00:00:03,000\r\nplain\r\n",
         "1\r\n00:00:01,000 --> 00:00:02,000\r\npin is [ACCOUNT]\r\n\r\n2\r\n"
         "00:00:02,000 --> 00:00:03,000\r\nplain\r\n"},
        {"", ""},
    };
    redact_policy policy;
    uint64_t counts[ENTITY_COUNT] = {0};
    redact_policy_init(&policy);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf out;
        diag d = DIAG_INIT;
        buf_init(&out, 1u << 20);
        assert_int_equal(redaction_subtitles(rows[i].file, strlen(rows[i].file), &policy,
                                             &out, counts, &d),
                         OK);
        assert_string_equal(buf_text(&out), rows[i].expected);
        buf_deinit(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_in_a_policy_are_named_with_their_place),
        cmocka_unit_test(a_policy_is_read_as_written),
        cmocka_unit_test(the_policy_that_ships_is_the_default),
        cmocka_unit_test(json_keeps_its_form_and_loses_its_entities),
        cmocka_unit_test(a_number_that_goes_on_in_the_next_cue_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
