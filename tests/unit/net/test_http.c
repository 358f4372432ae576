/* Request heads, chunked bodies and queries as bytes: strict, and the same however the
 * bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "net/conn.h"

static int read_head(const char *text, http_head *out) {
    size_t scanned = 0, end = http_head_end(text, strlen(text), &scanned);
    assert_int_equal(end, strlen(text));
    return http_head_read(text, end, out);
}

static bool text_is(http_text t, const char *wanted) {
    return t.n == strlen(wanted) && memcmp(t.at, wanted, t.n) == 0;
}

static void a_head_is_read_into_its_parts(void **state) {
    (void)state;
    http_head h;
    assert_int_equal(read_head("POST /a%20b?x=1&y HTTP/1.1\r\nhOsT: me\r\nA:\t 1 \t\r\n"
                               "a: 2\r\nEmpty:\r\nContent-Length: 42\r\n"
                               "Connection: foo , Close\r\nExpect: 100-Continue\r\n\r\n",
                               &h),
                     0);
    assert_true(text_is(h.method, "POST"));
    assert_true(text_is(h.path, "/a%20b"));
    assert_true(text_is(h.query, "x=1&y"));
    assert_int_equal(h.content_length, 42);
    assert_true(h.expects_continue);
    assert_false(h.keep_alive);
    assert_false(h.chunked);
    assert_true(text_is(http_field_find(&h, "A", 0)->value, "1"));
    assert_true(text_is(http_field_find(&h, "A", 1)->value, "2"));
    assert_null(http_field_find(&h, "A", 2));
    assert_true(text_is(http_field_find(&h, "empty", 0)->value, ""));
}

static void framing_is_decided_once_or_refused(void **state) {
    (void)state;
    static const struct {
        const char *version, *fields;
        int refusal;
        bool keep_alive, chunked, upgrade;
    } rows[] = {
        {"1.1", "Host: x\r\n", 0, true, false, false},
        {"1.0", "", 0, false, false, false},
        {"1.0", "Connection: Keep-Alive\r\n", 0, true, false, false},
        {"1.1", "Host: x\r\nTransfer-Encoding: Chunked\r\n", 0, true, true, false},
        {"1.1", "Host: x\r\nTransfer-Encoding: gzip, chunked\r\n", 501, 0, 0, 0},
        {"1.0", "Transfer-Encoding: chunked\r\n", 501, 0, 0, 0}, /* 1.0 has no chunks */
        {"1.1", "Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
         400, 0, 0, 0},
        {"1.1", "Host: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n", 400, 0, 0, 0},
        {"1.1", "Host: x\r\nContent-Length: 5, 5\r\n", 400, 0, 0, 0},
        {"1.1", "Host: x\r\nContent-Length: +5\r\n", 400, 0, 0, 0},
        {"1.1", "Host: x\r\nContent-Length:\r\n", 400, 0, 0, 0},
        {"1.1", "Host: x\r\nContent-Length: 99999999999999999999\r\n", 400, 0, 0, 0},
        {"1.1", "Host: x\r\nAuthorization: a\r\nAuthorization: b\r\n", 400, 0, 0, 0},
        {"1.1",
         "Host: x\r\nUpgrade: h2c, WebSocket\r\nConnection: keep-alive\r\n"
         "Connection: UPGRADE\r\n",
         0, true, false, true},
        {"1.1", "Host: x\r\nUpgrade: websocket\r\n", 0, true, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        http_head h;
        snprintf(text, sizeof text, "GET / HTTP/%s\r\n%s\r\n", rows[i].version,
                 rows[i].fields);
        int got = read_head(text, &h);
        if (got != rows[i].refusal)
            fail_msg("row %zu: %d", i, got);
        if (got == 0 &&
            (h.keep_alive != rows[i].keep_alive || h.chunked != rows[i].chunked ||
             h.upgrade_websocket != rows[i].upgrade))
            fail_msg("row %zu: keep_alive %d chunked %d upgrade %d", i, h.keep_alive,
                     h.chunked, h.upgrade_websocket);
    }
}

/* A person who wrote the client must find the line at fault. */
static void a_refused_head_is_told_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *head, *wrong;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", "Host is missing"},
        {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "Host is given more than once"},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
         "Transfer-Encoding: chunked\r\n\r\n",
         "Content-Length and Transfer-Encoding are both given"},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
         "Content-Length must be a number"},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "chunked"},
        {"GET /\r\nHost: x\r\n\r\n", "METHOD PATH HTTP/1.1"},
        {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/1.1"},
        {"GET / HTTP/1.1\r\nHost x\r\n\r\n", "not Name: value"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        http_head h;
        assert_int_not_equal(read_head(rows[i].head, &h), 0);
        if (!strstr(h.wrong, rows[i].wrong))
            fail_msg("row %zu: %s", i, h.wrong);
    }
}

