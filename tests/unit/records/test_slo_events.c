/* Event files: what a row may say, what it becomes, where a mistake stands. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "records/instant.h"
#include "records/slo_events.h"

static slo_objective latency(void) {
    slo_objective o = {.method = SLO_OCCURRENCES};
    o.indicator.kind = SLI_THRESHOLD;
    o.indicator.op = SLO_LTE;
    o.indicator.value = 700;
    o.indicator.speech = slo_speech_find("first-partial");
    return o;
}

static status read_events(const char *text, const slo_objective *o, slo_events *out,
                          diag *d) {
    char path[] = "/tmp/rostrum-events-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    status s = slo_events_read(path, o, out, d);
    unlink(path);
    return s;
}

static void rows_become_requests_by_the_minute(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t total, bad, rows;
    } rows[] = {
        /* values */
        {"{\"time\":0,\"first_partial_ms\":700}\n", 1, 0, 1}, /* equal is good */
        {"{\"time\":0,\"first_partial_ms\":700.1}\n", 1, 1, 1},
        {"{\"time\":0,\"value\":900}\n", 1, 1, 1},
        {"{\"time\":0,\"first_partial_ms\":null}\n", 1, 1, 1}, /* it never came */
        {"{\"time\":0,\"first_partial_ms\":1,\"turn_ms\":9000,\"ok\":true}\n", 1, 0, 1},
        /* counts */
        {"{\"time\":0,\"good\":9,\"bad\":1}\n", 10, 1, 1},
        {"{\"time\":0,\"good\":9,\"total\":10}\n", 10, 1, 1},
        {"{\"time\":0,\"bad\":1,\"total\":10}\n", 10, 1, 1},
        {"{\"time\":0,\"good\":9,\"bad\":1,\"total\":10}\n", 10, 1, 1},
        /* CSV, with and without carriage returns, blanks and empty lines */
        {"time,first_partial_ms\n0,12\n0, 900 \n\n0,\n", 3, 2, 3},
        {"time,total,bad\r\n1970-01-01T00:00:00Z,10,1\r\n", 10, 1, 1},
        {"\n{\"time\":0,\"value\":1}", 1, 0, 1}, /* no line feed at the end */
        {"", 0, 0, 0},
    };
    slo_objective o = latency();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        slo_events e;
        diag d = DIAG_INIT;
        if (read_events(rows[i].text, &o, &e, &d) != OK)
            fail_msg("row %zu: %s: %s", i, d.field, d.text);
        slo_count c = slo_timeline_window(&e.timeline, 100, 1000);
        assert_int_equal(c.total, rows[i].total);
        assert_int_equal(c.bad, rows[i].bad);
        assert_int_equal(e.rows, rows[i].rows);
        slo_events_deinit(&e);
    }
}

static void success_is_true_or_false(void **state) {
    (void)state;
    slo_objective o = {.method = SLO_OCCURRENCES};
    o.indicator.kind = SLI_GOOD_TOTAL;
    slo_events e;
    diag d = DIAG_INIT;
    assert_int_equal(read_events("time,success\n1,true\n2,false\n3,\n", &o, &e, &d), OK);
    slo_count c = slo_timeline_window(&e.timeline, 100, 1000);
    assert_int_equal(c.total, 3);
    assert_int_equal(c.bad, 2);
    assert_int_equal(histogram_total(&e.values), 0);
    slo_events_deinit(&e);
}

static void operators_decide_what_is_good(void **state) {
    (void)state;
    static const struct {
        slo_op op;
        uint64_t bad; /* of 1, 2, 3 against 2 */
    } rows[] = {{SLO_LTE, 1}, {SLO_LT, 2}, {SLO_GTE, 1}, {SLO_GT, 2}};
    for (size_t i = 0; i < 4; i++) {
        slo_objective o = latency();
        o.indicator.op = rows[i].op;
        o.indicator.value = 2;
        slo_events e;
        diag d = DIAG_INIT;
        assert_int_equal(read_events("time,value\n1,1\n1,2\n1,3\n", &o, &e, &d), OK);
        assert_int_equal(slo_timeline_window(&e.timeline, 1, 9).bad, rows[i].bad);
        assert_int_equal(histogram_total(&e.values), 3);
        slo_events_deinit(&e);
    }
}

static void an_event_belongs_to_the_minute_that_ends_behind_it(void **state) {
    (void)state;
    slo_objective o = latency();
    slo_events e;
    diag d = DIAG_INIT;
    /* out of order on purpose; seconds 60 and 61 are minutes 1 and 2 */
    assert_int_equal(read_events("time,value\n301,1\n60,1\n61,900\n59.5,1\n", &o, &e, &d),
                     OK);
    assert_int_equal(e.timeline.first, 1);
    assert_int_equal(e.timeline.n, 6);
    assert_int_equal(slo_timeline_window(&e.timeline, 1, 5).total, 2);
    assert_int_equal(slo_timeline_window(&e.timeline, 2, 1).bad, 1);
    assert_int_equal(slo_timeline_window(&e.timeline, 5, 5).total, 3);
    assert_int_equal(slo_timeline_window(&e.timeline, 6, 1).total, 1);
    slo_events_deinit(&e);
}

static void slices_replace_requests_where_they_are_the_budget(void **state) {
    (void)state;
    slo_objective o = latency();
    o.method = SLO_TIMESLICES;
    o.slice_s = 300;
    o.slice_target = 0.5;
    slo_events e;
    diag d = DIAG_INIT;
    assert_int_equal(read_events("time,good,bad\n60,5,5\n360,4,6\n900,1,0\n", &o, &e, &d),
                     OK);
    slo_count c = slo_timeline_window(&e.timeline, 15, 15);
    assert_int_equal(c.total, 3);
    assert_int_equal(c.bad, 1);
    slo_events_deinit(&e);
    o.method = SLO_RATIO_TIMESLICES;
    assert_int_equal(read_events("", &o, &e, &d), ERR_UNSUPPORTED);
}

