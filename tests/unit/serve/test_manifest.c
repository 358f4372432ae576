/* The form of manifests, and that no file passes which is not the one named. */
#include "serve/registry/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/registry/hash.h"

static const char good[] =
    "name: small\n"
    "version: \"1\"\n"
    "kind: asr\n"
    "engine: example\n"
    "languages: [en, de]\n"
    "sample_rate_hz: 16000\n"
    "feature_contract: pcm\n"
    "two_pass: true\n"
    "slots_per_thread: 3\n"
    "licence: MIT\n"
    "source: a test\n"
    "get: make it so\n"
    "settings:\n"
    "  hop_ms: 480\n"
    "files:\n"
    "  - path: models/small/a.bin\n"
    "    sha256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410"
    "ff61f20015ad\n"
    "    bytes: 3\n";

static model_manifest m;

static status parse(const char *text, diag *d) {
    *d = DIAG_INIT;
    return manifest_parse(text, strlen(text), "small.yaml", "/cache", &m, d);
}

static void every_field_of_a_good_manifest_is_read(void **state) {
    (void)state;
    diag d;
    assert_int_equal(parse(good, &d), OK);
    assert_string_equal(m.name, "small");
    assert_string_equal(m.version, "1");
    assert_string_equal(m.engine, "example");
    assert_int_equal(m.n_languages, 2);
    assert_string_equal(m.languages[1], "de");
    assert_int_equal(m.sample_rate_hz, 16000);
    assert_true(m.two_pass);
    assert_int_equal(m.slots_per_thread, 3);
    assert_int_equal(m.n_settings, 1);
    assert_string_equal(m.settings[0].key, "hop_ms");
    assert_string_equal(m.settings[0].value, "480");
    assert_int_equal(m.settings[0].line, 14);
    char text[128];
    assert_string_equal(manifest_place(&m, "hop_ms: 480 is too much", text, sizeof text),
                        "small.yaml:14: hop_ms: 480 is too much");
    assert_string_equal(manifest_place(&m, "no shop_ms here", text, sizeof text),
                        "small.yaml: no shop_ms here");
    assert_int_equal(m.n_files, 1);
    assert_int_equal(m.files[0].bytes, 3);
    assert_string_equal(m.model_dir, "/cache/models");
    assert_int_equal(strlen(m.hash), 64);
    char path[64];
    assert_string_equal(manifest_file_path(&m, &m.files[0], path, sizeof path),
                        "/cache/models/small/a.bin");
}

/* Replaces the first `from` in the good manifest by `to`. */
static const char *altered(const char *from, const char *to) {
    static char text[2048];
    const char *at = strstr(good, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, to,
             at + strlen(from));
    return text;
}

static void each_slip_in_a_manifest_names_its_field(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *field;
    } rows[] = {
        {"name: small\n", "", "name"},                     /* missing */
        {"name: small", "name: ../small", "name"},         /* would leave its folder */
        {"kind: asr", "kind: ears", "kind"},               /* not one of ours */
        {"engine: example", "engine: /bin/sh", "engine"},  /* only a plain name */
        {"16000\nf", "1\nf", "sample_rate_hz"},            /* below any audio */
        {"models/small/a.bin", "../a.bin", "files.path"},  /* outside the cache */
        {"models/small/a.bin", "models//a", "files.path"}, /* empty component */
        {"ba7816bf", "BA7816BF", "files.sha256"},          /* upper case */
        {"ba7816bf", "ba7816b", "files.sha256"},           /* one digit short */
        {"get:", "model_dir: models\nget:", "model_dir"},
        {"get:", "model_dir: /usr/../etc\nget:", "model_dir"},
        {"bytes: 3", "bytes: -3", "files.bytes"},
        {"slots_per_thread: 3", "slots_per_thread: 0", "slots_per_thread"},
        {"licence: MIT", "licence: \"\"", "licence"},
        {"get: make it so\n", "", "get"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        diag d;
        model_manifest before = m;
        assert_int_equal(parse(altered(rows[i].from, rows[i].to), &d), ERR_INVALID);
        assert_string_equal(d.field, rows[i].field);
        assert_string_equal(d.file, "small.yaml");
        assert_memory_equal(&before, &m, sizeof m); /* untouched on failure */
    }
}

static void an_unknown_key_is_an_error_with_the_nearest_name(void **state) {
    (void)state;
    diag d;
    assert_int_equal(parse(altered("licence:", "license:"), &d), ERR_INVALID);
    assert_non_null(strstr(d.text, "licence"));
}

static void another_byte_in_the_manifest_is_another_hash(void **state) {
    (void)state;
    diag d;
    char first[65];
    assert_int_equal(parse(good, &d), OK);
    memcpy(first, m.hash, sizeof first);
    assert_int_equal(parse(altered("hop_ms: 480", "hop_ms: 481"), &d), OK);
    assert_string_not_equal(first, m.hash);
}

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
}

