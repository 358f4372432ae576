/* Frames as bytes: one stream gives one list of messages however it is cut, and UTF-8 is
 * what the standard says. The violations are in test_websocket_server.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "net/websocket.h"

static size_t frame(uint8_t *out, uint8_t first, const char *text) {
    static const uint8_t mask[4] = {9, 8, 7, 6};
    size_t n = strlen(text), at = 0;
    out[at++] = first;
    out[at++] = (uint8_t)(0x80 | n);
    memcpy(out + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < n; i++)
        out[at + i] = (uint8_t)text[i] ^ mask[i & 3];
    return at + n;
}

/* What a stream says, in one line: pieces of a message are joined. */
static void tell(const uint8_t *stream, size_t n, size_t step, char *out) {
    ws_reader r = {0};
    char *at = out;
    for (size_t from = 0; from < n; from += step) {
        size_t piece = n - from < step ? n - from : step;
        uint8_t *bytes = malloc(piece); /* exactly: the sanitizer sees one byte more */
        memcpy(bytes, stream + from, piece);
        for (size_t used = 0; used < piece;) {
            ws_event e;
            used += ws_read(&r, bytes + used, piece - used, &e);
            if (e.kind == WS_DATA)
                at += sprintf(at, "%s%.*s%s", e.first ? (e.binary ? "B[" : "T[") : "",
                              (int)e.n, (const char *)e.data, e.last ? "]" : "");
            else if (e.kind == WS_PING)
                at += sprintf(at, "ping(%.*s)", (int)e.n, (const char *)e.data);
            else if (e.kind == WS_CLOSE || e.kind == WS_FAIL)
                at += sprintf(at, "%s%u", e.kind == WS_FAIL ? "fail" : "close", e.code);
        }
        free(bytes);
    }
}

static void a_stream_says_the_same_however_it_is_cut(void **state) {
    (void)state;
    uint8_t stream[512];
    size_t n = 0;
    n += frame(stream + n, 0x81, "hello");
    n += frame(stream + n, 0x81, "");
    n += frame(stream + n, 0x02, "bin");
    n += frame(stream + n, 0x89, "x");
    n += frame(stream + n, 0x00, "");
    n += frame(stream + n, 0x80, "ary, longer than eight bytes");
    n += frame(stream + n, 0x01, "\xE2\x82");
    n += frame(stream + n, 0x80, "\xAC");
    n += frame(stream + n, 0x88,
               "\x03\xE8"
               "ok");
    for (size_t step = 1; step <= n; step++) {
        char said[1024];
        tell(stream, n, step, said);
        /* pieces carry no mark of their own, so that the line does not depend on cuts */
        assert_string_equal(said, "T[hello]T[]B[binping(x)ary, longer than eight bytes]"
                                  "T[\xE2\x82\xAC]close1000");
    }
}

static void headers_take_the_shortest_form(void **state) {
    (void)state;
    static const struct {
        uint64_t n;
        size_t bytes;
    } rows[] = {{0, 2}, {125, 2}, {126, 4}, {65535, 4}, {65536, 10}, {1u << 20, 10}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t head[WS_HEADER_BYTES];
        assert_int_equal(ws_write_header(head, WS_OP_TEXT, rows[i].n), rows[i].bytes);
        assert_int_equal(head[0], 0x81);
        uint64_t n = head[1];
        for (size_t j = 2; j < rows[i].bytes; j++)
            n = j == 2 ? head[j] : n << 8 | head[j];
        assert_int_equal(n, rows[i].n);
    }
}

static void text_is_utf8_or_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {
        {"plain text of more than eight bytes", true},
        {"\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF",
         true},
        {"12345678\xC3\xA9"
         "12345678",
         true},
        {"\x80", false},     /* a tail without a head */
        {"\xC0\xAF", false}, /* overlong '/' */
        {"\xC1\xBF", false},
        {"\xE0\x9F\xBF", false},     /* overlong, three bytes */
        {"\xED\xA0\x80", false},     /* a surrogate */
        {"\xF0\x8F\xBF\xBF", false}, /* overlong, four bytes */
        {"\xF4\x90\x80\x80", false}, /* past the last code point */
        {"\xF5\x80\x80\x80", false},
        {"\xE2\x82", false}, /* ends inside */
        {"\xE2\x28\xA1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = strlen(rows[i].text);
        for (size_t cut = 0; cut <= n; cut++) { /* in two pieces, at every place */
            uint32_t s = 0;
            const uint8_t *text = (const uint8_t *)rows[i].text;
            bool good = ws_utf8_check(&s, text, cut) &&
                        ws_utf8_check(&s, text + cut, n - cut) && s == 0;
            if (good != rows[i].valid)
                fail_msg("row %zu cut at %zu", i, cut);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_says_the_same_however_it_is_cut),
        cmocka_unit_test(headers_take_the_shortest_form),
        cmocka_unit_test(text_is_utf8_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
