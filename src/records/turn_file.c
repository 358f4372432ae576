#include "records/turn_file.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "records/json.h"
#include "records/lines.h"

#define FILE_BYTES_MAX (64u << 20) /* an OTLP export that is one object */
#define TIME_MS_MAX 86400000.0     /* a turn of a day is a broken clock */
#define SPANS_MAX 4000000          /* of one OTLP file */

/* A span as it is read; texts are owned. */
typedef struct {
    char *trace, *id, *parent, *name, *cohort;
    int64_t start_us, end_us;
    turn_stage stage;
    trace_kind kind;
    size_t place; /* order in the file */
    int line;
} raw_span;

typedef struct {
    const char *cohort;
    turn_visit *visit;
    void *context;
    raw_span *spans; /* [n] of traces that are not complete before the end of the file */
    size_t n, capacity;
    char name[256]; /* of the file */
} reader;

static status no_memory(diag *d) {
    return diag_set(d, ERR_MEMORY, "no memory for the trace");
}

static void span_deinit(raw_span *s) {
    free(s->trace);
    free(s->id);
    free(s->parent);
    free(s->name);
    free(s->cohort);
}

static bool starts_word(const char *text, const char *at) {
    return at == text || !isalpha((unsigned char)at[-1]);
}

/* The stage whose word stands first in a span's name. */
static turn_stage stage_of_name(const char *name) {
    static const struct {
        const char *word;
        turn_stage stage;
    } words[] = {
        {"client", TURN_CLIENT},
        {"capture", TURN_CLIENT},
        {"network", TURN_NETWORK},
        {"queue", TURN_QUEUE},
        {"admission", TURN_QUEUE},
        {"endpoint", TURN_ENDPOINTING},
        {"vad", TURN_ENDPOINTING},
        {"asr", TURN_ASR},
        {"stt", TURN_ASR},
        {"transcri", TURN_ASR},
        {"orchestrat", TURN_ORCHESTRATION},
        {"agent", TURN_ORCHESTRATION},
        {"retry", TURN_RETRY},
        {"retriev", TURN_RETRIEVAL},
        {"search", TURN_RETRIEVAL},
        {"prefill", TURN_CONTEXT},
        {"context", TURN_CONTEXT},
        {"llm", TURN_LLM},
        {"chat", TURN_LLM},
        {"tool", TURN_TOOL},
        {"function", TURN_TOOL},
        {"tts", TURN_TTS},
        {"synth", TURN_TTS},
        {"playback", TURN_PLAYBACK},
        {"play", TURN_PLAYBACK},
        {"cancel", TURN_CANCEL},
    };
    turn_stage found = TURN_OTHER;
    const char *first = NULL;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        for (const char *at = name; (at = strcasestr(at, words[i].word)); at++)
            if (starts_word(name, at) && (!first || at < first)) {
                first = at;
                found = words[i].stage;
            }
    return found;
}

static status stage_by_name(const char *name, turn_stage *out, diag *d) {
    *out = turn_stage_named(name);
    if (*out < TURN_OTHER)
        return OK;
    const char *near = diag_nearest(name, turn_stage_names, TURN_OTHER);
    return diag_field(d, ERR_INVALID, "stage", "no stage \"%.40s\"; %s%s%s", name,
                      near ? "did you mean \"" : "network, queue, asr, llm, tts or",
                      near ? near : " another of readiness/trace/stages.def is needed",
                      near ? "\"?" : "");
}

