/* Decoding settings of a manifest: defaults, ranges, names. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "engine/moonshine/settings.h"

static void has_defaults_for_each_live_model(void **state) {
    (void)state;
    moonshine_settings m;
    assert_int_equal(settings_read(NULL, 0, &m, NULL), OK);
    assert_string_equal(m.live, "moonshine-tiny");
    assert_string_equal(m.final, "");
    assert_string_equal(m.vad, "");
    assert_int_equal(m.stream.agree, 2);
    const rostrum_setting base[] = {{"live", "moonshine-base"}};
    assert_int_equal(settings_read(base, 1, &m, NULL), OK);
    assert_int_equal(m.stream.agree, 3);
}

static void takes_what_is_said(void **state) {
    (void)state;
    const rostrum_setting given[] = {{"final", "moonshine-base"},
                                     {"vad", "silero-vad/silero_vad.onnx"},
                                     {"hop_ms", "320"},
                                     {"trim_ms", "0"}};
    moonshine_settings m;
    assert_int_equal(settings_read(given, 4, &m, NULL), OK);
    assert_string_equal(m.final, "moonshine-base");
    assert_string_equal(m.vad, "silero-vad/silero_vad.onnx");
    assert_int_equal(m.stream.hop_ms, 320);
    assert_int_equal(m.stream.trim_ms, 0);
}

static void refuses_and_names_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        rostrum_setting setting;
        const char *says; /* part of the text */
    } rows[] = {
        {{"hop_msx", "480"}, "did you mean hop_ms"}, /* a slip */
        {{"beam", "4"}, "not a setting"},            /* nothing like ours */
        {{"hop_ms", "0"}, "from 100 to 5000"},       /* too small */
        {{"hop_ms", "480 "}, "whole number"},        /* not a number alone */
        {{"hop_ms", "-480"}, "whole number"},        /* strtoul would take it */
        {{"hop_ms", ""}, "whole number"},            /* empty */
        {{"agree", "5"}, "from 2 to 4"},             /* more than is kept */
        {{"live", ""}, "must name"},                 /* a model there must be */
        {{"live", "/etc"}, "inside the model folder"},
        {{"final", "../other"}, "inside the model folder"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        moonshine_settings m;
        diag d = DIAG_INIT;
        assert_int_equal(settings_read(&rows[i].setting, 1, &m, &d), ERR_INVALID);
        assert_string_equal(d.field, rows[i].setting.key);
        assert_non_null(strstr(d.text, rows[i].says));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_defaults_for_each_live_model),
        cmocka_unit_test(takes_what_is_said),
        cmocka_unit_test(refuses_and_names_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
