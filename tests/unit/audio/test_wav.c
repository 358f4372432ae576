#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audio/wav.h"

#define HEX_MAX 256

/* "52494646 ..." and 'text' pieces -> bytes. */
static size_t bytes_of(const char *text, uint8_t *out) {
    size_t n = 0;
    while (*text != '\0') {
        if (*text == ' ') {
            text++;
        } else if (*text == '\'') {
            for (text++; *text != '\''; text++)
                out[n++] = (uint8_t)*text;
            text++;
        } else {
            unsigned v = 0;
            for (int i = 0; i < 2; i++, text++)
                v = v * 16 + (unsigned)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
            out[n++] = (uint8_t)v;
        }
    }
    return n;
}

#define RIFF "'RIFF' ffffffff 'WAVE' "
#define PCM16 "'fmt ' 10000000 0100 0100 803e0000 007d0000 0200 1000 "

static const struct {
    const char *name, *bytes;
    status want;
    pcm_kind kind;
    unsigned channels;
    uint32_t rate_hz;
    uint64_t data_bytes;
} row[] = {
    {"plain", RIFF PCM16 "'data' 04000000", OK, PCM_S16, 1, 16000, 4},
    {"length not known: all ones", RIFF PCM16 "'data' ffffffff", OK, PCM_S16, 1, 16000,
     UINT64_MAX},
    {"length not known: zero", RIFF PCM16 "'data' 00000000", OK, PCM_S16, 1, 16000,
     UINT64_MAX},
    {"length not known: 2 GiB less the header", RIFF PCM16 "'data' dbffff7f", OK, PCM_S16,
     1, 16000, UINT64_MAX},
    {"a chunk of odd size is padded",
     RIFF "'LIST' 03000000 01020300 " PCM16 "'data' 02000000", OK, PCM_S16, 1, 16000, 2},
    {"chunks between", RIFF PCM16 "'fact' 04000000 00000000 'data' 02000000", OK, PCM_S16,
     1, 16000, 2},
    {"format of 18 bytes, A-law stereo",
     RIFF "'fmt ' 12000000 0600 0200 401f0000 803e0000 0200 0800 0000 'data' 08000000",
     OK, PCM_ALAW, 2, 8000, 8},
    {"float",
     RIFF "'fmt ' 10000000 0300 0100 c05d0000 00770100 0400 2000 'data' 08000000", OK,
     PCM_F32, 1, 24000, 8},
    {"extensible, 24 bits, stereo",
     RIFF "'fmt ' 28000000 feff 0200 80bb0000 00650400 0600 1800 1600 1800 03000000 "
          "0100 0000 0000 1000 8000 00aa00389b71 'data' 06000000",
     OK, PCM_S24, 2, 48000, 6},
    {"RF64", "'RF64' ffffffff 'WAVE' 'ds64' 04000000 00000000 " PCM16 "'data' ffffffff",
     OK, PCM_S16, 1, 16000, UINT64_MAX},
    {"not RIFF", "'RIFX' 00000000 'WAVE'", ERR_SYNTAX, 0, 0, 0, 0},
    {"not WAVE", "'RIFF' 00000000 'AVI '", ERR_SYNTAX, 0, 0, 0, 0},
    {"data before the format", RIFF "'data' 04000000", ERR_SYNTAX, 0, 0, 0, 0},
    {"a short format", RIFF "'fmt ' 0f000000", ERR_SYNTAX, 0, 0, 0, 0},
    {"block size of another format",
     RIFF "'fmt ' 10000000 0100 0100 803e0000 007d0000 0300 1000", ERR_SYNTAX, 0, 0, 0,
     0},
    {"ADPCM", RIFF "'fmt ' 10000000 0200 0100 803e0000 007d0000 0200 0400",
     ERR_UNSUPPORTED, 0, 0, 0, 0},
    {"no channels", RIFF "'fmt ' 10000000 0100 0000 803e0000 007d0000 0000 1000",
     ERR_UNSUPPORTED, 0, 0, 0, 0},
    {"300 channels", RIFF "'fmt ' 10000000 0100 2c01 803e0000 007d0000 5802 1000",
     ERR_UNSUPPORTED, 0, 0, 0, 0},
    {"1 Hz", RIFF "'fmt ' 10000000 0100 0100 01000000 02000000 0200 1000",
     ERR_UNSUPPORTED, 0, 0, 0, 0},
    {"extensible of an unknown kind",
     RIFF "'fmt ' 28000000 feff 0200 80bb0000 00650400 0600 1800 1600 1800 03000000 "
          "0100 0000 0000 1000 8000 00aa00389b72",
     ERR_UNSUPPORTED, 0, 0, 0, 0},
    {"extensible in a short format",
     RIFF "'fmt ' 10000000 feff 0100 803e0000 007d0000 0200 1000", ERR_UNSUPPORTED, 0, 0,
     0, 0},
    {"a chunk of 4 GiB", RIFF "'LIST' ffffffff", ERR_LIMIT, 0, 0, 0, 0},
};

static status parse(const char *text, size_t step, wav_parser *p, size_t *out_rest) {
    uint8_t bytes[HEX_MAX];
    size_t n = bytes_of(text, bytes);
    bytes[n++] = 0xab; /* the first byte of the data */
    wav_init(p);
    bool done = false;
    for (size_t at = 0; at < n && !done;) {
        size_t used = 0, take = n - at < step ? n - at : step;
        status s = wav_push(p, bytes + at, take, &used, &done, NULL);
        if (s != OK)
            return s;
        assert_true(used <= take);
        assert_true(used == take || done);
        at += used;
        *out_rest = n - at;
    }
    assert_true(done);
    return OK;
}

static void heads_are_read_whole_and_byte_by_byte(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        for (size_t step = 1; step < HEX_MAX; step += step < 5 ? 1 : 50) {
            wav_parser p;
            size_t rest = 0;
            status s = parse(row[i].bytes, step, &p, &rest);
            if (s != row[i].want)
                print_error("%s: %s\n", row[i].name, status_name(s));
            assert_int_equal(s, row[i].want);
            if (s != OK)
                continue;
            assert_int_equal(rest, 1); /* not one byte of the data is taken */
            assert_int_equal(p.format.kind, row[i].kind);
            assert_int_equal(p.format.channels, row[i].channels);
            assert_int_equal(p.format.rate_hz, row[i].rate_hz);
            assert_true(p.format.data_bytes == row[i].data_bytes);
        }
}

static void a_head_that_never_ends_is_refused(void **state) {
    (void)state;
    wav_parser p;
    wav_init(&p);
    uint8_t bytes[HEX_MAX], chunk[16];
    size_t n = bytes_of(RIFF, bytes), used;
    size_t chunk_n = bytes_of("'JUNK' 08000000 0000000000000000", chunk);
    bool done = false;
    status s = wav_push(&p, bytes, n, &used, &done, NULL);
    assert_int_equal(s, OK);
    for (size_t sent = 0; s == OK && sent < 2 * WAV_HEAD_BYTES_MAX; sent += chunk_n)
        s = wav_push(&p, chunk, chunk_n, &used, &done, NULL);
    assert_int_equal(s, ERR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_read_whole_and_byte_by_byte),
        cmocka_unit_test(a_head_that_never_ends_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