static void a_file_that_differs_never_verifies(void **state) {
    (void)state;
    char folder[] = "/tmp/rostrum-manifest-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[128];
    snprintf(path, sizeof path, "%s/a.bin", folder);
    char text[256];
    snprintf(text, sizeof text, "%s", path);
    diag d;
    assert_int_equal(parse(altered("models/small/a.bin", text), &d), OK);

    assert_int_equal(manifest_verify(&m, &d), ERR_NOT_FOUND);
    assert_string_equal(d.file, path);
    assert_non_null(strstr(d.text, "make it so"));

    write_file(path, "abc"); /* the hash above is of "abc": FIPS 180-2, B.1 */
    d = DIAG_INIT;
    assert_int_equal(manifest_verify(&m, &d), OK);

    write_file(path, "abd"); /* same size, other bytes, after having verified */
    assert_int_equal(manifest_verify(&m, &d), ERR_INTEGRITY);
    assert_string_equal(d.file, path);

    write_file(path, "abcd");
    assert_int_equal(manifest_verify(&m, &d), ERR_INTEGRITY);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0); /* a folder is no file */
    assert_int_equal(manifest_verify(&m, &d), ERR_NOT_FOUND);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void hash_of(const char *path, char out_hex[65], uint64_t *out_bytes) {
    static char bytes[4 << 20];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    *out_bytes = fread(bytes, 1, sizeof bytes, f);
    assert_int_equal(fclose(f), 0);
    hash_bytes(bytes, *out_bytes, out_hex);
}

/* Bytes this process has read from files so far (and from this one: some 100). */
static uint64_t bytes_read(void) {
    FILE *f = fopen("/proc/self/io", "re");
    unsigned long long n = 0;
    assert_non_null(f);
    assert_int_equal(fscanf(f, "rchar: %llu", &n), 1);
    assert_int_equal(fclose(f), 0);
    return n;
}

static void a_file_that_verified_is_not_read_again_while_unchanged(void **state) {
    (void)state;
    const char *path = "/usr/share/pocketsphinx/model/en-us/en-us/mdef";
    if (access(path, R_OK) != 0)
        skip();
    char hex[65];
    uint64_t bytes = 0;
    hash_of(path, hex, &bytes);
    uint64_t before = bytes_read();
    assert_int_equal(hash_file_is(path, bytes, hex), OK);
    assert_int_equal(hash_file_is(path, bytes, hex), OK);
    assert_int_equal((bytes_read() - before) / bytes, 1);
    hex[0] = hex[0] == '0' ? '1' : '0'; /* another claim about the same file is read */
    assert_int_equal(hash_file_is(path, bytes, hex), ERR_INTEGRITY);
    assert_int_equal((bytes_read() - before) / bytes, 2);
}

static void a_file_that_just_changed_is_read_every_time(void **state) {
    (void)state;
    char path[] = "/tmp/rostrum-hash-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char bytes[1 << 16];
    assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(close(fd), 0);
    char hex[65];
    hash_bytes(bytes, sizeof bytes, hex);
    uint64_t before = bytes_read();
    assert_int_equal(hash_file_is(path, sizeof bytes, hex), OK);
    assert_int_equal(hash_file_is(path, sizeof bytes, hex), OK);
    assert_int_equal((bytes_read() - before) / sizeof bytes, 2);
    assert_int_equal(unlink(path), 0);
}

static void the_shipped_manifests_are_all_well_formed(void **state) {
    (void)state;
    static model_manifest all[16];
    size_t n = 0;
    diag d = DIAG_INIT;
    char line[1024];
    status s = manifest_read_all(ROSTRUM_SOURCE "/models", "/cache", all, 16, &n, &d);
    if (s != OK)
        print_message("%s\n", diag_format(&d, line, sizeof line));
    assert_int_equal(s, OK);
    static const char *const names[] = {"moonshine-tiny", "moonshine-base",
                                        "moonshine-two-pass", "pocketsphinx",
                                        "silero-vad"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(manifest_find(all, n, names[i]));
    assert_null(manifest_find(all, n, "moonshine"));
}

static void a_registry_of_too_many_or_a_missing_folder_is_refused(void **state) {
    (void)state;
    static model_manifest one[1];
    size_t n = 7;
    diag d = DIAG_INIT;
    assert_int_equal(
        manifest_read_all(ROSTRUM_SOURCE "/models", "/cache", one, 1, &n, &d), ERR_LIMIT);
    assert_int_equal(manifest_read_all("/nowhere", "/cache", one, 1, &n, &d),
                     ERR_NOT_FOUND);
    assert_int_equal(n, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_a_good_manifest_is_read),
        cmocka_unit_test(each_slip_in_a_manifest_names_its_field),
        cmocka_unit_test(an_unknown_key_is_an_error_with_the_nearest_name),
        cmocka_unit_test(another_byte_in_the_manifest_is_another_hash),
        cmocka_unit_test(a_file_that_differs_never_verifies),
        cmocka_unit_test(a_file_that_verified_is_not_read_again_while_unchanged),
        cmocka_unit_test(a_file_that_just_changed_is_read_every_time),
        cmocka_unit_test(the_shipped_manifests_are_all_well_formed),
        cmocka_unit_test(a_registry_of_too_many_or_a_missing_folder_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
