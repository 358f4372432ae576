#include "records/slo_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXPRESSION_BYTES = 8 * SLO_QUERY_BYTES };

/* A text in single-quoted YAML. */
static void add_quoted(buf *out, const char *text) {
    buf_add_text(out, "'");
    for (; *text; text++) {
        buf_add(out, text, 1);
        if (*text == '\'')
            buf_add(out, text, 1);
    }
    buf_add_text(out, "'");
}

static const char *find_window(const char *query, size_t *out_bytes) {
    static const char *const forms[] = {"{{.window}}", "{{window}}", "{{ .window }}"};
    for (size_t i = 0; i < 3; i++) {
        const char *at = strstr(query, forms[i]);
        if (at) {
            *out_bytes = strlen(forms[i]);
            return at;
        }
    }
    return NULL;
}

/* The selector inside "sum(...)", or the query itself; false: it is neither. */
static bool selector_of(const char *query, char out[SLO_QUERY_BYTES]) {
    size_t n = strlen(query), skip = 0;
    if (strncmp(query, "sum(", 4) == 0 && query[n - 1] == ')') {
        skip = 4;
        n -= 5;
    }
    snprintf(out, SLO_QUERY_BYTES, "%.*s", (int)n, query + skip);
    /* outside quotes no selector holds any of these */
    bool quoted = false;
    for (const char *c = out; *c; c++) {
        if (*c == '"' && (c == out || c[-1] != '\\'))
            quoted = !quoted;
        if (!quoted && strchr("()[]+*/ \n", *c))
            return false;
    }
    return *out != '\0';
}

/* The query with each {{.window}} replaced. */
static void add_with_window(buf *out, const char *query, const char *window) {
    size_t bytes;
    for (const char *at; (at = find_window(query, &bytes)) != NULL; query = at + bytes) {
        buf_add(out, query, (size_t)(at - query));
        buf_add_text(out, window);
    }
    buf_add_text(out, query);
}

/* How often a second over the window; 0 where the series is not there yet. */
static status add_rate(buf *out, const slo_indicator *i, const char *query,
                       int64_t window_s, diag *d) {
    char window[24], selector[SLO_QUERY_BYTES];
    size_t bytes;
    slo_duration_text(window_s, window);
    if (find_window(query, &bytes)) {
        buf_add_text(out, "(");
        add_with_window(out, query, window);
        buf_add_text(out, ")");
        return OK;
    }
    if (!selector_of(query, selector))
        return diag_set(d, ERR_INVALID,
                        "the query must be a metric selector, alone or in sum(...), or "
                        "have {{.window}} where the window goes");
    if (i->counter || i->by_profile)
        buf_addf(out, "sum(rate(%s[%s]))", selector, window);
    else
        buf_addf(out, "(sum(sum_over_time(%s[%s])) / %lld)", selector, window,
                 (long long)window_s);
    return OK;
}

/* What add_rate needs, of an indicator that is read from the server's histogram. */
static void profile_queries(slo_indicator *i) {
    buf number; /* the bound in seconds, as the server writes it */
    buf_init(&number, 64);
    buf_add_number(&number, i->value / 1000);
    snprintf(i->part_query, sizeof i->part_query, "%s_bucket{le=\"%s\"}",
             i->speech->metric, buf_text(&number));
    buf_deinit(&number);
    snprintf(i->total_query, sizeof i->total_query, "%s_count", i->speech->metric);
    i->kind = SLI_GOOD_TOTAL;
}

/* A threshold judged once a minute: the good minutes. */
static void add_samples(buf *out, const slo_indicator *i, const char *function,
                        const char *window) {
    static const char *const words[] = {">", ">=", "<", "<="};
    bool gauge = i->by_profile;
    buf_addf(out, "(%s((%s %s bool ", function, gauge ? i->speech->metric : i->part_query,
             words[i->op]);
    buf_add_number(out, gauge ? i->value / 1000 : i->value);
    buf_addf(out, ")[%s:1m]))", window);
}

static status add_bad_ratio(buf *out, const slo_indicator *i, int64_t window_s, diag *d) {
    char window[24];
    slo_duration_text(window_s, window);
    switch (i->kind) {
    case SLI_THRESHOLD:
        buf_add_text(out, "1 - avg");
        add_samples(out, i, "avg_over_time", window);
        return OK;
    case SLI_RAW_SUCCESS:
    case SLI_RAW_FAILURE:
        buf_addf(out, "%savg(avg_over_time(%s[%s]))",
                 i->kind == SLI_RAW_SUCCESS ? "1 - " : "", i->part_query, window);
        return OK;
    default:
        break;
    }
    buf_add_text(out, i->kind == SLI_GOOD_TOTAL ? "1 - (" : "(");
    status s = add_rate(out, i, i->part_query, window_s, d);
    buf_add_text(out, " or vector(0)) / ");
    if (s == OK)
        s = add_rate(out, i, i->total_query, window_s, d);
    return s;
}