/* Hands one trace to the visitor; spans[0] is the root. parents[i] are indices. */
static status give(const reader *r, const char *id, const char *cohort,
                   const trace_span *spans, const turn_stage *stages,
                   const char *const *names, size_t n, diag *d) {
    void *scratch = malloc(trace_scratch(n));
    trace_section *path = malloc(2 * n * sizeof *path);
    status s = scratch && path ? OK : no_memory(d);
    turn_trace t = {.id = id,
                    .cohort = cohort,
                    .n = n,
                    .spans = spans,
                    .stages = stages,
                    .names = names,
                    .path = path};
    int line = d->line;
    if (s == OK)
        s = trace_critical_path(spans, n, scratch, path, &t.n_path, d);
    if (s != OK)
        diag_at(d, r->name, line, 0);
    if (s == OK) {
        t.sections = turn_of_path(path, t.n_path, stages);
        s = r->visit(r->context, &t, d);
    }
    free(path);
    free(scratch);
    return s;
}

/* The index of the span of this id among raw[n], n when there is none. */
static size_t index_of(const raw_span *raw, size_t n, const char *id) {
    size_t i = 0;
    while (i < n && !(raw[i].id && strcmp(raw[i].id, id) == 0))
        i++;
    return i;
}

/* Turns raw[n], a complete trace whose root is raw[0], into a turn. */
static status give_raw(const reader *r, const raw_span *raw, size_t n, diag *d) {
    trace_span *spans = calloc(n, sizeof *spans);
    turn_stage *stages = calloc(n, sizeof *stages);
    const char **names = calloc(n, sizeof *names);
    status s = spans && stages && names ? OK : no_memory(d);
    diag_at(d, r->name, raw[0].line, 0);
    for (size_t i = 0; s == OK && i < n; i++) {
        uint32_t parent = TRACE_NO_PARENT;
        if (i > 0) {
            size_t at = raw[i].parent ? index_of(raw, n, raw[i].parent) : 0;
            if (at == n) {
                diag_at(d, r->name, raw[i].line, 0);
                s = diag_field(d, ERR_INVALID, "parent",
                               "span \"%.40s\" of turn \"%.40s\" hangs on a span that is "
                               "not there",
                               raw[i].name, raw[0].trace);
            }
            parent = (uint32_t)at;
        }
        spans[i] = (trace_span){raw[i].start_us, raw[i].end_us, parent, raw[i].kind};
        stages[i] = i == 0 ? TURN_UNEXPLAINED : raw[i].stage;
        names[i] = raw[i].name;
    }
    if (s == OK)
        s = give(r, raw[0].trace, raw[0].cohort ? raw[0].cohort : "", spans, stages,
                 names, n, d);
    free(names);
    free(stages);
    free(spans);
    return s;
}

static status copy(const char *text, char **out, diag *d) {
    *out = strdup(text);
    return *out ? OK : no_memory(d);
}

static status read_ms(const cJSON *object, const char *key, int64_t *out_us, diag *d) {
    double ms = 0;
    status s = json_number(object, key, -TIME_MS_MAX, TIME_MS_MAX, &ms, d);
    if (s == OK)
        *out_us = llround(ms * 1e3);
    return s;
}

static status read_our_span(const cJSON *object, raw_span *out, diag *d) {
    static const char *const keys[] = {"id",    "parent",   "name",
                                       "stage", "start_ms", "end_ms"};
    const char *stage, *text;
    status s = cJSON_IsObject(object)
                   ? json_only_keys(object, keys, sizeof keys / sizeof keys[0], d)
                   : diag_field(d, ERR_INVALID, "spans", "each must be an object");
    if (s == OK)
        s = json_text(object, "stage", &stage, d);
    if (s == OK)
        s = stage_by_name(stage, &out->stage, d);
    if (s == OK)
        s = read_ms(object, "start_ms", &out->start_us, d);
    if (s == OK)
        s = read_ms(object, "end_ms", &out->end_us, d);
    if (s == OK && out->end_us < out->start_us)
        s = diag_field(d, ERR_INVALID, "end_ms", "the span ends before it starts");
    if (s == OK)
        s = json_text_or(object, "name", stage, &text, d);
    if (s == OK)
        s = copy(text, &out->name, d);
    if (s == OK)
        s = json_text_or(object, "id", NULL, &text, d);
    if (s == OK && text)
        s = copy(text, &out->id, d);
    if (s == OK)
        s = json_text_or(object, "parent", NULL, &text, d);
    if (s == OK && text)
        s = copy(text, &out->parent, d);
    return s;
}