static void the_end_of_a_head_is_found_at_every_cut(void **state) {
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\nnext";
    size_t wanted = sizeof text - 1 - 4;
    for (size_t first = 0; first < wanted; first++) {
        size_t scanned = 0;
        assert_int_equal(http_head_end(text, first, &scanned), 0);
        assert_int_equal(http_head_end(text, sizeof text - 1, &scanned), wanted);
    }
}

/* Decodes text fed in pieces of `step` bytes; returns the last result. */
static http_chunks_result decode(const char *text, size_t step, char *out, size_t *out_n,
                                 size_t *out_used) {
    http_chunks c = {0};
    http_chunks_result r = CHUNKS_MORE;
    size_t at = 0, n = strlen(text);
    *out_n = 0;
    while (at < n && r != CHUNKS_END && r != CHUNKS_BAD) {
        size_t piece = n - at < step ? n - at : step, used = 0, got = 0;
        const uint8_t *data = NULL;
        r = http_chunks_read(&c, (const uint8_t *)text + at, piece, &used, &data, &got);
        if (r == CHUNKS_DATA) {
            memcpy(out + *out_n, data, got);
            *out_n += got;
        }
        at += used;
    }
    *out_used = at;
    return r;
}

static void a_chunked_body_is_the_same_however_it_is_cut(void **state) {
    (void)state;
    static const char text[] = "4;name=\"v\"\r\nWiki\r\n0A \r\npedia in c\r\n0\r\n"
                               "X-Trailer: 1\r\n\r\nGET /";
    for (size_t step = 1; step < sizeof text; step++) {
        char out[64];
        size_t n, used;
        assert_int_equal(decode(text, step, out, &n, &used), CHUNKS_END);
        assert_int_equal(n, 14);
        assert_memory_equal(out, "Wikipedia in c", 14);
        assert_string_equal(text + used, "GET /");
    }
    static const char *const broken[] = {
        "\r\n",        "x\r\n",         "-1\r\n",
        "1\nA",        "1\r\nAB",       "1\r\nA\rB",
        "1\r\nA\r\nz", "100000000\r\n", /* 4 GiB: nine digits */
        "1 ;\x01\r\n", "0\r\n\x01",     "0\r\nA: b\x02\r\n",
        "0\r\n\rX",
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        char out[64];
        size_t n, used;
        if (decode(broken[i], 1, out, &n, &used) != CHUNKS_BAD)
            fail_msg("row %zu passed", i);
    }
}

static void a_query_is_decoded_by_name_and_occurrence(void **state) {
    (void)state;
    static const char query[] =
        "a=1&b=x+y%2Bz&a=2&flag&a=&k%65y=%C3%A9&bad=%zz&&long=0123456789";
    static const struct {
        const char *name;
        unsigned nth;
        const char *value;
    } rows[] = {
        {"a", 0, "1"},     {"a", 1, "2"},     {"a", 2, ""},           {"a", 3, NULL},
        {"b", 0, "x y+z"}, {"flag", 0, ""},   {"key", 0, "\xC3\xA9"}, {"bad", 0, NULL},
        {"c", 0, NULL},    {"long", 0, NULL}, /* does not fit */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[10] = "?";
        int n = net_query(query, rows[i].name, rows[i].nth, out, sizeof out);
        assert_int_equal(n, rows[i].value ? (int)strlen(rows[i].value) : -1);
        if (rows[i].value)
            assert_string_equal(out, rows[i].value);
    }
}

static void a_peer_has_vanished_only_when_tcp_says_so(void **state) {
    (void)state;
    static const struct {
        uint64_t silent_ms;
        unsigned unacked, ack_ms;
        bool vanished;
    } rows[] = {
        {5000, 0, 5000, false}, /* silent, but nothing waits for an answer */
        {5000, 1, 20, false},   /* acknowledges: a client in a long computation */
        {500, 9, 3000, false},  /* its audio still arrives */
        {1500, 1, 1500, false}, /* not long enough to be sure */
        {1750, 1, 1750, true},  /* the next look would come after LIMIT_VANISHED_S */
        {9000, 1, 9000, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (conn_vanished(rows[i].silent_ms, rows[i].unacked, rows[i].ack_ms) !=
            rows[i].vanished)
            fail_msg("row %zu", i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_read_into_its_parts),
        cmocka_unit_test(framing_is_decided_once_or_refused),
        cmocka_unit_test(a_refused_head_is_told_what_is_wrong),
        cmocka_unit_test(the_end_of_a_head_is_found_at_every_cut),
        cmocka_unit_test(a_chunked_body_is_the_same_however_it_is_cut),
        cmocka_unit_test(a_query_is_decoded_by_name_and_occurrence),
        cmocka_unit_test(a_peer_has_vanished_only_when_tcp_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
