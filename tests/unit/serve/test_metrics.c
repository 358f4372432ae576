/* Metrics: what is counted is what is read, labels are bounded, the page is Prometheus
 * text by a strict reader, and a label of a private class does not compile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "serve/telemetry/metrics.h"

/* ---- a reader of text exposition 0.0.4 that forgives nothing ---- */

typedef struct {
    char name[128], labels[256], type[16];
    double value;
} sample;

static size_t take_name(const char *at, bool colons) {
    size_t n = 0;
    while ((at[n] >= 'a' && at[n] <= 'z') || (at[n] >= 'A' && at[n] <= 'Z') ||
           at[n] == '_' || (colons && at[n] == ':') ||
           (n && at[n] >= '0' && at[n] <= '9'))
        n++;
    return n;
}

/* Length of {name="value",...} at `at`; 0 when it is not well formed. */
static size_t take_labels(const char *at) {
    size_t n = 1;
    for (;;) {
        size_t name = take_name(at + n, false);
        if (name == 0 || at[n + name] != '=' || at[n + name + 1] != '"')
            return 0;
        n += name + 2;
        for (; at[n] != '"'; n++) {
            if (at[n] == '\0' || at[n] == '\n')
                return 0;
            if (at[n] == '\\' && !strchr("\\\"n", at[++n]))
                return 0;
        }
        n++;
        if (at[n] == '}')
            return n + 1;
        if (at[n++] != ',')
            return 0;
    }
}

/* A sample belongs to the family announced before it. */
static bool of_family(const char *name, const char *family, const char *type) {
    size_t n = strlen(family);
    if (strncmp(name, family, n) != 0)
        return false;
    if (strcmp(type, "histogram") != 0)
        return name[n] == '\0';
    return strcmp(name + n, "_bucket") == 0 || strcmp(name + n, "_sum") == 0 ||
           strcmp(name + n, "_count") == 0;
}

static size_t read_page(const char *page, sample *out, size_t max) {
    char family[128] = "", type[16] = "", families[64][128];
    size_t n = 0, n_families = 0;
    bool had_help = false;
    for (const char *line = page; *line;) {
        const char *end = strchr(line, '\n');
        assert_non_null(end); /* the last line ends too */
        if (strncmp(line, "# HELP ", 7) == 0) {
            size_t name = take_name(line + 7, true);
            assert_true(name > 0 && line[7 + name] == ' ');
            snprintf(family, sizeof family, "%.*s", (int)name, line + 7);
            for (size_t i = 0; i < n_families; i++)
                assert_string_not_equal(families[i], family); /* each once */
            snprintf(families[n_families++], sizeof families[0], "%s", family);
            had_help = true;
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            assert_true(had_help);
            size_t name = take_name(line + 7, true);
            assert_int_equal(strncmp(line + 7, family, name), 0);
            assert_int_equal(sscanf(line + 7 + name, " %15s\n", type), 1);
            assert_true(!strcmp(type, "counter") || !strcmp(type, "gauge") ||
                        !strcmp(type, "histogram"));
            /* what promtool's linter asks of names */
            bool total =
                strlen(family) > 6 && !strcmp(family + strlen(family) - 6, "_total");
            assert_int_equal(total, !strcmp(type, "counter"));
            had_help = false;
        } else {
            sample s = {.value = 0};
            size_t name = take_name(line, true), labels = 0;
            assert_true(name > 0);
            snprintf(s.name, sizeof s.name, "%.*s", (int)name, line);
            if (line[name] == '{') {
                labels = take_labels(line + name);
                assert_true(labels > 0);
                snprintf(s.labels, sizeof s.labels, "%.*s", (int)labels, line + name);
            }
            assert_int_equal(line[name + labels], ' ');
            char *stop;
            s.value = strtod(line + name + labels + 1, &stop);
            assert_ptr_equal(stop, end);
            snprintf(s.type, sizeof s.type, "%s", type);
            assert_true(of_family(s.name, family, type));
            for (size_t i = 0; i < n; i++) /* no series twice */
                assert_false(!strcmp(out[i].name, s.name) &&
                             !strcmp(out[i].labels, s.labels));
            assert_true(n < max);
            out[n++] = s;
        }
        line = end + 1;
    }
    return n;
}

