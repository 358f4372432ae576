/* Addresses, the handshake and frames of the WebSocket client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/client_frames.h"

static void addresses_are_taken_apart_or_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool good, tls;
        const char *host, *port, *base;
    } row[] = {
        {"http://127.0.0.1:8090", true, false, "127.0.0.1", "8090", ""},
        {"ws://localhost", true, false, "localhost", "80", ""},
        {"wss://speech.example/base/", true, true, "speech.example", "443", "/base"},
        {"HTTPS://h:1/a/b", true, true, "h", "1", "/a/b"},
        {"http://[::1]:81", true, false, "::1", "81", ""},
        {"http://[::1", false, 0, 0, 0, 0}, /* bracket never closed */
        {"http://", false, 0, 0, 0, 0},     /* no host */
        {"http://:80", false, 0, 0, 0, 0},  /* no host */
        {"http://h:", false, 0, 0, 0, 0},   /* no port */
        {"http://h:70000", false, 0, 0, 0, 0},
        {"http://h:8x", false, 0, 0, 0, 0},
        {"http://h/a?b", false, 0, 0, 0, 0}, /* the query is ours */
        {"http://h/\r\nX: y", false, 0, 0, 0, 0},
        {"ftp://h", false, 0, 0, 0, 0},
        {"h:80", false, 0, 0, 0, 0},
        {"", false, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        client_url u;
        diag d = DIAG_INIT;
        status s = client_url_parse(row[i].text, &u, &d);
        assert_int_equal(s, row[i].good ? OK : ERR_INVALID);
        if (!row[i].good)
            continue;
        assert_int_equal(u.tls, row[i].tls);
        assert_string_equal(u.host, row[i].host);
        assert_string_equal(u.port, row[i].port);
        assert_string_equal(u.base, row[i].base);
    }
}

