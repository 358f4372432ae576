#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audio/intake.h"
#include "audio/ogg_opus.h"
#include "ogg_make.h"

static audio_intake *open_ok(audio_encoding encoding, uint32_t rate_hz,
                             uint8_t channels) {
    audio_format f = {encoding, rate_hz, channels};
    audio_intake *a = NULL;
    assert_int_equal(audio_intake_create(&f, &a, NULL), OK);
    return a;
}

/* Pushes bytes in pieces of step and ends the stream. */
static status feed(audio_intake *a, const uint8_t *bytes, size_t n, size_t step,
                   buf *out) {
    for (size_t at = 0; at < n; at += step) {
        size_t take = n - at < step ? n - at : step;
        status s = audio_intake_push(a, bytes + at, take, out, NULL);
        if (s != OK)
            return s;
    }
    return audio_intake_flush(a, out, NULL);
}

static const int16_t *samples(const buf *b) {
    return (const int16_t *)(void *)b->data;
}

static void pcm_at_16_khz_passes_unchanged_in_any_pieces(void **state) {
    (void)state;
    uint8_t bytes[3001];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31);
    for (size_t step = 1; step < 3100; step = step * 3 + 1) {
        audio_intake *a = open_ok(AUDIO_S16LE, 16000, 1);
        buf out;
        buf_init(&out, 1u << 20);
        assert_int_equal(feed(a, bytes, sizeof bytes, step, &out), OK);
        assert_int_equal(out.size, 3000); /* half a sample never arrived */
        assert_memory_equal(out.data, bytes, 3000);
        buf_deinit(&out);
        audio_intake_destroy(a);
    }
}

static void stereo_floats_are_mixed_in_any_pieces(void **state) {
    (void)state;
    float in[200];
    for (int i = 0; i < 100; i++) {
        in[2 * i] = 0.5f;
        in[2 * i + 1] = -0.25f;
    }
    for (size_t step = 1; step < 20; step++) {
        audio_intake *a = open_ok(AUDIO_F32LE, 16000, 2);
        buf out;
        buf_init(&out, 1u << 20);
        assert_int_equal(feed(a, (uint8_t *)in, sizeof in, step, &out), OK);
        assert_int_equal(out.size, 200);
        for (int i = 0; i < 100; i++)
            assert_int_equal(samples(&out)[i], 4096);
        buf_deinit(&out);
        audio_intake_destroy(a);
    }
}

static void telephone_codes_become_16_khz(void **state) {
    (void)state;
    uint8_t mu[800], a_law[800];
    for (int i = 0; i < 800; i++) {
        mu[i] = 0x9c; /* 9,852 and 9,984 */
        a_law[i] = 0xb6;
    }
    static const audio_encoding kinds[] = {AUDIO_MULAW, AUDIO_ALAW};
    for (int k = 0; k < 2; k++) {
        audio_intake *a = open_ok(kinds[k], 8000, 1);
        buf out;
        buf_init(&out, 1u << 20);
        assert_int_equal(feed(a, k == 0 ? mu : a_law, 800, 160, &out), OK);
        assert_int_equal(out.size / 2, 1600);
        for (size_t i = 200; i < 1400; i++)
            assert_in_range(samples(&out)[i], 9700, 10300);
        buf_deinit(&out);
        audio_intake_destroy(a);
    }
}

static void formats_we_do_not_take_are_named(void **state) {
    (void)state;
    static const struct {
        audio_format format;
        status want;
        const char *field;
    } row[] = {
        {{AUDIO_S16LE, 7999, 1}, ERR_INVALID, "rate"},
        {{AUDIO_S16LE, 48001, 1}, ERR_INVALID, "rate"},
        {{AUDIO_MULAW, 0, 1}, ERR_INVALID, "rate"},
        {{AUDIO_F32LE, 16000, 0}, ERR_INVALID, "channels"},
        {{AUDIO_F32LE, 16000, 3}, ERR_INVALID, "channels"},
        {{(audio_encoding)99, 16000, 1}, ERR_UNSUPPORTED, "encoding"},
        {{AUDIO_OPUS, 0, 0}, OK, ""},      /* packets name both */
        {{AUDIO_CONTAINER, 0, 0}, OK, ""}, /* so does a container */
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        audio_intake *a = NULL;
        diag d = DIAG_INIT;
        assert_int_equal(audio_intake_create(&row[i].format, &a, &d), row[i].want);
        assert_string_equal(d.field, row[i].field);
        audio_intake_destroy(a);
    }
}

