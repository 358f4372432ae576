#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sndfile.h>

#include "audio/file.h"
#include "base/buf.h"
#include "ogg_make.h"

/* Writes a 500 Hz tone of `frames` frames and reads the file back into memory. */
static buf made(int format, int rate, int channels, int frames) {
    char path[] = "/tmp/rostrum-test-file-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    SF_INFO info = {.samplerate = rate, .channels = channels, .format = format};
    SNDFILE *f = sf_open_fd(fd, SFM_WRITE, &info, 1);
    assert_non_null(f);
    for (int i = 0; i < frames; i++) {
        float frame[8];
        for (int c = 0; c < channels; c++)
            frame[c] = 0.5f * sinf((float)i * 2 * 3.14159265f * 500 / (float)rate);
        sf_writef_float(f, frame, 1);
    }
    sf_close(f);
    buf b;
    buf_init(&b, 16u << 20);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    uint8_t piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, in)) > 0;)
        buf_add(&b, piece, n);
    fclose(in);
    unlink(path);
    assert_false(b.failed);
    return b;
}

static buf read_all(audio_file *f, size_t step) {
    buf b;
    buf_init(&b, 16u << 20);
    for (;;) {
        int16_t pcm[2000];
        size_t n = 1;
        assert_int_equal(audio_file_read(f, pcm, step, &n, NULL), OK);
        if (n == 0)
            return b;
        buf_add(&b, pcm, n * 2);
    }
}

static void every_container_gives_its_tone_at_16_khz(void **state) {
    (void)state;
    static const struct {
        int format, rate, channels;
        const char *name;
        int slack; /* samples a lossy codec may add or drop */
    } row[] = {
        {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, "wav", 0},
        {SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, "wav", 0},
        {SF_FORMAT_WAVEX | SF_FORMAT_FLOAT, 48000, 2, "wav", 0},
        {SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, 1, "wav", 0},
        {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 24000, 1, "flac", 0},
        {SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 1, "ogg", 110},
        {SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 44100, 1, "mp3", 1200},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        buf bytes = made(row[i].format, row[i].rate, row[i].channels, row[i].rate);
        audio_file *f = NULL;
        audio_file_info info;
        diag d = DIAG_INIT;
        status s = audio_file_open_memory(bytes.data, bytes.size, &f, &info, &d);
        if (s != OK)
            print_error("%s: %s\n", row[i].name, d.text);
        assert_int_equal(s, OK);
        assert_string_equal(info.format, row[i].name);
        assert_int_equal(info.rate_hz, row[i].rate);
        assert_int_equal(info.channels, row[i].channels);
        assert_true(fabs(info.duration_s - 1) <= row[i].slack / 16000.0 + 1e-6);
        buf pcm = read_all(f, 2000);
        assert_in_range(pcm.size / 2, 16000 - row[i].slack, 16000 + row[i].slack);
        const int16_t *got = (const int16_t *)(void *)pcm.data;
        int high = 0;
        for (size_t k = 8000; k < 8032; k++)
            high = got[k] > high ? got[k] : high;
        assert_in_range(high, 15000, 17700);
        audio_file_destroy(f);
        buf_deinit(&pcm);
        buf_deinit(&bytes);
    }
}

static void the_read_size_does_not_matter(void **state) {
    (void)state;
    buf bytes = made(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 24000, 1, 5000);
    buf want = {0};
    for (size_t step = 1; step <= 2000; step = step * 7 + 3) {
        audio_file *f = NULL;
        assert_int_equal(audio_file_open_memory(bytes.data, bytes.size, &f, NULL, NULL),
                         OK);
        buf got = read_all(f, step);
        audio_file_destroy(f);
        if (want.size == 0) {
            want = got;
            continue;
        }
        assert_int_equal(got.size, want.size);
        assert_memory_equal(got.data, want.data, want.size);
        buf_deinit(&got);
    }
    buf_deinit(&want);
    buf_deinit(&bytes);
}

static void what_is_not_audio_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } row[] = {
        {"", 0},
        {"{\"json\": true}", 14},
        {"RIFF", 4},
        {"fLaC\0\0\0\x22", 8},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        audio_file *f = NULL;
        diag d = DIAG_INIT;
        status s =
            audio_file_open_memory((const uint8_t *)row[i].bytes, row[i].n, &f, NULL, &d);
        assert_true(s == ERR_SYNTAX || s == ERR_UNSUPPORTED);
        assert_null(f);
        assert_true(d.text[0] != '\0');
    }
}