static void the_accept_value_is_that_of_the_rfc(void **state) {
    (void)state;
    char accept[CLIENT_ACCEPT_CHARS + 1];
    client_accept("dGhlIHNhbXBsZSBub25jZQ==", accept); /* RFC 6455, 1.3 */
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void the_request_names_host_path_and_key(void **state) {
    (void)state;
    client_url u;
    assert_int_equal(client_url_parse("http://[::1]:81/b", &u, NULL), OK);
    buf b;
    buf_init(&b, 4096);
    client_request(&u, "/v1/x?y=1", "nonce", "secret", &b);
    const char *text = buf_text(&b);
    assert_non_null(strstr(text, "GET /b/v1/x?y=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(text, "Host: [::1]:81\r\n"));
    assert_non_null(strstr(text, "Authorization: Bearer secret\r\n"));
    assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
    buf_clear(&b);
    client_request(&u, "/", "nonce", "", &b);
    assert_null(strstr(buf_text(&b), "Authorization"));
    buf_deinit(&b);
}

#define NONCE "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void answers_are_read_when_complete(void **state) {
    (void)state;
    static const struct {
        const char *text;
        status want;
        bool complete, accepted;
        int http;
        unsigned retry;
    } row[] = {
        {"HTTP/1.1 101 Switching\r\nsec-websocket-ACCEPT:" ACCEPT " \r\n\r\nrest", OK,
         true, true, 101, 0},
        {"HTTP/1.1 101 S\r\nSec-WebSocket-Accept: wrong\r\n\r\n", OK, true, false, 101,
         0},
        {"HTTP/1.1 101 S\r\n\r\n", OK, true, false, 101, 0},
        {"HTTP/1.1 200 OK\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n", OK, true, false,
         200, 0},
        {"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n{}", OK, true, false, 503, 7},
        {"HTTP/1.1 429 Busy\r\nX-Retry-After: 7\r\n\r\n", OK, true, false, 429, 0},
        {"HTTP/1.1 101 S\r\nSec-WebSocket-Accept: " ACCEPT "\r\n", OK, false, false, 0,
         0},
        {"SSH-2.0-OpenSSH", ERR_SYNTAX, false, false, 0, 0},
        {"HTTP/1.1 abc\r\n\r\n", ERR_SYNTAX, false, false, 0, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        client_answer a = {0};
        bool complete = false;
        status s = client_answer_parse((const uint8_t *)row[i].text, strlen(row[i].text),
                                       NONCE, &complete, &a, NULL);
        assert_int_equal(s, row[i].want);
        if (s != OK)
            continue;
        assert_int_equal(complete, row[i].complete);
        assert_int_equal(a.accepted, row[i].accepted);
        assert_int_equal(a.http_status, row[i].http);
        assert_int_equal(a.retry_after_s, row[i].retry);
    }
}

static void an_answer_may_come_in_any_pieces(void **state) {
    (void)state;
    const char *text = "HTTP/1.1 101 S\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n";
    for (size_t n = 0; n < strlen(text); n++) {
        client_answer a;
        bool complete = true;
        assert_int_equal(
            client_answer_parse((const uint8_t *)text, n, NONCE, &complete, &a, NULL),
            OK);
        assert_false(complete);
    }
}

static void client_frames_are_masked_and_measured(void **state) {
    (void)state;
    static const struct {
        uint64_t n;
        size_t head;
        uint8_t length;
    } row[] = {{0, 6, 0x80},     {125, 6, 0x80 | 125},    {126, 8, 0x80 | 126},
               {65535, 8, 0xfe}, {65536, 14, 0x80 | 127}, {1u << 30, 14, 0xff}};
    const uint8_t mask[4] = {1, 2, 3, 4};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        uint8_t head[FRAME_HEAD_MAX];
        assert_int_equal(frame_head(FRAME_TEXT, row[i].n, mask, head), row[i].head);
        assert_int_equal(head[0], 0x81);
        assert_int_equal(head[1], row[i].length);
        assert_memory_equal(head + row[i].head - 4, mask, 4);
    }
    uint8_t data[19] = {0};
    frame_mask(data, sizeof data, mask);
    for (size_t i = 0; i < sizeof data; i++)
        assert_int_equal(data[i], mask[i % 4]);
}

static void server_frames_are_read_or_refused(void **state) {
    (void)state;
    static const struct {
        uint8_t bytes[10];
        size_t n;
        status want;
        bool complete;
        uint64_t payload;
    } row[] = {
        {{0x81, 5}, 2, OK, true, 5},
        {{0x82, 126, 1, 0}, 4, OK, true, 256},
        {{0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}, 10, OK, true, 65536},
        {{0x81, 126, 1}, 3, OK, false, 0}, /* half of the length */
        {{0x81}, 1, OK, false, 0},
        {{0x01, 3}, 2, OK, true, 3},                /* first of several */
        {{0x89, 125}, 2, OK, true, 125},            /* largest ping */
        {{0x89, 126, 0, 200}, 4, ERR_SYNTAX, 0, 0}, /* a longer one */
        {{0x09, 1}, 2, ERR_SYNTAX, 0, 0},           /* a ping in pieces */
        {{0x81, 0x85}, 2, ERR_SYNTAX, 0, 0},        /* masked by a server */
        {{0xc1, 5}, 2, ERR_SYNTAX, 0, 0},           /* compression not agreed */
        {{0x83, 5}, 2, ERR_SYNTAX, 0, 0},           /* unknown kinds */
        {{0x8b, 5}, 2, ERR_SYNTAX, 0, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        frame_info f = {0};
        bool complete = true;
        status s = frame_read(row[i].bytes, row[i].n, &complete, &f, NULL);
        assert_int_equal(s, row[i].want);
        if (s != OK)
            continue;
        assert_int_equal(complete, row[i].complete);
        assert_true(f.n == row[i].payload);
    }
}

static void base64_is_that_of_the_rfc(void **state) {
    (void)state;
    static const char *const row[][2] = {
        {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
        {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char out[16];
        size_t n = client_base64((const uint8_t *)row[i][0], strlen(row[i][0]), out);
        out[n] = '\0';
        assert_string_equal(out, row[i][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_apart_or_refused),
        cmocka_unit_test(the_accept_value_is_that_of_the_rfc),
        cmocka_unit_test(the_request_names_host_path_and_key),
        cmocka_unit_test(answers_are_read_when_complete),
        cmocka_unit_test(an_answer_may_come_in_any_pieces),
        cmocka_unit_test(client_frames_are_masked_and_measured),
        cmocka_unit_test(server_frames_are_read_or_refused),
        cmocka_unit_test(base64_is_that_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