static buf ogg_of(ogg_recipe r) {
    buf b;
    buf_init(&b, 16u << 20);
    ogg_make(&r, &b);
    assert_false(b.failed);
    return b;
}

static void ogg_opus_has_its_exact_length_in_any_pieces(void **state) {
    (void)state;
    static const ogg_recipe row[] = {
        {.packets = 50, .channels = 1, .serial = 7},
        {.packets = 50, .channels = 2, .serial = 7, .packets_a_page = 5},
        {.packets = 50, .channels = 1, .end_trim = 600, .packets_a_page = 10},
        {.packets = 3,
         .channels = 1,
         .end_trim = 1200}, /* one page, trimmed twice over */
        {.packets = 1, .channels = 1},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        buf ogg = ogg_of(row[i]);
        size_t want = (size_t)(row[i].packets * 960 - row[i].end_trim - 312) / 3;
        for (size_t step = 1; step < 20000; step = step * 5 + 2) {
            audio_intake *a = open_ok(AUDIO_CONTAINER, 0, 0);
            buf out;
            buf_init(&out, 1u << 20);
            assert_int_equal(feed(a, ogg.data, ogg.size, step, &out), OK);
            assert_int_equal(out.size / 2, want);
            if (want > 4000) { /* a tone of 500 Hz at half scale */
                int high = 0;
                for (size_t k = 1000; k < 1032; k++)
                    high = samples(&out)[k] > high ? samples(&out)[k] : high;
                assert_in_range(high, 14000, 18500);
            }
            buf_deinit(&out);
            audio_intake_destroy(a);
        }
        buf_deinit(&ogg);
    }
}

static void chained_streams_follow_each_other(void **state) {
    (void)state;
    buf ogg = ogg_of((ogg_recipe){.packets = 10, .channels = 1, .serial = 1});
    ogg_make(&(ogg_recipe){.packets = 10, .channels = 2, .serial = 2}, &ogg);
    audio_intake *a = open_ok(AUDIO_CONTAINER, 0, 0);
    buf out;
    buf_init(&out, 1u << 20);
    assert_int_equal(feed(a, ogg.data, ogg.size, 100, &out), OK);
    assert_int_equal(out.size / 2, 2 * (10 * 960 - 312) / 3);
    buf_deinit(&out);
    audio_intake_destroy(a);
    buf_deinit(&ogg);
}