static void formats_beside_ours_are_refused(void **state) {
    (void)state;
    static const int formats[] = {
        SF_FORMAT_AIFF | SF_FORMAT_PCM_16, SF_FORMAT_AU | SF_FORMAT_PCM_16,
        SF_FORMAT_VOC | SF_FORMAT_PCM_16, SF_FORMAT_OGG | SF_FORMAT_VORBIS};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        buf bytes = made(formats[i], 16000, 1, 5000);
        audio_file *f = NULL;
        assert_int_equal(audio_file_open_memory(bytes.data, bytes.size, &f, NULL, NULL),
                         ERR_UNSUPPORTED);
        assert_null(f);
        buf_deinit(&bytes);
    }
}

static void a_broken_ogg_page_ends_the_reading_with_an_error(void **state) {
    (void)state;
    buf bytes;
    buf_init(&bytes, 1u << 20);
    ogg_make(&(ogg_recipe){.packets = 200, .channels = 1, .packets_a_page = 10}, &bytes);
    bytes.data[bytes.size / 2] ^= 0x40;
    audio_file *f = NULL;
    assert_int_equal(audio_file_open_memory(bytes.data, bytes.size, &f, NULL, NULL), OK);
    int16_t pcm[1600];
    size_t n = 1, total = 0;
    status s = OK;
    while (n > 0 && (s = audio_file_read(f, pcm, 1600, &n, NULL)) == OK)
        total += n;
    assert_int_equal(s, ERR_SYNTAX);
    assert_true(total > 16000);
    audio_file_destroy(f);
    buf_deinit(&bytes);
}

static void absurd_heads_are_refused(void **state) {
    (void)state;
    static const struct {
        size_t at; /* in a WAV head: 22 channels, 24 rate */
        uint8_t value[4];
    } row[] = {
        {24, {1, 0, 0, 0}},          /* 1 Hz */
        {24, {0, 0x94, 0x35, 0x77}}, /* 2 GHz */
        {22, {9, 0, 0, 0}},          /* nine channels (and a rate of zero) */
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        buf bytes = made(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 5000);
        memcpy(bytes.data + row[i].at, row[i].value, 4);
        audio_file *f = NULL;
        status s = audio_file_open_memory(bytes.data, bytes.size, &f, NULL, NULL);
        assert_true(s == ERR_LIMIT || s == ERR_SYNTAX || s == ERR_UNSUPPORTED);
        assert_null(f);
        buf_deinit(&bytes);
    }
}

static void a_file_cut_short_gives_what_is_there(void **state) {
    (void)state;
    buf bytes = made(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 5000);
    audio_file *f = NULL;
    assert_int_equal(audio_file_open_memory(bytes.data, 44 + 2000, &f, NULL, NULL), OK);
    buf pcm = read_all(f, 300);
    assert_int_equal(pcm.size, 2000);
    buf_deinit(&pcm);
    audio_file_destroy(f);
    buf_deinit(&bytes);
}

/* A library that complains does so in our log, about somebody's upload. */
static void a_broken_mp3_is_read_without_a_word_on_stderr(void **state) {
    (void)state;
    buf bytes = made(SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 16000, 1, 32000);
    for (size_t i = 600; i < bytes.size; i += 97) /* in heads and in frames */
        bytes.data[i] ^= 0xff;
    char path_of[] = "/tmp/rostrum-stderr-XXXXXX";
    int file = mkstemp(path_of), kept = dup(STDERR_FILENO);
    assert_true(file >= 0 && kept >= 0);
    dup2(file, STDERR_FILENO);
    audio_file *f = NULL;
    status s = audio_file_open_memory(bytes.data, bytes.size, &f, NULL, NULL);
    size_t samples = 0;
    if (s == OK) {
        buf pcm = read_all(f, 2000);
        samples = pcm.size / 2;
        buf_deinit(&pcm);
    }
    audio_file_destroy(f);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_int_equal(lseek(file, 0, SEEK_END), 0);
    close(file);
    unlink(path_of);
    assert_int_equal(s, OK);
    assert_true(samples > 0); /* what could be read */
    buf_deinit(&bytes);
}

static void a_path_that_is_not_there_is_named(void **state) {
    (void)state;
    audio_file *f = NULL;
    diag d = DIAG_INIT;
    assert_int_equal(audio_file_open_path("/no/such/file.wav", &f, NULL, &d),
                     ERR_NOT_FOUND);
    assert_string_equal(d.file, "/no/such/file.wav");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_container_gives_its_tone_at_16_khz),
        cmocka_unit_test(the_read_size_does_not_matter),
        cmocka_unit_test(what_is_not_audio_is_refused),
        cmocka_unit_test(formats_beside_ours_are_refused),
        cmocka_unit_test(a_broken_ogg_page_ends_the_reading_with_an_error),
        cmocka_unit_test(absurd_heads_are_refused),
        cmocka_unit_test(a_file_cut_short_gives_what_is_there),
        cmocka_unit_test(a_broken_mp3_is_read_without_a_word_on_stderr),
        cmocka_unit_test(a_path_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