static void mistakes_name_the_line_and_the_field(void **state) {
    (void)state;
    static const struct {
        const char *text, *field, *said;
        int line;
    } rows[] = {
        {"{\"time\":0,\"value\":1}\n{\"time\":0}\n", "first_partial_ms", "missing", 2},
        {"{\"value\":1}\n", "time", "missing; every row has one", 1},
        {"{\"time\":\"yesterday\",\"value\":1}\n", "time", "needs a time", 1},
        {"{\"time\":-1,\"value\":1}\n", "time", "needs a time", 1},
        {"{\"time\":0,\"value\":-3}\n", "value", "a latency is 0 or more", 1},
        {"{\"time\":0,\"value\":\"3\"}\n", "value", "events hold numbers", 1},
        {"{\"time\":0,\"value\":true}\n", "value", "needs a number", 1},
        {"{\"time\":0,\"value\":1,\"text\":\"hello\"}\n", "text", "is a text", 1},
        {"{\"time\":0,\"value\":1,\"words\":[]}\n", "words", "a list or an object", 1},
        {"{\"time\":0,\"good\":1}\n", "total", "needs two of good, bad and total", 1},
        {"{\"time\":0,\"good\":1.5,\"bad\":0}\n", "good", "needs a whole number", 1},
        {"{\"time\":0,\"good\":-1,\"bad\":0}\n", "good", "needs a whole number", 1},
        {"{\"time\":0,\"bad\":3,\"total\":2}\n", "total", "do not add up", 1},
        {"{\"time\":0,\"good\":3,\"total\":2}\n", "total", "do not add up", 1},
        {"{\"time\":0,\"good\":3,\"bad\":1,\"total\":5}\n", "total", "do not add up", 1},
        {"{\"time\":0,\"good\":9e15,\"bad\":9e15}\n", "total", "more than 2^53", 1},
        {"[1]\n", "time", "missing in the line of names", 1},
        {"{\"time\":0,\"value\":1}\n[1]\n", "", "one JSON object", 2},
        {"time,value\n0,1\n0,1,2\n", "", "has 3 cells; the line of names has 2", 3},
        {"time,value\n0,abc\n", "value", "is a text", 2},
        {"time,value\n0,0x10\n", "value", "is a text", 2},
        {"time,value\n0,nan\n", "value", "is a text", 2},
        {"time,value,value\n", "value", "named twice", 1},
        {"value\n1\n", "time", "missing in the line of names", 1},
        {"time,value\n0,1\n99999999,1\n", "time", "the rows span 1157 days", 0},
    };
    slo_objective o = latency();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        slo_events e = {.rows = 42};
        diag d = DIAG_INIT;
        assert_true(read_events(rows[i].text, &o, &e, &d) != OK);
        if (!strstr(d.text, rows[i].said) || strcmp(d.field, rows[i].field) != 0 ||
            d.line != rows[i].line)
            fail_msg("row %zu: line %d field %s: %s", i, d.line, d.field, d.text);
        assert_int_equal(e.rows, 42);
    }
    slo_events e;
    diag d = DIAG_INIT;
    assert_int_equal(slo_events_read("/no/such/file", &o, &e, &d), ERR_IO);
}

static void instants_are_read_and_written(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double s; /* date -u +%s; -1: refused */
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-01-31T08:15:00Z", 1769847300},
        {"2026-01-31T08:15:00.250Z", 1769847300.25},
        {"2026-01-31T10:15:00+02:00", 1769847300},
        {"2026-01-31T05:45:00-02:30", 1769847300},
        {"2024-02-29T12:00:00Z", 1709208000},
        {"1769847300", 1769847300},
        {"0.5", 0.5},
        {"2023-02-29T12:00:00Z", -1}, /* no leap year */
        {"1900-01-01T00:00:00Z", -1},
        {"2026-13-01T00:00:00Z", -1},
        {"2026-01-01T24:00:00Z", -1},
        {"2026-01-01T00:00:00", -1}, /* where? */
        {"2026-01-01 00:00:00Z", -1},
        {"2026-01-01T00:00:00+2", -1},
        {"2026-01-01T00:00:00.Z", -1},
        {"1970-01-01T00:00:00+01:00", -1}, /* before 1970 */
        {"", -1},
        {"1.2.3", -1},
        {"-1", -1},
        {"9999999999999", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double s = -1;
        bool read = instant_parse(rows[i].text, &s);
        if (read != (rows[i].s >= 0) || s != rows[i].s)
            fail_msg("%s: %d, %f", rows[i].text, read, s);
    }
    static const int64_t written[] = {0,         59,         951782400,  951868800,
                                      978307199, 1709208000, 4102444800, 253402300799};
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        char text[INSTANT_BYTES];
        double s;
        instant_text(written[i], text);
        assert_true(instant_parse(text, &s));
        assert_true(s == (double)written[i]);
    }
    char text[INSTANT_BYTES];
    instant_text(951782400, text);
    assert_string_equal(text, "2000-02-29T00:00:00Z");
    instant_text(-5, text);
    assert_string_equal(text, "-5");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_requests_by_the_minute),
        cmocka_unit_test(success_is_true_or_false),
        cmocka_unit_test(operators_decide_what_is_good),
        cmocka_unit_test(an_event_belongs_to_the_minute_that_ends_behind_it),
        cmocka_unit_test(slices_replace_requests_where_they_are_the_budget),
        cmocka_unit_test(mistakes_name_the_line_and_the_field),
        cmocka_unit_test(instants_are_read_and_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
