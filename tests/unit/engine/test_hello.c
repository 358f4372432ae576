/* What a worker is told and what it answers: one code for both sides. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "engine/hello.h"

static const engine_hello sample = {
    .model = "moonshine-tiny",
    .model_dir = "/models/with \"quotes\"",
    .settings = {{"hop_ms", "480"}, {"trim_ms", "8000"}},
    .n_settings = 2,
    .threads = 2,
    .slots = 16,
    .batch = true,
    .memory_mb = 900,
};

static void a_hello_survives_the_round_trip(void **state) {
    (void)state;
    buf b;
    buf_init(&b, HELLO_BYTES_MAX);
    hello_encode(&b, &sample);
    engine_hello got;
    assert_int_equal(hello_decode(b.data, b.size, &got, NULL), OK);
    assert_string_equal(got.model, sample.model);
    assert_string_equal(got.model_dir, sample.model_dir);
    assert_int_equal(got.n_settings, 2);
    assert_string_equal(got.settings[1].key, "trim_ms");
    assert_string_equal(got.settings[1].value, "8000");
    assert_int_equal(got.threads, 2);
    assert_int_equal(got.slots, 16);
    assert_true(got.batch);
    assert_int_equal(got.memory_mb, 900);
    buf_deinit(&b);
}

static void the_facts_survive_the_round_trip(void **state) {
    (void)state;
    engine_facts facts = {1, 1, "loudness", "1.0", 16000, false, true, 8, 210, 90000},
                 got;
    buf b;
    buf_init(&b, HELLO_BYTES_MAX);
    facts_encode(&b, &facts);
    assert_int_equal(facts_decode(b.data, b.size, &got, NULL), OK);
    assert_string_equal(got.engine, "loudness");
    assert_string_equal(got.version, "1.0");
    assert_int_equal(got.sample_rate_hz, 16000);
    assert_false(got.vad);
    assert_true(got.second_pass);
    assert_int_equal(got.slots, 8);
    assert_int_equal(got.load_ms, 210);
    assert_int_equal(got.rss_kib, 90000);
    buf_deinit(&b);
}

static void a_malformed_hello_is_refused_and_names_its_field(void **state) {
    (void)state;
    static const struct {
        const char *json, *field;
        status expected;
    } rows[] = {
        {"", "", ERR_SYNTAX},
        {"[]", "", ERR_SYNTAX},
        {"{}", "protocol", ERR_INTEGRITY},
        {"{\"protocol\":2}", "protocol", ERR_INTEGRITY}, /* a newer gateway */
        {"{\"protocol\":1}", "model", ERR_SYNTAX},
        {"{\"protocol\":1,\"model\":\"m\",\"model_dir\":\"d\","
         "\"settings\":{\"a\":1},\"threads\":1,\"slots\":1,\"pool\":\"batch\","
         "\"memory_mb\":0}",
         "settings", ERR_SYNTAX}, /* a setting that is no string */
        {"{\"protocol\":1,\"model\":\"m\",\"model_dir\":\"d\","
         "\"settings\":{},\"threads\":0,\"slots\":1,\"pool\":\"batch\",\"memory_mb\":0}",
         "threads", ERR_SYNTAX},
        {"{\"protocol\":1,\"model\":\"m\",\"model_dir\":\"d\","
         "\"settings\":{},\"threads\":1.5,\"slots\":1,\"pool\":\"batch\",\"memory_mb\":"
         "0}",
         "threads", ERR_SYNTAX},
        {"{\"protocol\":1,\"model\":\"m\",\"model_dir\":\"d\","
         "\"settings\":{},\"threads\":1,\"slots\":257,\"pool\":\"batch\",\"memory_mb\":"
         "0}",
         "slots", ERR_SYNTAX},
        {"{\"protocol\":1,\"model\":\"m\",\"model_dir\":\"d\","
         "\"settings\":{},\"threads\":1,\"slots\":1,\"pool\":\"fast\",\"memory_mb\":0}",
         "pool", ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        diag d = DIAG_INIT;
        engine_hello got = {.slots = 123};
        const char *json = rows[i].json;
        assert_int_equal(hello_decode((const uint8_t *)json, strlen(json), &got, &d),
                         rows[i].expected);
        assert_string_equal(d.field, rows[i].field);
        assert_int_equal(got.slots, 123); /* untouched */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_survives_the_round_trip),
        cmocka_unit_test(the_facts_survive_the_round_trip),
        cmocka_unit_test(a_malformed_hello_is_refused_and_names_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