static sample samples[2000];

static double value_of(size_t n, const char *name, const char *labels) {
    for (size_t i = 0; i < n; i++)
        if (!strcmp(samples[i].name, name) && !strcmp(samples[i].labels, labels))
            return samples[i].value;
    fail_msg("no sample %s%s", name, labels);
    return 0;
}

static size_t page_of(const metrics *m) {
    buf page;
    buf_init(&page, 1u << 20);
    metrics_write(m, &page);
    size_t n = read_page(buf_text(&page), samples, sizeof samples / sizeof samples[0]);
    buf_deinit(&page);
    return n;
}

/* ---- */

static void what_is_counted_is_on_the_page(void **state) {
    (void)state;
    metrics *m = metrics_create();
    page_of(m); /* an empty one is well formed too */
    metric_add(m, M_SESSIONS, "realtime", 1);
    metric_add(m, M_SESSIONS, "realtime", 2);
    metric_add(m, M_SESSIONS, "realtime", -1); /* a counter never falls */
    metric_add(m, M_SESSIONS_OPEN, "listen", 2);
    metric_add(m, M_SESSIONS_OPEN, "listen", -1);
    metric_set(m, M_SLOTS, "", 24);
    metric_set(m, M_QUEUE_AGE, "", 0.125);
    metric_add(m, M_BYTES_IN, "", 9007199254740991.0);
    metric_add(m, M_SESSIONS, "odd\"\\\n", 1);
    size_t n = page_of(m);
    assert_true(value_of(n, "rostrum_sessions_total", "{protocol=\"realtime\"}") == 3);
    assert_true(value_of(n, "rostrum_sessions_open", "{protocol=\"listen\"}") == 1);
    assert_true(value_of(n, "rostrum_slots", "") == 24);
    assert_true(value_of(n, "rostrum_queue_age_seconds", "") == 0.125);
    assert_true(value_of(n, "rostrum_worker_restarts_total", "") ==
                0); /* from the start */
    assert_true(value_of(n, "rostrum_net_received_bytes_total", "") > 9.0e15);
    assert_true(value_of(n, "rostrum_sessions_total", "{protocol=\"odd\\\"\\\\\\n\"}") ==
                1);
    metrics_destroy(m);
    metric_add(NULL, M_SESSIONS, "realtime", 1);
    metrics_destroy(NULL);
}

static void a_histogram_adds_up(void **state) {
    (void)state;
    metrics *m = metrics_create();
    metric_observe(m, M_FINALISE, "tiny",
                   0.1); /* a value equal to a bound is within it */
    metric_observe(m, M_FINALISE, "tiny", 0.1000001);
    metric_observe(m, M_FINALISE, "tiny", 0.69);
    metric_observe(m, M_FINALISE, "tiny", 1e9);
    metric_observe(m, M_FINALISE, "tiny", -1);        /* a broken clock */
    metric_observe(m, M_FINALISE, "tiny", 0.0 / 0.0); /* no number */
    size_t n = page_of(m);
    const char *name = "rostrum_finalise_seconds_bucket";
    assert_true(value_of(n, name, "{model=\"tiny\",le=\"0.05\"}") == 0);
    assert_true(value_of(n, name, "{model=\"tiny\",le=\"0.1\"}") == 1);
    assert_true(value_of(n, name, "{model=\"tiny\",le=\"0.15\"}") == 2);
    assert_true(value_of(n, name, "{model=\"tiny\",le=\"0.7\"}") == 3);
    assert_true(value_of(n, name, "{model=\"tiny\",le=\"30\"}") == 3);
    assert_true(value_of(n, name, "{model=\"tiny\",le=\"+Inf\"}") == 4);
    assert_true(value_of(n, "rostrum_finalise_seconds_count", "{model=\"tiny\"}") == 4);
    double sum = value_of(n, "rostrum_finalise_seconds_sum", "{model=\"tiny\"}");
    assert_true(sum > 1e9 && sum < 1e9 + 1);
    double last = 0; /* cumulative: never falls */
    for (size_t i = 0; i < n; i++) {
        if (strcmp(samples[i].name, name) != 0)
            continue;
        assert_true(samples[i].value >= last);
        last = samples[i].value;
    }
    metrics_destroy(m);
}

