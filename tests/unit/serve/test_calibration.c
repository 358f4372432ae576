/* A measurement is believed only where it was made. */
#include "serve/registry/calibration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static model_manifest m;
static calibration c;

static int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/rostrum-calibration-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    memset(&m, 0, sizeof m);
    snprintf(m.name, sizeof m.name, "small");
    snprintf(m.cache_dir, sizeof m.cache_dir, "%s", folder);
    memset(m.hash, 'a', 64);
    c = (calibration){.engine_version = "1.2",
                      .threads = 2,
                      .slots = 24,
                      .slots_per_core = 12,
                      .rtf = 0.0625,
                      .memory_per_slot_kib = 320,
                      .unloaded_ms = 500,
                      .loaded_ms = 580,
                      .recording = "a \"clip\"",
                      .measured_unix_s = 1700000000};
    calibration_cpu(c.cpu, sizeof c.cpu);
    return 0;
}

static void path_of(char *out, size_t size) {
    snprintf(out, size, "%s/calibration/small.json", folder);
}

static int tear_down(void **state) {
    (void)state;
    char path[128];
    path_of(path, sizeof path);
    unlink(path);
    snprintf(path, sizeof path, "%s/calibration", folder);
    rmdir(path);
    return rmdir(folder);
}

static void what_was_written_is_read_back(void **state) {
    (void)state;
    calibration back;
    diag d = DIAG_INIT;
    assert_false(calibration_read(&m, &back));
    assert_int_equal(calibration_write(&m, &c, &d), OK);
    assert_int_equal(calibration_write(&m, &c, &d), OK); /* and again over it */
    assert_true(calibration_read(&m, &back));
    assert_int_equal(back.slots, 24);
    assert_int_equal(back.threads, 2);
    assert_float_equal(back.rtf, 0.0625, 1e-6);
    assert_string_equal(back.engine_version, "1.2");
    assert_string_equal(back.recording, "a \"clip\"");
    assert_int_equal(back.measured_unix_s, 1700000000);
}

static void another_manifest_or_processor_makes_it_void(void **state) {
    (void)state;
    calibration back;
    diag d = DIAG_INIT;
    assert_int_equal(calibration_write(&m, &c, &d), OK);
    m.hash[63] = 'b';
    assert_false(calibration_read(&m, &back));
    m.hash[63] = 'a';
    snprintf(c.cpu, sizeof c.cpu, "another x4");
    assert_int_equal(calibration_write(&m, &c, &d), OK);
    assert_false(calibration_read(&m, &back));
}

static void a_damaged_file_is_no_measurement(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", "{", "[]", "{\"slots\": 24}", /* not whole */
    };
    diag d = DIAG_INIT;
    calibration back = {.slots = 77};
    char path[128];
    path_of(path, sizeof path);
    assert_int_equal(calibration_write(&m, &c, &d), OK);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(texts[i], f);
        assert_int_equal(fclose(f), 0);
        assert_false(calibration_read(&m, &back));
    }
    c.slots = 0; /* a worker of no slots was never measured */
    assert_int_equal(calibration_write(&m, &c, &d), OK);
    assert_false(calibration_read(&m, &back));
    assert_int_equal(back.slots, 77);
}

static void a_folder_that_cannot_be_made_is_named(void **state) {
    (void)state;
    diag d = DIAG_INIT;
    snprintf(m.cache_dir, sizeof m.cache_dir, "/proc/nowhere");
    assert_int_equal(calibration_write(&m, &c, &d), ERR_IO);
    assert_string_equal(d.file, "/proc/nowhere/calibration");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_manifest_or_processor_makes_it_void,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_no_measurement, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_made_is_named, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