static status our_cohort(const reader *r, const cJSON *record, char **out, diag *d) {
    if (!r->cohort)
        return OK;
    const cJSON *from = cJSON_GetObjectItemCaseSensitive(record, "attributes");
    if (strcmp(r->cohort, "cohort") == 0)
        from = record;
    const char *text = NULL;
    status s = from ? json_text_or(from, r->cohort, NULL, &text, d) : OK;
    return s == OK && text ? copy(text, out, d) : s;
}

static status read_ours(const reader *r, const cJSON *record, int line, diag *d) {
    static const char *const keys[] = {"turn", "cohort", "attributes", "total_ms",
                                       "spans"};
    const char *id;
    const cJSON *list;
    status s = json_only_keys(record, keys, sizeof keys / sizeof keys[0], d);
    if (s == OK)
        s = json_text(record, "turn", &id, d);
    if (s == OK)
        s = json_list(record, "spans", &list, d);
    if (s != OK)
        return s;
    size_t n = 1 + (size_t)cJSON_GetArraySize(list), read = 1;
    raw_span *raw = calloc(n, sizeof *raw);
    if (!raw)
        return no_memory(d);
    s = copy(id, &raw[0].trace, d);
    if (s == OK)
        s = copy("turn", &raw[0].name, d);
    if (s == OK)
        s = read_ms(record, "total_ms", &raw[0].end_us, d);
    if (s == OK && raw[0].end_us < 0)
        s = diag_field(d, ERR_INVALID, "total_ms", "is negative");
    if (s == OK)
        s = our_cohort(r, record, &raw[0].cohort, d);
    raw[0].line = line;
    for (const cJSON *at = list->child; s == OK && at; at = at->next) {
        raw[read].line = line;
        s = read_our_span(at, &raw[read], d);
        read++;
    }
    if (s == OK)
        s = give_raw(r, raw, n, d);
    for (size_t i = 0; i < read; i++)
        span_deinit(&raw[i]);
    free(raw);
    return s;
}

/* The string value of an OTLP attribute; NULL: not there. */
static const char *attribute(const cJSON *owner, const char *name) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(owner, "attributes");
    for (const cJSON *at = list ? list->child : NULL; at; at = at->next) {
        const cJSON *key = cJSON_GetObjectItemCaseSensitive(at, "key");
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(at, "value");
        const cJSON *text = cJSON_GetObjectItemCaseSensitive(value, "stringValue");
        if (cJSON_IsString(key) && strcmp(key->valuestring, name) == 0 &&
            cJSON_IsString(text))
            return text->valuestring;
    }
    return NULL;
}

/* fixed64 as OTLP/JSON writes it: a decimal string, or a number. */
static status read_nanos(const cJSON *span, const char *key, int64_t *out_us, diag *d) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(span, key);
    if (cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble < 9e18) {
        *out_us = (int64_t)(value->valuedouble / 1e3);
        return OK;
    }
    char *end = NULL;
    if (cJSON_IsString(value) && isdigit((unsigned char)value->valuestring[0])) {
        unsigned long long nanos = strtoull(value->valuestring, &end, 10);
        if (*end == '\0' && nanos < 9000000000000000000u) {
            *out_us = (int64_t)(nanos / 1000);
            return OK;
        }
    }
    return diag_field(d, ERR_INVALID, key,
                      value ? "not a count of nanoseconds" : "missing");
}