static bool has_counts(const slo_indicator *i) {
    return i->kind != SLI_RAW_SUCCESS && i->kind != SLI_RAW_FAILURE;
}

static status add_requests(buf *out, const slo_indicator *i, int64_t window_s, diag *d) {
    char window[24];
    slo_duration_text(window_s, window);
    if (i->kind == SLI_THRESHOLD) {
        buf_add_text(out, "sum");
        add_samples(out, i, "count_over_time", window);
        return OK;
    }
    status s = add_rate(out, i, i->total_query, window_s, d);
    buf_addf(out, " * %lld", (long long)window_s);
    return s;
}

static void add_labels(buf *out, const slo_objective *o) {
    buf_add_text(out, "        labels:\n          slo: ");
    add_quoted(out, o->name);
    buf_add_text(out, "\n          service: ");
    add_quoted(out, o->service);
    buf_add_text(out, "\n");
}

static void add_record(buf *out, const slo_objective *o, const char *name,
                       int64_t window_s, buf *expression) {
    char window[24];
    slo_duration_text(window_s, window);
    buf_addf(out, "      - record: %s%s\n        expr: ", name, window);
    add_quoted(out, buf_text(expression));
    buf_add_text(out, "\n");
    add_labels(out, o);
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The windows of all alerts, each once, shortest first. */
static size_t windows_of(const slo_objective *o, bool only_long,
                         int64_t out[2 * SLO_ALERTS_MAX]) {
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < o->n_alerts; i++) {
        out[n++] = o->alerts[i].rule.long_s;
        if (!only_long)
            out[n++] = o->alerts[i].rule.short_s;
    }
    qsort(out, n, sizeof *out, ascending);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || out[i] != out[kept - 1])
            out[kept++] = out[i];
    return kept;
}

static status add_records(buf *out, const slo_objective *o, const slo_indicator *i,
                          diag *d) {
    int64_t windows[2 * SLO_ALERTS_MAX];
    status s = OK;
    buf expression;
    buf_init(&expression, EXPRESSION_BYTES);
    size_t n = windows_of(o, false, windows);
    for (size_t k = 0; s == OK && k < n; k++) {
        buf_clear(&expression);
        s = add_bad_ratio(&expression, i, windows[k], d);
        if (s == OK)
            add_record(out, o, "slo:bad_ratio:rate", windows[k], &expression);
    }
    n = has_counts(i) ? windows_of(o, true, windows) : 0;
    for (size_t k = 0; s == OK && k < n; k++) {
        buf_clear(&expression);
        s = add_requests(&expression, i, windows[k], d);
        if (s == OK)
            add_record(out, o, "slo:requests:increase", windows[k], &expression);
    }
    buf_deinit(&expression);
    return s;
}

/* slo:NAME WINDOW{slo="..."} */
static void add_series(buf *out, const slo_objective *o, const char *name,
                       int64_t window_s) {
    char window[24];
    slo_duration_text(window_s, window);
    buf_addf(out, "%s%s{slo=", name, window);
    buf_add_json(out, o->name);
    buf_add_text(out, "}");
}

/* The window beyond its threshold: factor * budget, widened by the tolerance exactly as
 * slo_beyond does. */
static void add_window(buf *out, const slo_objective *o, const slo_rule *rule,
                       int64_t window_s) {
    static const char *const words[] = {">", ">=", "<", "<="};
    bool widen = rule->op == SLO_GT || rule->op == SLO_LTE;
    add_series(out, o, "slo:bad_ratio:rate", window_s);
    buf_addf(out, " %s ", words[rule->op]);
    buf_add_number(out, rule->factor);
    buf_add_text(out, " * ");
    buf_add_number(out, o->budget);
    buf_addf(out, " * (1 %c 1e-9)", widen ? '+' : '-');
}

