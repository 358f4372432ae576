#include "records/evidence.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records/evidence_payload.h"
#include "records/instant.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

typedef struct {
    const gate_policy *policy;
    evidence_file *file;
    diag *d;
} reader;

void evidence_deinit(evidence_file *f) {
    free(f->evidence.cells);
    f->evidence.cells = NULL;
}

/* ---- keys every record has ---- */

static status read_time(const cJSON *object, const char *key, double *out, diag *d) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    if (cJSON_IsNumber(value) && value->valuedouble >= 1 &&
        value->valuedouble <= INSTANT_MAX_S) {
        *out = value->valuedouble;
        return OK;
    }
    if (cJSON_IsString(value) && instant_parse(value->valuestring, out))
        return OK;
    return diag_field(d, ERR_INVALID, key,
                      "needs a time such as 2026-11-20T10:00:00Z, or seconds since 1970");
}

static status read_arm(const cJSON *object, const gate_policy *p, int *out, diag *d) {
    const char *arm = NULL;
    status s = json_text(object, "arm", &arm, d);
    if (s != OK)
        return s;
    for (int i = 0; i < 2; i++)
        if (strcmp(arm, p->arms[i]) == 0) {
            *out = i;
            return OK;
        }
    return diag_field(d, ERR_INVALID, "arm", "is \"%.40s\"; %s or %s is needed", arm,
                      p->arms[0], p->arms[1]);
}

static void ignore(reader *r, const char *name) {
    if (r->file->ignored++ == 0)
        snprintf(r->file->first_ignored, sizeof r->file->first_ignored, "%s", name);
}

/* Number of the slice in the policy; false: it has none, and that is counted. */
static status read_slice(reader *r, const cJSON *object, size_t *out, bool *found) {
    const char *name = NULL;
    status s = json_text_or(object, "slice", "all", &name, r->d);
    *found = false;
    for (size_t i = 0; s == OK && i < r->policy->n_slices; i++)
        if (strcmp(name, r->policy->slices[i].name) == 0) {
            *out = i;
            *found = true;
            return OK;
        }
    if (s == OK)
        ignore(r, name);
    return s;
}

static status add_count(uint64_t *to, int64_t n, const char *field, diag *d) {
    if ((uint64_t)n > (UINT64_C(1) << 53) - *to)
        return diag_field(d, ERR_LIMIT, field, "adds up to more than 2^53");
    *to += (uint64_t)n;
    return OK;
}

/* ---- one function a kind of record ---- */

static status take_traffic(reader *r, const cJSON *object) {
    static const char *const keys[] = {"record", "time", "arm", "sessions"};
    int arm = 0;
    int64_t sessions = 0;
    status s = json_only_keys(object, keys, COUNT(keys), r->d);
    if (s == OK)
        s = read_arm(object, r->policy, &arm, r->d);
    if (s == OK)
        s = json_integer(object, "sessions", 0, INT64_MAX, &sessions, r->d);
    if (s == OK)
        s = add_count(&r->file->evidence.units[arm], sessions, "sessions", r->d);
    r->file->evidence.has_units = true;
    return s;
}

static size_t metric_named(const gate_policy *p, const char *name) {
    size_t i = 0;
    while (i < p->n_metrics && strcmp(p->metrics[i].name, name) != 0)
        i++;
    return i;
}

static status take_metric(reader *r, const cJSON *object, double time_s) {
    const gate_policy *p = r->policy;
    const char *name = NULL;
    size_t slice = 0;
    bool known = false;
    int arm = 0;
    status s = json_text(object, "metric", &name, r->d);
    if (s == OK)
        s = read_arm(object, p, &arm, r->d);
    if (s != OK)
        return s;
    size_t metric = metric_named(p, name);
    if (metric == p->n_metrics) {
        ignore(r, name);
        return OK;
    }
    s = read_slice(r, object, &slice, &known);
    if (s != OK || !known)
        return s;
    gate_sample *sample =
        &r->file->evidence.cells[metric * p->n_slices + slice].arms[arm];
    sample->newest_s = fmax(sample->newest_s, time_s);
    return evidence_payload(object, &p->metrics[metric], sample, r->d);
}