static void labels_past_the_limit_fold_into_other(void **state) {
    (void)state;
    metrics *m = metrics_create();
    char label[200];
    for (int i = 0; i < 100; i++) {
        snprintf(label, sizeof label, "model-%d", i);
        metric_add(m, M_UTTERANCES, label, 1);
        metric_observe(m, M_FINALISE, label, 0.2);
    }
    memset(label, 'x', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    metric_add(m, M_UTTERANCES, label, 1);
    size_t n = page_of(m), kept = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(samples[i].name, "rostrum_utterances_total") == 0) {
            kept++;
            sum += samples[i].value;
        }
    }
    assert_int_equal(kept, METRICS_LABELS);
    assert_true(sum == 101); /* nothing is lost */
    assert_true(value_of(n, "rostrum_utterances_total", "{model=\"other\"}") ==
                101 - (METRICS_LABELS - 1));
    assert_true(value_of(n, "rostrum_finalise_seconds_count", "{model=\"other\"}") ==
                100 - (METRICS_LABELS - 1));
    metrics_destroy(m);
}

/* ---- the table ---- */

/* Compiles metrics.c with a table of one line; what the compiler says goes to out. */
static int compile_with(const char *line, char *out, size_t size) {
    char table[] = "metrics_XXXXXX", command[2048];
    int fd = mkstemp(table);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, line, strlen(line)), (ssize_t)strlen(line));
    close(fd);
    char folder[512];
    assert_non_null(getcwd(folder, sizeof folder));
    snprintf(command, sizeof command,
             "cc -std=c17 -D_GNU_SOURCE -fsyntax-only -I%s/src "
             "-DMETRICS_TABLE='\"%s/%s\"' %s/src/serve/telemetry/metrics.c 2>&1",
             ROSTRUM_SOURCE, folder, table, ROSTRUM_SOURCE);
    FILE *compiler = popen(command, "r");
    assert_non_null(compiler);
    size_t n = fread(out, 1, size - 1, compiler);
    out[n] = '\0';
    unlink(table);
    return pclose(compiler);
}

static void a_private_label_does_not_compile(void **state) {
    (void)state;
    static const struct {
        const char *label, *label_class;
        bool compiles;
    } rows[] = {
        {"", "NONE", true},           {"model", "MODEL", true},
        {"tenant", "TENANT", true},   {"words", "TEXT", false},
        {"who", "VOICEPRINT", false}, {"said", "AUDIO", false},
        {"bias", "PROMPT", false},    {"", "MODEL", false}, /* a class without a label */
        {"model", "NONE", false},                           /* a label without a class */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[256], said[4096];
        snprintf(line, sizeof line,
                 "METRIC(M_ONE, COUNTER, \"one_total\", \"%s\", %s, \"x\")\n",
                 rows[i].label, rows[i].label_class);
        int failed = compile_with(line, said, sizeof said);
        if ((failed == 0) != rows[i].compiles)
            fail_msg("%s: exit %d: %s", line, failed, said);
        if (!rows[i].compiles)
            assert_non_null(strstr(said, "one_total: a")); /* for this reason */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_counted_is_on_the_page),
        cmocka_unit_test(a_histogram_adds_up),
        cmocka_unit_test(labels_past_the_limit_fold_into_other),
        cmocka_unit_test(a_private_label_does_not_compile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
