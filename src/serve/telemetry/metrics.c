#include "serve/telemetry/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* Seconds. Dense where speech is judged: 0.1 to 1 s. */
static const double bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5,
                                0.6,   0.7,  0.85,  1,    1.5, 2,    3,   5,   10,  30};
enum { BOUNDS = sizeof bounds / sizeof bounds[0] };

typedef enum { COUNTER, GAUGE, HISTOGRAM } metric_kind;

/* What a label may be made of. The first group is ours to show; the second is a
 * person's and must never reach a metric. */
enum {
    LABEL_NONE,
    LABEL_ENUM,
    LABEL_MODEL,
    LABEL_TENANT,
    LABEL_PRIVATE, /* all from here on */
    LABEL_TEXT = LABEL_PRIVATE,
    LABEL_AUDIO,
    LABEL_VOICEPRINT,
    LABEL_PROMPT
};

#define METRIC(id, kind, name, label, label_class, help)                                 \
    _Static_assert(LABEL_##label_class < LABEL_PRIVATE,                                  \
                   name ": a metric label must not be of a private class");              \
    _Static_assert((LABEL_##label_class == LABEL_NONE) == (sizeof(label) == 1),          \
                   name ": a label and its class go together");
#include METRICS_TABLE
#undef METRIC

typedef struct {
    metric_kind kind;
    const char *name, *label, *help;
} metric_row;

static const metric_row rows[METRIC_COUNT] = {
#define METRIC(id, kind, name, label, label_class, help) {kind, name, label, help},
#include METRICS_TABLE
#undef METRIC
};

typedef struct {
    char label[64];
    double value;     /* sum of a histogram */
    uint64_t *counts; /* [BOUNDS + 1] of a histogram: not cumulative; else NULL */
} series;

typedef struct {
    series *items; /* [METRICS_LABELS] once used */
    size_t n;
} metric;

struct metrics {
    metric of[METRIC_COUNT];
};

metrics *metrics_create(void) {
    return calloc(1, sizeof(metrics));
}

void metrics_destroy(metrics *m) {
    for (size_t i = 0; m && i < METRIC_COUNT; i++) {
        for (size_t j = 0; j < m->of[i].n; j++)
            free(m->of[i].items[j].counts);
        free(m->of[i].items);
    }
    free(m);
}

static series *find(const metric *of, const char *label) {
    for (size_t i = 0; i < of->n; i++)
        if (strcmp(of->items[i].label, label) == 0)
            return &of->items[i];
    return NULL;
}

/* The series of a label, made when it is new; the last place is kept for "other".
 * NULL: no memory: a lost count must not stop a session. */
static series *obtain(metrics *m, metric_id id, const char *label) {
    metric *of = &m->of[id];
    series *s = find(of, label);
    if (s)
        return s;
    if (of->n >= METRICS_LABELS - 1 && strcmp(label, "other") != 0)
        return obtain(m, id, "other");
    if (!of->items && !(of->items = calloc(METRICS_LABELS, sizeof *of->items)))
        return NULL;
    s = &of->items[of->n];
    if (rows[id].kind == HISTOGRAM &&
        !(s->counts = calloc(BOUNDS + 1, sizeof *s->counts)))
        return NULL;
    size_t n = strnlen(label, sizeof s->label - 1);
    memcpy(s->label, label, n);
    s->label[n] = '\0';
    of->n++;
    return s;
}

static series *obtain_checked(metrics *m, metric_id id, const char *label) {
    ASSERT(id < METRIC_COUNT);
    ASSERT((rows[id].label[0] == '\0') == (label[0] == '\0'));
    char cut[sizeof((series *)0)->label];
    size_t n = strnlen(label, sizeof cut - 1);
    memcpy(cut, label, n);
    cut[n] = '\0';
    return obtain(m, id, cut);
}

void metric_add(metrics *m, metric_id id, const char *label, double by) {
    if (!m)
        return;
    ASSERT(rows[id].kind != HISTOGRAM);
    series *s = obtain_checked(m, id, label);
    if (s && isfinite(by) && (by >= 0 || rows[id].kind == GAUGE))
        s->value += by;
}

void metric_set(metrics *m, metric_id id, const char *label, double value) {
    if (!m)
        return;
    ASSERT(rows[id].kind != HISTOGRAM);
    series *s = obtain_checked(m, id, label);
    if (s && isfinite(value))
        s->value = value;
}

void metric_observe(metrics *m, metric_id id, const char *label, double value) {
    if (!m)
        return;
    ASSERT(rows[id].kind == HISTOGRAM);
    series *s = obtain_checked(m, id, label);
    if (!s || !isfinite(value) || value < 0) /* a broken clock must not look fast */
        return;
    size_t i = 0;
    while (i < BOUNDS && value > bounds[i])
        i++;
    s->counts[i]++;
    s->value += value;
}

static void put_escaped(buf *out, const char *text, bool quotes) {
    for (; *text; text++) {
        if (*text == '\\' || (*text == '"' && quotes))
            buf_addf(out, "\\%c", *text);
        else if (*text == '\n')
            buf_add_text(out, "\\n");
        else
            buf_add(out, text, 1);
    }
}

/* name_suffix{label="value",le="bound"} */
static void put_name(buf *out, const metric_row *row, const char *suffix,
                     const char *label, const char *le) {
    buf_addf(out, "%s%s", row->name, suffix);
    if (!row->label[0] && !le)
        return;
    buf_add_text(out, "{");
    if (row->label[0]) {
        buf_addf(out, "%s=\"", row->label);
        put_escaped(out, label, true);
        buf_addf(out, "\"%s", le ? "," : "");
    }
    if (le)
        buf_addf(out, "le=\"%s\"", le);
    buf_add_text(out, "}");
}

static void put_histogram(buf *out, const metric_row *row, const series *s) {
    uint64_t count = 0;
    char le[32];
    for (size_t i = 0; i <= BOUNDS; i++) {
        count += s->counts[i];
        if (i < BOUNDS)
            snprintf(le, sizeof le, "%g", bounds[i]);
        put_name(out, row, "_bucket", s->label, i < BOUNDS ? le : "+Inf");
        buf_addf(out, " %llu\n", (unsigned long long)count);
    }
    put_name(out, row, "_sum", s->label, NULL);
    buf_addf(out, " %.15g\n", s->value);
    put_name(out, row, "_count", s->label, NULL);
    buf_addf(out, " %llu\n", (unsigned long long)count);
}

void metrics_write(const metrics *m, buf *out) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const metric_row *row = &rows[i];
        buf_addf(out, "# HELP %s ", row->name);
        put_escaped(out, row->help, false);
        buf_addf(out, "\n# TYPE %s %s\n", row->name, kinds[row->kind]);
        for (size_t j = 0; j < m->of[i].n; j++) {
            const series *s = &m->of[i].items[j];
            if (row->kind == HISTOGRAM) {
                put_histogram(out, row, s);
                continue;
            }
            put_name(out, row, "", s->label, NULL);
            buf_addf(out, " %.15g\n", s->value);
        }
        if (m->of[i].n == 0 && !row->label[0] && row->kind != HISTOGRAM)
            buf_addf(out, "%s 0\n", row->name); /* so that a rate starts from something */
    }
}