/* slo_evidence_nats in PromQL. */
static void add_evidence(buf *out, const slo_objective *o, const slo_rule *rule) {
    double healthy = slo_healthy(rule, o->budget);
    add_series(out, o, "slo:requests:increase", rule->long_s);
    buf_add_text(out, "\n            * (");
    add_series(out, o, "slo:bad_ratio:rate", rule->long_s);
    buf_add_text(out, " * ln(");
    add_series(out, o, "slo:bad_ratio:rate", rule->long_s);
    buf_add_text(out, " / ");
    buf_add_number(out, healthy);
    buf_add_text(out, ")\n            - ");
    add_series(out, o, "slo:bad_ratio:rate", rule->long_s);
    buf_add_text(out, " + ");
    buf_add_number(out, healthy);
    buf_add_text(out, ") > ");
    buf_add_number(out, SLO_EVIDENCE_NATS);
}

static void add_alert(buf *out, const slo_objective *o, const slo_indicator *i,
                      const slo_alert *a) {
    const slo_rule *r = &a->rule;
    char near[24], far[24], hold[24];
    slo_duration_text(r->short_s, near);
    slo_duration_text(r->long_s, far);
    slo_duration_text(r->hold_s, hold);
    buf_add_text(out, "      - alert: SLOBurn\n        expr: |-\n          ");
    add_window(out, o, r, r->long_s);
    if (r->short_s != r->long_s) {
        buf_add_text(out, "\n          and ");
        add_window(out, o, r, r->short_s);
    }
    bool high = r->op == SLO_GT || r->op == SLO_GTE;
    if (high && r->factor > 0 && has_counts(i)) {
        buf_add_text(out, "\n          and ");
        add_evidence(out, o, r);
    }
    buf_add_text(out, "\n");
    if (r->hold_s > 0)
        buf_addf(out, "        for: %s\n", hold);
    add_labels(out, o);
    buf_add_text(out, "          severity: ");
    add_quoted(out, a->severity);
    buf_add_text(out, "\n          alert: ");
    add_quoted(out, a->name);
    buf summary;
    buf_init(&summary, 1024);
    buf_addf(&summary, "%s of %s: burn %s %.4g over %s and %s", o->name, o->service,
             high ? "above" : "below", r->factor, far, near);
    buf_add_text(out, "\n        annotations:\n          summary: ");
    add_quoted(out, buf_text(&summary));
    buf_add_text(out, "\n");
    buf_deinit(&summary);
}

static status write_group(const slo_objective *o, buf *out, diag *d) {
    slo_indicator *i = malloc(sizeof *i);
    if (!i)
        return diag_set(d, ERR_MEMORY, "no memory for the rules");
    *i = o->indicator;
    if (i->by_profile && i->speech->kind == SPEECH_HISTOGRAM && i->op == SLO_LTE)
        profile_queries(i);
    bool silent = !i->by_profile && !*i->part_query;
    bool half =
        (i->kind == SLI_GOOD_TOTAL || i->kind == SLI_BAD_TOTAL) && !*i->total_query;
    status s = OK;
    if (i->by_profile && i->kind == SLI_THRESHOLD && i->speech->kind != SPEECH_GAUGE)
        s = diag_set(d, ERR_UNSUPPORTED, "a histogram's buckets count op lte only");
    else if (silent || half)
        s = diag_set(d, ERR_INVALID,
                     "no query: metricSource.spec.query names a Prometheus metric");
    else if (o->method != SLO_OCCURRENCES)
        s = diag_set(d, ERR_UNSUPPORTED,
                     "time slices cannot be counted by a recording rule; use "
                     "budgetingMethod Occurrences");
    if (s == OK) {
        buf_add_text(out, "  - name: ");
        buf name;
        buf_init(&name, 256);
        buf_addf(&name, "slo-%s", o->name);
        add_quoted(out, buf_text(&name));
        buf_deinit(&name);
        buf_add_text(out, "\n    interval: 1m\n    rules:\n");
        s = add_records(out, o, i, d);
    }
    for (size_t k = 0; s == OK && k < o->n_alerts; k++)
        add_alert(out, o, i, &o->alerts[k]);
    free(i);
    return s;
}

status slo_rules_write(const slo_objective *list, size_t n, buf *out, diag *d) {
    buf_add_text(out, "groups:\n");
    status s = OK;
    for (size_t i = 0; s == OK && i < n; i++) {
        diag_field(d, OK, list[i].name, "%s", "");
        s = write_group(&list[i], out, d);
    }
    if (s == OK && out->failed)
        s = diag_set(d, ERR_LIMIT, "the rules are longer than %zu bytes", out->ceiling);
    return s;
}