static void broken_containers_are_refused(void **state) {
    (void)state;
    buf ogg = ogg_of((ogg_recipe){.packets = 50, .channels = 1, .packets_a_page = 5});
    static const struct {
        const char *name;
        size_t at; /* of the byte that is changed */
        uint8_t value;
        status want;
    } row[] = {
        {"no container at all", 0, 'x', ERR_UNSUPPORTED},
        {"checksum of the first page", 23, 0x55, ERR_SYNTAX},
        {"a byte of audio", 2000, 0x55, ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        uint8_t kept = ogg.data[row[i].at];
        ogg.data[row[i].at] = kept == row[i].value ? (uint8_t)~kept : row[i].value;
        audio_intake *a = open_ok(AUDIO_CONTAINER, 0, 0);
        buf out;
        buf_init(&out, 1u << 20);
        status s = feed(a, ogg.data, ogg.size, 64, &out);
        if (s != row[i].want)
            print_error("%s: %s\n", row[i].name, status_name(s));
        assert_int_equal(s, row[i].want);
        ogg.data[row[i].at] = kept;
        buf_deinit(&out);
        audio_intake_destroy(a);
    }
    buf_deinit(&ogg);
}

static void a_packet_that_never_ends_is_refused(void **state) {
    (void)state;
    size_t n = OGG_OPUS_HEAD_BYTES_MAX + (64u << 10);
    char *tags = calloc(1, n);
    assert_non_null(tags);
    buf ogg =
        ogg_of((ogg_recipe){.packets = 2, .channels = 1, .tags = tags, .tags_bytes = n});
    audio_intake *a = open_ok(AUDIO_CONTAINER, 0, 0);
    buf out;
    buf_init(&out, 1u << 20);
    assert_int_equal(feed(a, ogg.data, ogg.size, 4096, &out), ERR_LIMIT);
    buf_deinit(&out);
    audio_intake_destroy(a);
    buf_deinit(&ogg);
    free(tags);
}

/* A packet of code 3 with 12 empty frames of 10 ms claims 120 ms in two bytes. */
static void a_few_bytes_do_not_become_minutes(void **state) {
    (void)state;
    buf ogg;
    buf_init(&ogg, 16u << 20);
    ogg_make(&(ogg_recipe){.packets = 0, .channels = 1, .serial = 3}, &ogg);
    ogg_stream_state s;
    ogg_stream_init(&s, 3);
    for (int i = 0; i < 20000; i++) {
        unsigned char packet[2] = {0x03, 12};
        ogg_packet p = {.packet = packet, .bytes = 2, .packetno = i, .granulepos = i};
        ogg_stream_packetin(&s, &p);
    }
    s.pageno = 2;
    s.b_o_s = 1;
    ogg_pages(&s, &ogg, 1);
    ogg_stream_clear(&s);
    audio_intake *a = open_ok(AUDIO_CONTAINER, 0, 0);
    buf out;
    buf_init(&out, 256u << 20);
    assert_int_equal(feed(a, ogg.data, ogg.size, 512, &out), ERR_LIMIT);
    assert_true(out.size / 2 <=
                OGG_OPUS_SLACK_SAMPLES + 66000u * OGG_OPUS_SAMPLES_PER_BYTE);
    buf_deinit(&out);
    audio_intake_destroy(a);
    buf_deinit(&ogg);
}

static void a_wav_stream_is_read_and_ends_with_its_data(void **state) {
    (void)state;
    uint8_t wav[44 + 8 + 5] = "RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0"
                              "\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\x08\0\0\0";
    for (int i = 0; i < 13; i++)
        wav[44 + i] = (uint8_t)(i + 1);
    for (size_t step = 1; step < 60; step += 6) {
        audio_intake *a = open_ok(AUDIO_CONTAINER, 0, 0);
        buf out;
        buf_init(&out, 1u << 20);
        assert_int_equal(feed(a, wav, sizeof wav, step, &out), OK);
        assert_int_equal(out.size, 8);
        assert_memory_equal(out.data, wav + 44, 8);
        buf_deinit(&out);
        audio_intake_destroy(a);
    }
}

static void raw_opus_takes_one_packet_a_push(void **state) {
    (void)state;
    OpusEncoder *e = opus_encoder_create(24000, 1, OPUS_APPLICATION_VOIP, NULL);
    audio_intake *a = open_ok(AUDIO_OPUS, 24000, 1);
    buf out;
    buf_init(&out, 1u << 20);
    float pcm[480] = {0};
    for (int i = 0; i < 10; i++) {
        uint8_t packet[1500];
        int n = opus_encode_float(e, pcm, 480, packet, sizeof packet);
        assert_true(n > 0);
        assert_int_equal(audio_intake_push(a, packet, (size_t)n, &out, NULL), OK);
        assert_int_equal(out.size / 2, 320 * (i + 1));
    }
    const uint8_t broken[] = {0xff, 0xff, 0xff};
    assert_int_equal(audio_intake_push(a, broken, 3, &out, NULL), ERR_SYNTAX);
    opus_encoder_destroy(e);
    audio_intake_destroy(a);
    buf_deinit(&out);
}

static void a_full_buffer_is_an_error_not_a_gap(void **state) {
    (void)state;
    audio_intake *a = open_ok(AUDIO_S16LE, 24000, 1);
    buf out;
    buf_init(&out, 100);
    uint8_t bytes[960] = {0};
    assert_int_equal(audio_intake_push(a, bytes, sizeof bytes, &out, NULL), ERR_LIMIT);
    audio_intake_destroy(a);
    buf_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pcm_at_16_khz_passes_unchanged_in_any_pieces),
        cmocka_unit_test(stereo_floats_are_mixed_in_any_pieces),
        cmocka_unit_test(telephone_codes_become_16_khz),
        cmocka_unit_test(formats_we_do_not_take_are_named),
        cmocka_unit_test(ogg_opus_has_its_exact_length_in_any_pieces),
        cmocka_unit_test(chained_streams_follow_each_other),
        cmocka_unit_test(broken_containers_are_refused),
        cmocka_unit_test(a_packet_that_never_ends_is_refused),
        cmocka_unit_test(a_few_bytes_do_not_become_minutes),
        cmocka_unit_test(a_wav_stream_is_read_and_ends_with_its_data),
        cmocka_unit_test(raw_opus_takes_one_packet_a_push),
        cmocka_unit_test(a_full_buffer_is_an_error_not_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