static trace_kind kind_of(const cJSON *span) {
    const cJSON *kind = cJSON_GetObjectItemCaseSensitive(span, "kind");
    if (cJSON_IsNumber(kind))
        return kind->valueint == 4   ? TRACE_PRODUCER
               : kind->valueint == 5 ? TRACE_CONSUMER
                                     : TRACE_INTERNAL;
    if (cJSON_IsString(kind) && strcmp(kind->valuestring, "SPAN_KIND_PRODUCER") == 0)
        return TRACE_PRODUCER;
    if (cJSON_IsString(kind) && strcmp(kind->valuestring, "SPAN_KIND_CONSUMER") == 0)
        return TRACE_CONSUMER;
    return TRACE_INTERNAL;
}

static status read_otlp_span(reader *r, const cJSON *resource, const cJSON *span,
                             int line, diag *d) {
    if (r->n == r->capacity) {
        if (r->n == SPANS_MAX)
            return diag_set(d, ERR_LIMIT, "more than %d spans", SPANS_MAX);
        size_t capacity = r->capacity ? 2 * r->capacity : 256;
        raw_span *grown = realloc(r->spans, capacity * sizeof *grown);
        if (!grown)
            return no_memory(d);
        r->spans = grown;
        r->capacity = capacity;
    }
    raw_span *out = &r->spans[r->n];
    *out = (raw_span){.place = r->n, .line = line, .kind = kind_of(span)};
    r->n++;
    const char *trace, *id, *parent, *name;
    status s = json_text(span, "traceId", &trace, d);
    if (s == OK)
        s = json_text(span, "spanId", &id, d);
    if (s == OK)
        s = json_text_or(span, "parentSpanId", "", &parent, d);
    if (s == OK)
        s = json_text_or(span, "name", "", &name, d);
    if (s == OK)
        s = read_nanos(span, "startTimeUnixNano", &out->start_us, d);
    if (s == OK)
        s = read_nanos(span, "endTimeUnixNano", &out->end_us, d);
    if (s == OK && out->end_us < out->start_us)
        s = diag_field(d, ERR_INVALID, "endTimeUnixNano",
                       "the span ends before it starts");
    const char *stage = attribute(span, "rostrum.stage");
    if (s == OK && stage)
        s = stage_by_name(stage, &out->stage, d);
    else if (s == OK)
        out->stage = stage_of_name(name);
    const char *cohort = r->cohort ? attribute(span, r->cohort) : NULL;
    if (r->cohort && !cohort && resource)
        cohort = attribute(resource, r->cohort);
    if (s == OK)
        s = copy(trace, &out->trace, d);
    if (s == OK)
        s = copy(id, &out->id, d);
    if (s == OK && *parent)
        s = copy(parent, &out->parent, d);
    if (s == OK)
        s = copy(name, &out->name, d);
    if (s == OK && cohort)
        s = copy(cohort, &out->cohort, d);
    return s;
}

static status read_otlp(reader *r, const cJSON *record, int line, diag *d) {
    const cJSON *resources, *scopes, *spans;
    status s = json_list(record, "resourceSpans", &resources, d);
    if (s != OK)
        return s;
    for (const cJSON *at = resources->child; s == OK && at; at = at->next) {
        const cJSON *resource = cJSON_GetObjectItemCaseSensitive(at, "resource");
        s = json_list(at, "scopeSpans", &scopes, d);
        for (const cJSON *scope = s == OK ? scopes->child : NULL; s == OK && scope;
             scope = scope->next) {
            s = json_list(scope, "spans", &spans, d);
            for (const cJSON *span = s == OK ? spans->child : NULL; s == OK && span;
                 span = span->next)
                s = read_otlp_span(r, resource, span, line, d);
        }
    }
    return s;
}

static status read_record(reader *r, const cJSON *record, int line, diag *d) {
    if (cJSON_GetObjectItemCaseSensitive(record, "resourceSpans"))
        return read_otlp(r, record, line, d);
    if (cJSON_GetObjectItemCaseSensitive(record, "turn"))
        return read_ours(r, record, line, d);
    return diag_set(d, ERR_INVALID,
                    "neither a turn record (\"turn\") nor OTLP (\"resourceSpans\")");
}

