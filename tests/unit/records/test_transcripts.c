/* Transcripts come out of each format as they went in; what is wrong is named by file,
 * line and field, and never by its text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "records/partials.h"
#include "records/slices.h"
#include "records/transcripts.h"

static char folder[] = "/tmp/rostrum-transcripts-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    static const char *const names[] = {"r.jsonl", "r.trn", "h.trn",  "r.stm",
                                        "h.ctm",   "r.txt", "h.jsonl"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

/* The path of a file with this text. */
static const char *write_file(const char *name, const char *text) {
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static transcripts *read_good(const char *name, const char *text, unsigned needs) {
    transcripts *t = NULL;
    diag d = DIAG_INIT;
    status s = transcripts_read(write_file(name, text), needs, &t, &d);
    if (s != OK)
        print_message("%d: %s: %s\n", d.line, d.field, d.text);
    assert_int_equal(s, OK);
    return t;
}

static void jsonl_gives_texts_speakers_attributes_and_entities(void **state) {
    (void)state;
    transcripts *t = read_good(
        "r.jsonl",
        "{\"id\":\"a\",\"ref\":\"one two\",\"hyp\":\"\",\"speaker\":\"ann\","
        "\"noise\":\"street\",\"snr\":12.5,\"wet\":true,\"slice\":{\"device\":\"phone\"},"
        "\"words\":[1],\"entities\":[{\"type\":\"n\",\"text\":\"two\"}]}\r\n"
        "\n"
        "{\"id\":\"b\",\"ref\":\"x\",\"hyp\":\"y\"}",
        TRANSCRIPTS_REF | TRANSCRIPTS_HYP);
    size_t n;
    const transcript *items = transcripts_all(t, &n);
    assert_int_equal(n, 2);
    assert_string_equal(items[0].ref, "one two");
    assert_int_equal(items[0].ref_bytes, 7);
    assert_string_equal(items[0].hyp, "");
    assert_string_equal(transcript_value(&items[0], "speaker"), "ann");
    assert_string_equal(transcript_value(&items[0], "noise"), "street");
    assert_string_equal(transcript_value(&items[0], "snr"), "12.5");
    assert_string_equal(transcript_value(&items[0], "wet"), "true");
    assert_string_equal(transcript_value(&items[0], "device"), "phone");
    assert_null(transcript_value(&items[0], "words"));
    assert_null(transcript_value(&items[1], "speaker"));
    assert_int_equal(items[0].n_entities, 1);
    assert_string_equal(items[0].entities[0].text, "two");
    assert_int_equal(items[1].line, 3);
    assert_ptr_equal(transcripts_find(t, "b"), &items[1]);
    assert_null(transcripts_find(t, "c"));
    transcripts_destroy(t);
}

static void trn_files_are_joined_by_id_in_any_order(void **state) {
    (void)state;
    transcripts *t = read_good("r.trn",
                               ";; a comment\none two (ann-1)\n(bob_2)\n"
                               "with (brackets) inside (carl)\n",
                               TRANSCRIPTS_REF);
    diag d = DIAG_INIT;
    const char *hyp = write_file("h.trn", "(carl)\none too (ann-1)\nuh (bob_2)\n");
    assert_int_equal(transcripts_add_hypotheses(t, hyp, &d), OK);
    size_t n;
    const transcript *items = transcripts_all(t, &n);
    assert_int_equal(n, 3);
    assert_string_equal(items[0].ref, "one two");
    assert_string_equal(items[0].hyp, "one too");
    assert_string_equal(items[0].speaker, "ann");
    assert_string_equal(items[1].ref, "");
    assert_string_equal(items[1].hyp, "uh");
    assert_string_equal(items[1].speaker, "bob");
    assert_string_equal(items[2].ref, "with (brackets) inside");
    assert_string_equal(items[2].speaker, "");
    transcripts_destroy(t);
}

static void many_ids_are_all_found_again(void **state) {
    (void)state;
    enum { MANY = 5000 };
    char *text = calloc(MANY, 32);
    assert_non_null(text);
    size_t at = 0;
    for (int i = 0; i < MANY; i++)
        at += (size_t)sprintf(text + at, "{\"id\":\"u%d\",\"ref\":\"r%d\"}\n", i, i);
    transcripts *t = read_good("r.jsonl", text, TRANSCRIPTS_REF);
    free(text);
    for (int i = 0; i < MANY; i++) {
        char id[16];
        snprintf(id, sizeof id, "u%d", i);
        const transcript *found = transcripts_find(t, id);
        assert_non_null(found);
        assert_int_equal(atoi(found->ref + 1), i);
    }
    transcripts_destroy(t);
}

static void words_of_a_ctm_go_where_sclite_puts_them(void **state) {
    (void)state;
    transcripts *t = read_good("r.stm",
                               "f1 1 bob 0.0 5.0 <o,f0,m> hello there one two three\n"
                               "f1 1 bob 6.0 10.0 <o,f0,m> four five six\n"
                               "f1 1 ann 10.0 14.0 seven nine\n"
                               "f1 1 ann 14.0 16.0 <o> IGNORE_TIME_SEGMENT_IN_SCORING\n"
                               "f1 1 ann 16.0 18.0 <o> last words\n"
                               "f1 2 eve 0 9 other channel\n",
                               TRANSCRIPTS_REF);
    /* midpoints on an end, in a gap, in what is ignored, behind everything; not in order
     */
    const char *hyp = write_file("h.ctm", "f1 1 4.9 0.2 three\n"
                                          "f1 1 0.2 0.2 hello 0.9\n"
                                          "f1 1 5.3 0.1 gap\n"
                                          "f1 1 9.875 0.25 six\n"
                                          "f1 1 14.5 0.4 ignored\n"
                                          "f1 1 18.5 0.2 beyond\n"
                                          "f1 2 3 0.1 other\n");
    diag d = DIAG_INIT;
    assert_int_equal(transcripts_add_hypotheses(t, hyp, &d), OK);
    size_t n;
    const transcript *items = transcripts_all(t, &n);
    static const char *const heard[] = {"hello", "three gap", "six", "beyond", "other"};
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(items[i].hyp, heard[i]);
    assert_string_equal(transcript_value(&items[0], "label2"), "f0");
    assert_string_equal(items[4].speaker, "eve");
    transcripts_destroy(t);
}

static void what_is_wrong_is_named_by_line_and_field(void **state) {
    (void)state;
    static const struct {
        const char *name, *text;
        status code;
        int line;
        const char *field;
    } rows[] = {
        {"r.jsonl", "{\"id\":\"a\",\"ref\":\"x\"}\n{\"id\":\"a\",\"ref\":\"y\"}",
         ERR_EXISTS, 2, "id"},
        {"r.jsonl", "{\"ref\":\"secret\"}", ERR_INVALID, 1, "id"},
        {"r.jsonl", "{\"id\":\"a\"}", ERR_INVALID, 1, "ref"},
        {"r.jsonl", "{\"id\":\"a\",\"ref\":7}", ERR_INVALID, 1, "ref"},
        {"r.jsonl", "{\"id\":\"a\",\"ref\":\"secret\",\"slice\":3}", ERR_INVALID, 1,
         "slice"},
        {"r.jsonl", "{\"id\":\"a\",\"ref\":\"secret\",\"entities\":[{\"type\":\"n\"}]}",
         ERR_INVALID, 1, "text"},
        {"r.jsonl", "\n[1]", ERR_INVALID, 2, ""},
        {"r.jsonl", "\nsecret", ERR_SYNTAX, 2, ""},
        {"r.jsonl", "\n\n", ERR_INVALID, 0, ""}, /* no utterances */
        {"r.trn", "secret words", ERR_SYNTAX, 1, "id"},
        {"r.trn", "secret words ()", ERR_SYNTAX, 1, "id"},
        {"r.trn", "{ secret / uh } words (a)", ERR_UNSUPPORTED, 1, "words"},
        {"r.stm", "f 1 a 0.0", ERR_SYNTAX, 1, "end"},
        {"r.stm", "f 1 a x 1 secret", ERR_INVALID, 1, "begin"},
        {"r.stm", "f 1 a nan 1 secret", ERR_INVALID, 1, "begin"},
        {"r.stm", "f 1 a 2 1 secret", ERR_INVALID, 1, "end"},
        {"r.stm", "f 1 a 1 2 <o secret", ERR_SYNTAX, 1, "labels"},
        {"h.ctm", "f 1 0 1 secret", ERR_INVALID, 0, ""},
        {"r.txt", "secret", ERR_INVALID, 0, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        transcripts *t = NULL;
        diag d = DIAG_INIT;
        const char *path = write_file(rows[i].name, rows[i].text);
        assert_int_equal(transcripts_read(path, TRANSCRIPTS_REF, &t, &d), rows[i].code);
        assert_null(t);
        assert_int_equal(d.line, rows[i].line);
        assert_string_equal(d.field, rows[i].field);
        assert_string_equal(d.file, path);
        assert_null(strstr(d.text, "secret"));
    }
}

static void hypotheses_must_fit_their_references(void **state) {
    (void)state;
    static const struct {
        const char *ref_name, *ref, *hyp_name, *hyp;
        status code;
        const char *field;
    } rows[] = {
        {"r.trn", "x (a)\ny (b)", "h.trn", "x (a)", ERR_INVALID, "id"}, /* one missing */
        {"r.trn", "x (a)", "h.trn", "x (a)\ny (b)", ERR_INVALID, "id"}, /* one too many */
        {"r.trn", "x (a)\ny (b)", "h.trn", "y (b)\nx (b)", ERR_EXISTS, "id"},
        {"r.trn", "x (a)", "h.jsonl", "{\"id\":\"a\",\"hyp\":\"x\"}", OK, ""},
        {"r.trn", "x (a)", "h.jsonl", "{\"id\":\"a\",\"ref\":\"x\"}", ERR_INVALID, "hyp"},
        {"r.stm", "f 1 a 0 1 x", "h.ctm", "g 1 0 1 x", ERR_INVALID, "file"},
        {"r.stm", "f 1 a 0 1 x", "h.ctm", "f 1 -1 1 x", ERR_INVALID, "begin"},
        {"r.stm", "f 1 a 0 1 x", "h.ctm", "f 1 * * <ALT_BEGIN>", ERR_UNSUPPORTED,
         "begin"},
        {"r.stm", "f 1 a 0 1 x", "h.ctm", "f 1 0 1", ERR_SYNTAX, "word"},
        {"r.trn", "x (a)", "h.ctm", "f 1 0 1 x", ERR_INVALID, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        transcripts *t = read_good(rows[i].ref_name, rows[i].ref, TRANSCRIPTS_REF);
        diag d = DIAG_INIT;
        const char *path = write_file(rows[i].hyp_name, rows[i].hyp);
        assert_int_equal(transcripts_add_hypotheses(t, path, &d), rows[i].code);
        assert_string_equal(d.field, rows[i].field);
        transcripts_destroy(t);
    }
}

static const char *value(const void *record, const char *attribute) {
    (void)attribute;
    return *(const char *)record ? record : NULL;
}

static void slices_are_numbered_by_first_appearance(void **state) {
    (void)state;
    slices s = {0};
    diag d = DIAG_INIT;
    assert_int_equal(slices_init(&s, "a,b", &d), OK);
    static const char *const records[] = {"y", "x", "y", ""};
    static const size_t expected[] = {0, 1, 0, 2};
    size_t order[3], found;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(slices_of(&s, records[i], value, &found, &d), OK);
        assert_int_equal(found, expected[i]);
    }
    assert_string_equal(s.names[0], "a=y,b=y");
    assert_string_equal(s.names[2], "a=-,b=-");
    slices_sort(&s, order);
    assert_true(order[0] == 2 && order[1] == 1 && order[2] == 0);
    for (int i = 0; i < 1000; i++) { /* growing keeps the numbers */
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(slices_of(&s, name, value, &found, &d), OK);
        assert_int_equal(found, 3 + i);
    }
    assert_int_equal(slices_of(&s, "x", value, &found, &d), OK);
    assert_int_equal(found, 1);
    char long_name[SLICES_NAME_BYTES];
    memset(long_name, 'l', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(slices_of(&s, long_name, value, &found, &d), ERR_LIMIT);
    slices_deinit(&s);
    static const char *const bad[] = {"", "a,", "a,,b", "a,a"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(slices_init(&s, bad[i], &d), ERR_INVALID);
        slices_deinit(&s);
    }
}

static void events_of_partials_are_read_one_by_one(void **state) {
    (void)state;
    const char *path = write_file(
        "r.jsonl", "{\"session\":\"s\",\"utterance\":\"u\",\"time_ms\":12.5,\"kind\":"
                   "\"partial\",\"text\":\"\",\"committed\":1,\"noise\":3}\n\n"
                   "{\"session\":\"s\",\"utterance\":\"u\",\"time_ms\":20,\"kind\":"
                   "\"final\",\"text\":\"a\",\"speech_end_ms\":15}\n"
                   "{\"session\":\"s\",\"utterance\":\"u\",\"time_ms\":20,\"kind\":"
                   "\"middle\",\"text\":\"secret\"}\n");
    partials *p = NULL;
    diag d = DIAG_INIT;
    partial_event e;
    bool more = false;
    assert_int_equal(partials_open(path, &p, &d), OK);
    assert_int_equal(partials_next(p, &e, &more, &d), OK);
    assert_true(more && !e.final && e.time_ms == 12.5 && e.committed == 1);
    assert_true(e.speech_end_ms < 0);
    assert_string_equal(partials_value(e.record, "noise"), "3");
    assert_string_equal(partials_value(e.record, "session"), "s");
    assert_null(partials_value(e.record, "none"));
    assert_int_equal(partials_next(p, &e, &more, &d), OK);
    assert_true(more && e.final && e.speech_end_ms == 15 && e.text_bytes == 1);
    assert_int_equal(partials_next(p, &e, &more, &d), ERR_INVALID);
    assert_int_equal(d.line, 4);
    assert_string_equal(d.field, "kind");
    assert_null(strstr(d.text, "secret"));
    assert_int_equal(partials_next(p, &e, &more, &d), OK);
    assert_false(more);
    partials_close(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jsonl_gives_texts_speakers_attributes_and_entities),
        cmocka_unit_test(trn_files_are_joined_by_id_in_any_order),
        cmocka_unit_test(many_ids_are_all_found_again),
        cmocka_unit_test(words_of_a_ctm_go_where_sclite_puts_them),
        cmocka_unit_test(what_is_wrong_is_named_by_line_and_field),
        cmocka_unit_test(hypotheses_must_fit_their_references),
        cmocka_unit_test(slices_are_numbered_by_first_appearance),
        cmocka_unit_test(events_of_partials_are_read_one_by_one),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
