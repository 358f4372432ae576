/* The vocabulary file: pieces, marks, bytes, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "engine/moonshine/tokens.h"

/* <unk> <s> </s> <0xC3> <0xA9> _the ing _ <<ST_0>> */
static const char sample[] = "PHVuaz4= 0\nPHM+ 1\nPC9zPg== 2\nPDB4QzM+ 3\nPDB4QTk+ 4\n"
                             "4paBdGhl 5\naW5n 6\n4paB 7\nPDxTVF8wPj4= 8\n";

static tokens *parse(const char *text) {
    tokens *t = NULL;
    diag d = DIAG_INIT;
    assert_int_equal(tokens_parse(text, strlen(text), &t, &d), OK);
    return t;
}

static void gives_each_piece_its_text_and_mark(void **state) {
    (void)state;
    static const struct {
        int32_t id;
        const char *text;
        bool starts;
    } rows[] = {
        {0, "", false},     /* control tokens have no text */
        {2, "", false},     /* the end token too */
        {3, "\xc3", false}, /* a byte of a character spelt in bytes */
        {4, "\xa9", false}, /* and its second */
        {5, "the", true},   /* the mark is not part of the text */
        {6, "ing", false},  /* goes on a word */
        {7, "", true},      /* the mark alone */
        {8, "", false},     /* an extra id */
        {9, "", false},     /* past the vocabulary */
        {-1, "", false},    /* before it */
    };
    tokens *t = parse(sample);
    assert_int_equal(tokens_count(t), 9);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = 99;
        const char *text = tokens_text(t, rows[i].id, &n);
        assert_int_equal(n, strlen(rows[i].text));
        assert_memory_equal(text, rows[i].text, n);
        assert_int_equal(tokens_starts_word(t, rows[i].id), rows[i].starts);
    }
    tokens_destroy(t);
}

static void refuses_what_is_not_a_vocabulary_and_names_the_line(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int line;
    } rows[] = {
        {"", 0},                                /* nothing */
        {"PHVuaz4=\n", 1},                      /* no id */
        {"PHVuaz4= 1\n", 1},                    /* ids start at 0 */
        {"PHVuaz4= 0\nPHM+ 0\n", 2},            /* an id twice */
        {"PHVuaz4= 0\nPHM+ 2\n", 2},            /* a gap */
        {"PHVuaz4= 0x0\n", 1},                  /* not a decimal number */
        {"PHVu*z4= 0\n", 1},                    /* not base64 */
        {"P 0\n", 1},                           /* half a byte */
        {"PHVuaz4= 00000000000000000000\n", 1}, /* longer than any id */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tokens *t = NULL;
        diag d = DIAG_INIT;
        assert_int_equal(tokens_parse(rows[i].text, strlen(rows[i].text), &t, &d),
                         ERR_SYNTAX);
        assert_null(t);
        assert_int_equal(d.line, rows[i].line);
    }
}

static void survives_any_bytes(void **state) {
    (void)state;
    uint32_t r = 12345;
    for (int round = 0; round < 3000; round++) {
        char text[160];
        memcpy(text, sample, sizeof sample - 1);
        size_t n = sizeof sample - 1;
        for (int k = 0; k < 4; k++) {
            r = r * 1664525u + 1013904223u;
            text[(r >> 8) % n] = (char)(r >> 24);
        }
        r = r * 1664525u + 1013904223u;
        n = (r >> 8) % (n + 1);
        tokens *t = NULL;
        if (tokens_parse(text, n, &t, NULL) == OK)
            for (int32_t id = -2; id < 12; id++) {
                size_t bytes;
                (void)tokens_text(t, id, &bytes);
            }
        tokens_destroy(t);
    }
}

static void says_when_the_file_is_not_there(void **state) {
    (void)state;
    tokens *t = NULL;
    diag d = DIAG_INIT;
    assert_int_equal(tokens_load("/nonexistent/tokens.txt", &t, &d), ERR_NOT_FOUND);
    assert_string_equal(d.file, "/nonexistent/tokens.txt");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_each_piece_its_text_and_mark),
        cmocka_unit_test(refuses_what_is_not_a_vocabulary_and_names_the_line),
        cmocka_unit_test(survives_any_bytes),
        cmocka_unit_test(says_when_the_file_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