static int by_trace(const void *a, const void *b) {
    const raw_span *x = a, *y = b;
    int order = strcmp(x->trace, y->trace);
    if (order != 0)
        return order;
    if (!x->parent != !y->parent)
        return x->parent ? 1 : -1; /* the root first */
    return x->place < y->place ? -1 : 1;
}

/* Hands out the collected OTLP traces. */
static status give_traces(reader *r, diag *d) {
    if (r->n > 0)
        qsort(r->spans, r->n, sizeof *r->spans, by_trace);
    status s = OK;
    for (size_t from = 0; s == OK && from < r->n;) {
        size_t to = from + 1;
        while (to < r->n && strcmp(r->spans[to].trace, r->spans[from].trace) == 0)
            to++;
        diag_at(d, r->name, r->spans[from].line, 0);
        if (r->spans[from].parent)
            s = diag_field(d, ERR_INVALID, "parentSpanId",
                           "trace %.40s has no span without a parent",
                           r->spans[from].trace);
        else if (to > from + 1 && !r->spans[from + 1].parent)
            s = diag_field(d, ERR_INVALID, "parentSpanId",
                           "trace %.40s has two spans without a parent",
                           r->spans[from].trace);
        else if (to - from > TRACE_SPANS_MAX)
            s = diag_set(d, ERR_LIMIT, "trace %.40s has %zu spans; at most %d",
                         r->spans[from].trace, to - from, TRACE_SPANS_MAX);
        else
            s = give_raw(r, r->spans + from, to - from, d);
        from = to;
    }
    return s;
}

static status read_text(reader *r, const char *text, size_t n, int line, diag *d) {
    cJSON *record = NULL;
    status s = json_parse(text, n, &record, d);
    if (s == OK)
        s = read_record(r, record, line, d);
    cJSON_Delete(record);
    return s;
}

/* One object over many lines? Then the first line alone is no JSON, and no record that
 * was meant to be one either: those end in a brace. */
static bool is_one_object(const char *path) {
    lines *l = NULL;
    const char *text;
    size_t n;
    diag d = DIAG_INIT;
    if (strcmp(path, "-") == 0 || lines_open(path, &l, &d) != OK)
        return false;
    status s = lines_next(l, &text, &n, &d);
    cJSON *record = NULL;
    bool one = s == ERR_LIMIT || (s == OK && text && (n == 0 || text[n - 1] != '}') &&
                                  json_parse(text, n, &record, &d) != OK);
    cJSON_Delete(record);
    lines_close(l);
    return one;
}

static status read_lines(reader *r, const char *path, diag *d) {
    lines *l = NULL;
    status s = lines_open(path, &l, d);
    while (s == OK) {
        const char *text;
        size_t n;
        s = lines_next(l, &text, &n, d);
        if (s != OK || !text)
            break;
        if (n > 0)
            s = read_text(r, text, n, d->line, d);
    }
    lines_close(l);
    return s;
}

status turn_file_read(const char *path, const char *cohort, turn_visit *visit,
                      void *context, diag *d) {
    diag own = DIAG_INIT;
    if (!d)
        d = &own;
    reader r = {.cohort = cohort, .visit = visit, .context = context};
    snprintf(r.name, sizeof r.name, "%s",
             strcmp(path, "-") == 0 ? "standard input" : path);
    status s;
    if (is_one_object(path)) {
        cJSON *record = NULL;
        s = json_read_file(path, FILE_BYTES_MAX, &record, d);
        if (s == OK)
            s = read_record(&r, record, 0, d);
        cJSON_Delete(record);
    } else {
        s = read_lines(&r, path, d);
    }
    if (s == OK)
        s = give_traces(&r, d);
    for (size_t i = 0; i < r.n; i++)
        span_deinit(&r.spans[i]);
    free(r.spans);
    return s;
}
