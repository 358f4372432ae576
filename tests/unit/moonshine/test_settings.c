/* Decoding settings of a manifest: defaults, ranges, names. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/moonshine/settings.h"

static void has_a_default_for_what_is_not_said(void **state) {
    (void)state;
    moonshine_settings m;
    assert_int_equal(settings_read(NULL, 0, &m, NULL), OK);
    assert_string_equal(m.live, "moonshine-tiny");
    assert_string_equal(m.final, "");
    assert_string_equal(m.vad, "");
    assert_int_equal(m.stream.agree, 2);
    assert_int_equal(m.stream.hop_ms, 480);
    assert_ptr_equal(m.set, kernels_pick());
}

static void takes_what_is_said(void **state) {
    (void)state;
    const rostrum_setting given[] = {{"final", "moonshine-base"},
                                     {"vad", "silero-vad/silero_vad.onnx"},
                                     {"hop_ms", "320"},
                                     {"trim_ms", "0"},
                                     {"agree", "3"},
                                     {"kernels", "scalar"}};
    moonshine_settings m;
    assert_int_equal(settings_read(given, 6, &m, NULL), OK);
    assert_string_equal(m.final, "moonshine-base");
    assert_string_equal(m.vad, "silero-vad/silero_vad.onnx");
    assert_int_equal(m.stream.hop_ms, 320);
    assert_int_equal(m.stream.trim_ms, 0);
    assert_int_equal(m.stream.agree, 3);
    assert_ptr_equal(m.set, &kernels_scalar);
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
        {{"kernels", "abacus"}, "one of avx512vnni, avx2 and scalar"},
        {{"live", ""}, "must name"}, /* a model there must be */
        {{"live", "/etc"}, "inside the model folder"},
        {{"final", "../other"}, "inside the model folder"},
        {{"busy_ms", "400"}, "less than hop_ms, 480"}, /* faster under pressure */
        {{"full_ms", "600"}, "less than busy_ms, 640"},
        {{"settle_lower_ms", "1001"}, "more than settle_ms, 1000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        moonshine_settings m;
        diag d = DIAG_INIT;
        assert_int_equal(settings_read(&rows[i].setting, 1, &m, &d), ERR_INVALID);
        assert_string_equal(d.field, rows[i].setting.key);
        assert_non_null(strstr(d.text, rows[i].says));
    }
}

/* The settings of a manifest we ship, as "  key: value  # comment" lines. */
static size_t shipped(const char *name, rostrum_setting *out, size_t max) {
    static char lines[32][160];
    char path[1024];
    snprintf(path, sizeof path, ROSTRUM_SOURCE "/models/%s.yaml", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = 0;
    bool inside = false;
    while (n < max && fgets(lines[n], sizeof lines[n], f)) {
        char *line = lines[n];
        bool indented = strncmp(line, "  ", 2) == 0;
        if (inside && indented) {
            char *colon = strchr(line, ':');
            assert_non_null(colon);
            *colon = 0;
            char *value = colon + 1 + strspn(colon + 1, " ");
            value[strcspn(value, " \n")] = 0;
            out[n++] = (rostrum_setting){line + 2, value};
        }
        if (!indented)
            inside = strcmp(line, "settings:\n") == 0;
    }
    fclose(f);
    return n;
}

/* All that we ship is allowed, and tiny's are the defaults, as settings.h says. */
static void takes_the_manifests_we_ship(void **state) {
    (void)state;
    static const struct {
        const char *manifest;
        const char *final;
        uint32_t agree;
        size_t n; /* settings it says */
    } rows[] = {
        {"moonshine-tiny", "", 2, 13},
        {"moonshine-base", "", 3, 13},
        {"moonshine-two-pass", "moonshine-base", 2, 16},
    };
    moonshine_settings usual, m;
    assert_int_equal(settings_read(NULL, 0, &usual, NULL), OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rostrum_setting given[32];
        size_t n = shipped(rows[i].manifest, given, 32);
        assert_int_equal(n, rows[i].n);
        assert_int_equal(settings_read(given, n, &m, NULL), OK);
        assert_string_equal(m.final, rows[i].final);
        assert_int_equal(m.stream.agree, rows[i].agree);
        m.stream.agree = usual.stream.agree;
        assert_memory_equal(&m.stream, &usual.stream, sizeof m.stream);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_a_default_for_what_is_not_said),
        cmocka_unit_test(takes_what_is_said),
        cmocka_unit_test(refuses_and_names_what_is_wrong),
        cmocka_unit_test(takes_the_manifests_we_ship),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
