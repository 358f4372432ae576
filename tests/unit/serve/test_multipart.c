/* multipart/form-data, cut anywhere. */
#include "serve/api/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

/* Parts are noted as "name=data;" and files as "name@data;". */
static status note_part(void *owner, const char *name, bool is_file, diag *d) {
    (void)d;
    buf_addf(owner, "%s%c", name, is_file ? '@' : '=');
    return OK;
}

static status note_data(void *owner, const uint8_t *data, size_t n, diag *d) {
    (void)d;
    buf_add(owner, data, n);
    return OK;
}

static status note_end(void *owner, diag *d) {
    (void)d;
    buf_add_text(owner, ";");
    return OK;
}

static const multipart_events events = {note_part, note_data, note_end};

/* Parses body[n] in pieces; notes go to out. */
static status parse(const char *type, const char *body, size_t n, size_t piece, buf *out,
                    bool *complete) {
    multipart m;
    diag d = DIAG_INIT;
    buf_clear(out);
    status st = multipart_init(&m, type, &events, out, &d);
    for (size_t at = 0; st == OK && at < n; at += piece)
        st = multipart_push(&m, (const uint8_t *)body + at,
                            n - at < piece ? n - at : piece, &d);
    *complete = st == OK && multipart_complete(&m);
    return st;
}

#define PART(name) "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n"

static void forms_are_read_in_any_cut(void **state) {
    (void)state;
    static const struct {
        const char *type, *body, *notes;
    } rows[] = {
        {"multipart/form-data; boundary=b", "--b\r\n" PART("a") "1\r\n--b--\r\n", "a=1;"},
        /* quoted boundary, other parameters before it, any case */
        {"Multipart/Form-Data; charset=x; boundary=\"b c\"",
         "--b c\r\n" PART("a") "1\r\n--b c--", "a=1;"},
        /* preamble and epilogue are nobody's */
        {"multipart/form-data; boundary=b",
         "hello\r\n--b\r\n" PART("a") "1\r\n--b--\r\nbye --b", "a=1;"},
        /* an empty part */
        {"multipart/form-data; boundary=b",
         "--b\r\n" PART("a") "\r\n--b\r\n" PART("c") "2\r\n--b--", "a=;c=2;"},
        /* what looks like the start of a delimiter is data */
        {"multipart/form-data; boundary=bb",
         "--bb\r\n" PART("a") "\r\r\n--\r\n--b\r\r\n--bb--", "a=\r\r\n--\r\n--b\r;"},
        {"multipart/form-data; boundary=b", "--b\r\n" PART("a") "--x\r\n--b--", "a=--x;"},
        /* other headers, their order, a file, an escaped quote */
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Type: audio/wav\r\ncontent-disposition: form-data; "
         "filename=\"x\\\".wav\"; name=file\r\n\r\nRIFF\r\n--b--",
         "file@RIFF;"},
        /* blanks after the boundary; bare line feeds in headers */
        {"multipart/form-data; boundary=b",
         "--b \t\r\nContent-Disposition: form-data; name=a\n\n1\r\n--b--", "a=1;"},
    };
    buf notes;
    buf_init(&notes, 4096);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].body);
        for (size_t piece = 1; piece <= n; piece++) {
            bool complete;
            assert_int_equal(
                parse(rows[i].type, rows[i].body, n, piece, &notes, &complete), OK);
            assert_true(complete);
            assert_string_equal(buf_text(&notes), rows[i].notes);
        }
    }
    buf_deinit(&notes);
}

static void what_is_no_form_is_refused(void **state) {
    (void)state;
    char many[8192] = "";
    for (int i = 0; i < 65; i++)
        strcat(many, "--b\r\n" PART("a") "\r\n");
    char long_line[4096];
    snprintf(long_line, sizeof long_line, "--b\r\nX: %01500d\r\n", 1);
    const struct {
        const char *type, *body;
        status want;
    } rows[] = {
        {"application/json", "", ERR_SYNTAX},
        {"multipart/form-data", "", ERR_SYNTAX},
        {"multipart/form-data; boundary=", "", ERR_SYNTAX},
        /* 71 characters */
        {"multipart/form-data; "
         "boundary=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
         "ffffffffffggggggggggh",
         "", ERR_SYNTAX},
        {"multipart/form-data; boundary=b", "--bx\r\n", ERR_SYNTAX},
        {"multipart/form-data; boundary=b", "--b\r\nContent-Type: x\r\n\r\n", ERR_SYNTAX},
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Disposition: form-data\r\n\r\n", ERR_SYNTAX},
        {"multipart/form-data; boundary=b", many, ERR_LIMIT},
        {"multipart/form-data; boundary=b", long_line, ERR_LIMIT},
    };
    buf notes;
    buf_init(&notes, 4096);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool complete;
        assert_int_equal(
            parse(rows[i].type, rows[i].body, strlen(rows[i].body), 3, &notes, &complete),
            rows[i].want);
    }
    buf_deinit(&notes);
}

static void a_form_cut_short_is_not_complete(void **state) {
    (void)state;
    static const char body[] = "--b\r\n" PART("a") "1\r\n--b--";
    buf notes;
    buf_init(&notes, 4096);
    for (size_t n = 0; n < sizeof body - 1; n++) {
        bool complete;
        assert_int_equal(
            parse("multipart/form-data; boundary=b", body, n, 5, &notes, &complete), OK);
        assert_false(complete);
    }
    buf_deinit(&notes);
}

static void a_boundary_too_long_is_told_from_none(void **state) {
    (void)state;
    char type[256];
    diag d = DIAG_INIT;
    multipart m;
    const multipart_events none = {0};
    snprintf(type, sizeof type, "multipart/form-data; boundary=%071d", 1);
    assert_int_equal(multipart_init(&m, type, &none, NULL, &d), ERR_SYNTAX);
    assert_string_equal(d.text, "the boundary has 71 characters; RFC 2046 allows 70");
    assert_int_equal(multipart_init(&m, "multipart/form-data", &none, NULL, &d),
                     ERR_SYNTAX);
    assert_non_null(strstr(d.text, "no boundary"));
    snprintf(type, sizeof type, "multipart/form-data; boundary=%070d", 1);
    assert_int_equal(multipart_init(&m, type, &none, NULL, &d), OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_boundary_too_long_is_told_from_none),
        cmocka_unit_test(forms_are_read_in_any_cut),
        cmocka_unit_test(what_is_no_form_is_refused),
        cmocka_unit_test(a_form_cut_short_is_not_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
