/* Files of turns: both forms, and what is refused with its place. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "records/turn_file.h"

typedef struct {
    size_t n;
    char id[40], cohort[40];
    turn_sections sections;
} last_turn;

static status remember(void *context, const turn_trace *t, diag *d) {
    (void)d;
    last_turn *l = context;
    l->n++;
    snprintf(l->id, sizeof l->id, "%s", t->id);
    snprintf(l->cohort, sizeof l->cohort, "%s", t->cohort);
    l->sections = t->sections;
    return OK;
}

static status read_text(const char *text, const char *cohort, last_turn *out, diag *d) {
    char path[] = "/tmp/turn-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    *out = (last_turn){0};
    status s = turn_file_read(path, cohort, remember, out, d);
    unlink(path);
    return s;
}

static void our_record_is_read(void **state) {
    (void)state;
    last_turn t;
    diag d = DIAG_INIT;
    assert_int_equal(
        read_text(
            "{\"turn\":\"t9\",\"cohort\":\"new\",\"total_ms\":100.5,\"spans\":["
            "{\"id\":\"a\",\"stage\":\"llm\",\"start_ms\":10,\"end_ms\":90},"
            "{\"parent\":\"a\",\"stage\":\"retry\",\"start_ms\":20,\"end_ms\":40}]}",
            "cohort", &t, &d),
        OK);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.id, "t9");
    assert_string_equal(t.cohort, "new");
    assert_float_equal(t.sections.ms[TURN_LLM], 60, 1e-9);
    assert_float_equal(t.sections.ms[TURN_RETRY], 20, 1e-9);
    assert_float_equal(t.sections.ms[TURN_UNEXPLAINED], 20.5, 1e-9);
}

#define SPAN(trace, id, parent, name, from, to)                                          \
    "{\"traceId\":\"" trace "\",\"spanId\":\"" id "\"," parent "\"name\":\"" name        \
    "\",\"startTimeUnixNano\":\"" from "\",\"endTimeUnixNano\":\"" to "\"}"
#define OTLP(spans)                                                                      \
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.version\","   \
    "\"value\":{\"stringValue\":\"2.4\"}}]},\n\"scopeSpans\":[{\"spans\":[" spans        \
    "]}]}]}\n"

/* Pretty-printed over lines, the root last, cohort from the resource. */
static void otlp_is_read_whatever_its_order(void **state) {
    (void)state;
    last_turn t;
    diag d = DIAG_INIT;
    const char *text = OTLP(SPAN(
        "ab", "02", "\"parentSpanId\":\"01\",", "llm.chat", "1700000000010000000",
        "1700000000050000000") ",\n" SPAN("ab", "01", "", "turn", "1700000000000000000",
                                          "1700000000100000000"));
    assert_int_equal(read_text(text, "service.version", &t, &d), OK);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.cohort, "2.4");
    assert_float_equal(t.sections.ms[TURN_LLM], 40, 1e-9);
    assert_float_equal(t.sections.ms[TURN_UNEXPLAINED], 60, 1e-9);
}

static void names_of_spans_tell_their_stage(void **state) {
    (void)state;
    static const struct {
        const char *name;
        turn_stage stage;
    } rows[] = {
        {"queue wait", TURN_QUEUE},
        {"TTS-synthesis", TURN_TTS},
        {"whisper", TURN_OTHER},
        {"llm.prefill", TURN_LLM}, /* the first word decides */
        {"prefill", TURN_CONTEXT},
        {"fast", TURN_OTHER}, /* no "asr" inside a word */
        {"display", TURN_OTHER},
        {"rag.retrieve", TURN_RETRIEVAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 OTLP(SPAN("ab", "01", "", "turn", "0", "9000000") "," SPAN(
                     "ab", "02", "\"parentSpanId\":\"01\",", "%s", "0", "9000000")),
                 rows[i].name);
        last_turn t;
        diag d = DIAG_INIT;
        assert_int_equal(read_text(text, NULL, &t, &d), OK);
        assert_float_equal(t.sections.ms[rows[i].stage], 9, 1e-9);
    }
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int line;
        const char *field, *says;
    } rows[] = {
        {"{\"x\":1}\n", 1, "", "neither"},
        {"{\"turn\":\"a\",\"total_ms\":1,\"spans\":[]}\n{\"turn\":\"b\",\"spans\":[]}\n",
         2, "total_ms", "missing"},
        {"{\"turn\":\"a\",\"total_ms\":1,\"spans\":[{\"stage\":\"lmm\",\"start_ms\":0,"
         "\"end_ms\":1}]}\n",
         1, "stage", "did you mean \"llm\""},
        {"{\"turn\":\"a\",\"total_ms\":1,\"spans\":[{\"stage\":\"llm\",\"start_ms\":2,"
         "\"end_ms\":1}]}\n",
         1, "end_ms", "before it starts"},
        {"{\"turn\":\"a\",\"total_ms\":1,\"spans\":[{\"stage\":\"llm\",\"parent\":\"q\","
         "\"start_ms\":0,\"end_ms\":1}]}\n",
         1, "parent", "not there"},
        {"{\"turn\":\"a\",\"total_ms\":1,\"spams\":[]}\n", 1, "spams", "spans"},
        {"{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[" SPAN(
             "t", "1", "\"parentSpanId\":\"9\",", "x", "0", "1") "]}]}]}\n",
         1, "parentSpanId", "no span without a parent"},
        {"{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[" SPAN("t", "1", "", "x", "-1",
                                                                  "1") "]}]}]}\n",
         1, "startTimeUnixNano", "nanoseconds"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        last_turn t;
        diag d = DIAG_INIT;
        assert_int_equal(read_text(rows[i].text, NULL, &t, &d), ERR_INVALID);
        assert_int_equal(d.line, rows[i].line);
        assert_string_equal(d.field, rows[i].field);
        assert_non_null(strstr(d.text, rows[i].says));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_record_is_read),
        cmocka_unit_test(otlp_is_read_whatever_its_order),
        cmocka_unit_test(names_of_spans_tell_their_stage),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