static status take_labels(reader *r, const cJSON *object) {
    static const char *const keys[] = {"record", "time", "slice", "audited", "wrong"};
    int64_t audited = 0, wrong = 0;
    size_t slice = 0;
    bool known = false;
    status s = json_only_keys(object, keys, COUNT(keys), r->d);
    if (s == OK)
        s = json_integer(object, "audited", 0, INT64_MAX, &audited, r->d);
    if (s == OK)
        s = json_integer(object, "wrong", 0, audited, &wrong, r->d);
    if (s == OK)
        s = read_slice(r, object, &slice, &known);
    if (s != OK || !known)
        return s;
    stats_count *c = &r->file->evidence.labels[slice].count;
    s = add_count(&c->total, audited, "audited", r->d);
    return s == OK ? add_count(&c->bad, wrong, "wrong", r->d) : s;
}

static status take_check(reader *r, const cJSON *object, double time_s) {
    static const char *const keys[] = {"record", "time", "check", "good"};
    const char *name = NULL;
    bool good = false;
    status s = json_only_keys(object, keys, COUNT(keys), r->d);
    if (s == OK)
        s = json_text(object, "check", &name, r->d);
    if (s == OK && !cJSON_GetObjectItemCaseSensitive(object, "good"))
        s = diag_field(r->d, ERR_INVALID, "good", "missing; true or false is needed");
    if (s == OK)
        s = json_bool_or(object, "good", false, &good, r->d);
    if (s != OK)
        return s;
    gate_evidence *e = &r->file->evidence;
    for (size_t i = 0; i < r->policy->n_checks; i++) {
        if (strcmp(name, r->policy->checks[i]) != 0)
            continue;
        if (time_s >= e->checked_s[i]) {
            e->checked_s[i] = time_s;
            e->checked_good[i] = good;
        }
        return OK;
    }
    ignore(r, name);
    return OK;
}

/* A text that a report prints: bounded, no control characters. */
static status copy_text(const cJSON *object, const char *key, char *out, size_t size,
                        diag *d) {
    const char *text = NULL;
    status s = json_text(object, key, &text, d);
    if (s != OK)
        return s;
    if (strlen(text) >= size)
        return diag_field(d, ERR_LIMIT, key, "longer than %zu bytes", size - 1);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return diag_field(d, ERR_INVALID, key, "holds a control character");
    memcpy(out, text, strlen(text) + 1);
    return OK;
}

static status read_covers(reader *r, const cJSON *object, gate_approval *a) {
    const cJSON *list = NULL, *item;
    status s = json_list(object, "metrics", &list, r->d);
    if (s != OK)
        return s;
    cJSON_ArrayForEach(item, list) {
        size_t metric = cJSON_IsString(item) ? metric_named(r->policy, item->valuestring)
                                             : r->policy->n_metrics;
        if (metric == r->policy->n_metrics)
            return diag_field(r->d, ERR_INVALID, "metrics",
                              "names a metric that the policy does not have");
        if (!r->policy->metrics[metric].approvable)
            return diag_field(r->d, ERR_INVALID, "metrics",
                              "%s is not approvable in the policy",
                              r->policy->metrics[metric].name);
        a->covers[metric] = true;
    }
    return OK;
}

static status take_approval(reader *r, const cJSON *object, double time_s) {
    static const char *const keys[] = {"record",   "time",  "who",     "why",
                                       "audience", "share", "expires", "metrics"};
    gate_evidence *e = &r->file->evidence;
    gate_approval a = {.time_s = time_s};
    status s = json_only_keys(object, keys, COUNT(keys), r->d);
    if (s == OK)
        s = copy_text(object, "who", a.who, sizeof a.who, r->d);
    if (s == OK)
        s = copy_text(object, "why", a.why, sizeof a.why, r->d);
    if (s == OK)
        s = copy_text(object, "audience", a.audience, sizeof a.audience, r->d);
    if (s == OK)
        s = json_number(object, "share", 0, 1, &a.share, r->d);
    if (s == OK)
        s = read_time(object, "expires", &a.expires_s, r->d);
    if (s == OK)
        s = read_covers(r, object, &a);
    if (s == OK && e->n_approvals == GATE_APPROVALS_MAX)
        s = diag_field(r->d, ERR_LIMIT, "approval", "more than %d of them",
                       GATE_APPROVALS_MAX);
    if (s == OK)
        e->approvals[e->n_approvals++] = a;
    return s;
}

/* ---- lines ---- */

static status take_record(reader *r, const cJSON *object) {
    static const char *const kinds[] = {"traffic", "metric", "labels", "check",
                                        "approval"};
    const char *kind = NULL;
    double time_s = 0;
    status s = json_text(object, "record", &kind, r->d);
    if (s == OK)
        s = read_time(object, "time", &time_s, r->d);
    if (s != OK)
        return s;
    if (strcmp(kind, "traffic") == 0)
        s = take_traffic(r, object);
    else if (strcmp(kind, "metric") == 0)
        s = take_metric(r, object, time_s);
    else if (strcmp(kind, "labels") == 0)
        s = take_labels(r, object);
    else if (strcmp(kind, "check") == 0)
        s = take_check(r, object, time_s);
    else if (strcmp(kind, "approval") == 0)
        s = take_approval(r, object, time_s);
    else {
        const char *nearest = diag_nearest(kind, kinds, COUNT(kinds));
        s = diag_field(r->d, ERR_INVALID, "record",
                       "is \"%.40s\"; %s%straffic, metric, labels, check or approval is "
                       "needed",
                       kind, nearest ? nearest : "", nearest ? "? " : "");
    }
    r->file->evidence.newest_s = fmax(r->file->evidence.newest_s, time_s);
    r->file->records += s == OK;
    return s;
}

static status take_line(reader *r, const char *text, size_t n) {
    cJSON *object = NULL;
    if (r->d)
        r->d->field[0] = '\0';
    status s = json_parse(text, n, &object, r->d);
    if (s == OK && !cJSON_IsObject(object))
        s = diag_set(r->d, ERR_INVALID, "needs one JSON object on each line");
    if (s == OK)
        s = take_record(r, object);
    cJSON_Delete(object);
    return s;
}

static status take_lines(reader *r, const char *text, size_t n, const char *name) {
    int line = 0;
    for (size_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end ? (size_t)(end - (text + at)) : n - at;
        size_t blanks = 0;
        while (blanks < length && strchr(" \t\r", text[at + blanks]) && text[at + blanks])
            blanks++;
        diag_at(r->d, name, ++line, 0);
        if (length > (1u << 20))
            return diag_set(r->d, ERR_LIMIT, "a line longer than 1 MiB");
        status s = blanks < length ? take_line(r, text + at, length) : OK;
        if (s != OK)
            return s;
        at += length + 1;
    }
    diag_at(r->d, name, 0, 0);
    return r->file->records > 0 ? OK
                                : diag_set(r->d, ERR_INVALID, "holds no evidence at all");
}

status evidence_read_text(const char *text, size_t n, const char *name,
                          const gate_policy *p, evidence_file *out, diag *d) {
    evidence_file *f = calloc(1, sizeof *f);
    size_t cells = p->n_metrics * p->n_slices;
    if (f)
        f->evidence.cells = calloc(cells, sizeof *f->evidence.cells);
    status s = f && f->evidence.cells ? OK : ERR_MEMORY;
    if (s != OK)
        s = diag_set(d, s, "no memory for %zu cells", cells);
    for (size_t i = 0; s == OK && i < cells; i++)
        for (int arm = 0; arm < 2; arm++)
            histogram_init(&f->evidence.cells[i].arms[arm].sketch, INFINITY);
    reader r = {p, f, d};
    if (s == OK)
        s = take_lines(&r, text, n, name);
    if (s == OK)
        *out = *f;
    else if (f)
        evidence_deinit(f);
    free(f);
    return s;
}
