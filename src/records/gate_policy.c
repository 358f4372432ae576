#include "records/gate_policy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/yaml.h"
#include "records/slo_schema.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static status missing(const yaml_node *map, const char *field, const char *wanted,
                      diag *d) {
    yaml_at(map, d);
    return diag_field(d, ERR_INVALID, field, "missing; %s is needed", wanted);
}

/* A name: not empty, short, printable in a table. */
static status read_name(const yaml_node *map, const char *key, char *out, size_t size,
                        diag *d) {
    const yaml_node *n = yaml_get(map, key);
    if (!n)
        return missing(map, key, "a name", d);
    status s = yaml_string(n, key, out, size, d);
    if (s != OK)
        return s;
    for (const char *c = out; *c; c++)
        if ((unsigned char)*c < 0x21 || *c == ',') {
            yaml_at(n, d);
            return diag_field(d, ERR_INVALID, key,
                              "holds a blank or a comma; a name such as first-partial or "
                              "device=far-field is needed");
        }
    return out[0] ? OK : missing(n, key, "a name", d);
}

/* A free line of text that a report shows: no control characters. */
static status read_line(const yaml_node *map, const char *key, char *out, size_t size,
                        diag *d) {
    const yaml_node *n = yaml_get(map, key);
    status s = n ? yaml_string(n, key, out, size, d) : OK;
    for (char *c = out; s == OK && *c; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' '; /* a folded text keeps its last line end */
    size_t length = strlen(out);
    while (length > 0 && out[length - 1] == ' ')
        out[--length] = '\0';
    return s;
}

static status read_number(const yaml_node *map, const char *key, double min, double max,
                          double *out, diag *d) {
    const yaml_node *n = yaml_get(map, key);
    return n ? yaml_number(n, key, min, max, out, d) : OK;
}

static status read_bool(const yaml_node *map, const char *key, bool *out, diag *d) {
    const yaml_node *n = yaml_get(map, key);
    return n ? yaml_bool(n, key, out, d) : OK;
}

/* One of words[n]; needed unless *out already holds a default (>= 0). */
static status read_word(const yaml_node *map, const char *key, const char *const *words,
                        size_t n_words, int *out, diag *d) {
    const yaml_node *n = yaml_get(map, key);
    char list[128] = "";
    for (size_t i = 0; i < n_words; i++) {
        if (n && strcmp(yaml_text(n), words[i]) == 0) {
            *out = (int)i;
            return OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", words[i]);
    }
    if (!n && *out >= 0)
        return OK;
    if (!n)
        return missing(map, key, list, d);
    yaml_at(n, d);
    const char *nearest = diag_nearest(yaml_text(n), words, n_words);
    return diag_field(d, ERR_INVALID, key, "is \"%.40s\"; one of %s is needed%s%s%s",
                      yaml_text(n), list, nearest ? "; did you mean " : "",
                      nearest ? nearest : "", nearest ? "?" : "");
}

static status read_duration(const yaml_node *map, const char *key, double *out, diag *d) {
    const yaml_node *n = yaml_get(map, key);
    slo_duration duration;
    if (!n)
        return OK;
    if (!slo_duration_parse(yaml_text(n), &duration) || duration.months > 0) {
        yaml_at(n, d);
        return diag_field(d, ERR_INVALID, key,
                          "needs a whole number and one of m h d w, e.g. 24h");
    }
    *out = (double)duration.seconds;
    return OK;
}

/* ---- evidence asked for ---- */

static status read_labels(const yaml_node *map, gate_policy *p, diag *d) {
    static const char *const keys[] = {"audited", "wrong"};
    const yaml_node *labels = yaml_get(map, "labels");
    if (!labels)
        return OK;
    status s = yaml_only_keys(labels, keys, COUNT(keys), d);
    if (s == OK)
        s = read_number(labels, "audited", 1, 1e9, &p->audited, d);
    return s == OK ? read_number(labels, "wrong", 0, 1, &p->wrong, d) : s;
}

/* The policy's own; sample and detectable are defaults of its metrics. */
static status read_evidence(const yaml_node *root, gate_policy *p, double *sample,
                            double *detectable, diag *d) {
    static const char *const keys[] = {"sample", "detectable", "max_age", "traffic_alpha",
                                       "labels"};
    const yaml_node *map = yaml_get(root, "evidence");
    if (!map)
        return OK;
    status s = yaml_only_keys(map, keys, COUNT(keys), d);
    if (s == OK)
        s = read_number(map, "sample", 1, 1e12, sample, d);
    if (s == OK)
        s = read_number(map, "detectable", 1e-12, 1e12, detectable, d);
    if (s == OK)
        s = read_duration(map, "max_age", &p->max_age_s, d);
    if (s == OK)
        s = read_number(map, "traffic_alpha", 1e-9, 0.1, &p->traffic_alpha, d);
    return s == OK ? read_labels(map, p, d) : s;
}

static status read_metric_evidence(const yaml_node *map, gate_metric *m, diag *d) {
    static const char *const keys[] = {"sample", "detectable"};
    const yaml_node *evidence = yaml_get(map, "evidence");
    if (!evidence)
        return OK;
    m->sample = 0;
    m->detectable = INFINITY;
    status s = yaml_only_keys(evidence, keys, COUNT(keys), d);
    if (s == OK)
        s = read_number(evidence, "sample", 1, 1e12, &m->sample, d);
    return s == OK ? read_number(evidence, "detectable", 1e-12, 1e12, &m->detectable, d)
                   : s;
}

/* ---- arms, slices, approval ---- */

static status read_arms(const yaml_node *root, gate_policy *p, diag *d) {
    static const char *const keys[] = {"control", "candidate"};
    const yaml_node *arms = yaml_get(root, "arms");
    if (!arms)
        return missing(root, "arms", "control and candidate with their shares", d);
    status s = yaml_only_keys(arms, keys, 2, d);
    for (size_t i = 0; s == OK && i < 2; i++) {
        const yaml_node *share = yaml_get(arms, keys[i]);
        snprintf(p->arms[i], sizeof p->arms[i], "%s", keys[i]);
        s = share ? yaml_number(share, keys[i], 1e-6, 1e6, &p->shares[i], d)
                  : missing(arms, keys[i], "its share of traffic", d);
    }
    return s;
}

static const char *const breach_words[] = {"hold", "pause", "rollback"};

static status read_breach(const yaml_node *map, gate_outcome *out, diag *d) {
    int word = GATE_ROLLBACK - GATE_HOLD;
    status s = read_word(map, "on_breach", breach_words, COUNT(breach_words), &word, d);
    if (s == OK)
        *out = (gate_outcome)(GATE_HOLD + word);
    return s;
}

static size_t slice_named(const gate_policy *p, const char *name) {
    for (size_t i = 1; i < p->n_slices; i++)
        if (strcmp(p->slices[i].name, name) == 0)
            return i;
    return 0;
}

static status read_slice(const yaml_node *map, gate_policy *p, diag *d) {
    static const char *const keys[] = {"slice", "role", "routable", "on_breach"};
    static const char *const roles[] = {"protected", "exploratory"};
    gate_slice slice = {.name = ""};
    int role = -1;
    status s = yaml_only_keys(map, keys, COUNT(keys), d);
    if (s == OK)
        s = read_name(map, "slice", slice.name, sizeof slice.name, d);
    if (s == OK && (slice_named(p, slice.name) || strcmp(slice.name, "all") == 0)) {
        yaml_at(map, d);
        s = diag_field(d, ERR_INVALID, "slice", "%s is there already", slice.name);
    }
    if (s == OK)
        s = read_word(map, "role", roles, 2, &role, d);
    if (s == OK)
        s = read_bool(map, "routable", &slice.routable, d);
    if (s == OK)
        s = read_breach(map, &slice.on_breach, d);
    if (s == OK) {
        slice.is_protected = role == 0;
        p->slices[p->n_slices++] = slice;
    }
    return s;
}

/* The list behind key; NULL in *out when it is not there. */
static status find_list(const yaml_node *map, const char *key, size_t most,
                        const yaml_node **out, diag *d) {
    const yaml_node *list = yaml_get(map, key);
    if (list && yaml_kind_of(list) != YAML_LIST) {
        yaml_at(list, d);
        return diag_field(d, ERR_INVALID, key, "needs a list");
    }
    if (list && yaml_size(list) > most) {
        yaml_at(list, d);
        return diag_field(d, ERR_LIMIT, key, "has %zu entries; at most %zu are allowed",
                          yaml_size(list), most);
    }
    *out = list;
    return OK;
}

static status read_slices(const yaml_node *root, gate_policy *p, diag *d) {
    const yaml_node *list = NULL;
    p->n_slices = 1;
    snprintf(p->slices[0].name, sizeof p->slices[0].name, "all");
    p->slices[0].is_protected = true;
    p->slices[0].on_breach = GATE_ROLLBACK;
    status s = find_list(root, "slices", GATE_SLICES_MAX - 1, &list, d);
    for (size_t i = 0; s == OK && list && i < yaml_size(list); i++)
        s = read_slice(yaml_item(list, i), p, d);
    return s;
}

static status read_checks(const yaml_node *map, gate_policy *p, diag *d) {
    const yaml_node *list = NULL;
    status s = find_list(map, "checks", GATE_CHECKS_MAX, &list, d);
    for (size_t i = 0; s == OK && list && i < yaml_size(list); i++) {
        s = yaml_string(yaml_item(list, i), "checks", p->checks[i], GATE_NAME_BYTES, d);
        p->n_checks++;
    }
    return s;
}

static status read_approval(const yaml_node *root, gate_policy *p, diag *d) {
    static const char *const keys[] = {"audience", "longest", "checks"};
    const yaml_node *map = yaml_get(root, "approval");
    if (!map)
        return OK;
    status s = yaml_only_keys(map, keys, COUNT(keys), d);
    if (s == OK && !yaml_get(map, "audience"))
        s = missing(map, "audience", "the largest share of traffic, 0 to 1,", d);
    if (s == OK && !yaml_get(map, "longest"))
        s = missing(map, "longest", "how long an approval may live, e.g. 14d,", d);
    if (s == OK)
        s = read_number(map, "audience", 0, 1, &p->audience, d);
    if (s == OK)
        s = read_duration(map, "longest", &p->longest_s, d);
    return s == OK ? read_checks(map, p, d) : s;
}

/* ---- metrics ---- */

/* {relative: x} or {absolute: x}; every limit of a metric on the same scale. */
static status read_limit(const yaml_node *map, const char *key, gate_metric *m,
                         bool *has_scale, double *out, diag *d) {
    static const char *const keys[] = {"absolute", "relative"};
    const yaml_node *limit = yaml_get(map, key);
    if (!limit)
        return OK;
    if (yaml_kind_of(limit) != YAML_MAP || yaml_size(limit) != 1) {
        yaml_at(limit, d);
        return diag_field(d, ERR_INVALID, key,
                          "needs {relative: 0.03} or {absolute: 100}");
    }
    status s = yaml_only_keys(limit, keys, 2, d);
    if (s != OK)
        return s;
    bool relative = strcmp(yaml_key(limit, 0), "relative") == 0;
    if (*has_scale && relative != m->relative) {
        yaml_at(limit, d);
        return diag_field(d, ERR_INVALID, key,
                          "is %s, another limit of this metric is %s; one scale is "
                          "needed",
                          keys[relative], keys[!relative]);
    }
    *has_scale = true;
    m->relative = relative;
    return yaml_number(yaml_item(limit, 0), key, 0, 1e12, out, d);
}

static status read_limits(const yaml_node *map, gate_metric *m, diag *d) {
    bool has_scale = false;
    m->relative = m->measure == GATE_LATENCY || m->measure == GATE_SPREAD;
    m->tolerance = m->stop = INFINITY;
    status s = read_limit(map, "tolerance", m, &has_scale, &m->tolerance, d);
    if (s == OK)
        s = read_limit(map, "gain", m, &has_scale, &m->gain, d);
    return s == OK ? read_limit(map, "stop", m, &has_scale, &m->stop, d) : s;
}

static status read_on_slices(const yaml_node *map, const gate_policy *p, gate_metric *m,
                             diag *d) {
    const yaml_node *on = yaml_get(map, "slices");
    m->on[0] = true;
    if (!on)
        return OK;
    if (strcmp(yaml_text(on), "all") == 0) {
        for (size_t i = 1; i < p->n_slices; i++)
            m->on[i] = true;
        return OK;
    }
    const yaml_node *list = NULL;
    status s = find_list(map, "slices", GATE_SLICES_MAX - 1, &list, d);
    for (size_t i = 0; s == OK && i < yaml_size(list); i++) {
        size_t slice = slice_named(p, yaml_text(yaml_item(list, i)));
        if (slice == 0) {
            yaml_at(yaml_item(list, i), d);
            s = diag_field(d, ERR_INVALID, "slices",
                           "%.60s is not among the policy's slices",
                           yaml_text(yaml_item(list, i)));
        }
        m->on[slice] = true;
    }
    return s;
}

/* What has no range of its own. */
static status read_words(const yaml_node *map, gate_metric *m, diag *d) {
    static const char *const better[] = {"lower", "higher"};
    int measure = -1, role = -1;
    int direction = 0;
    status s = read_name(map, "metric", m->name, sizeof m->name, d);
    if (s == OK)
        s = read_word(map, "measure", gate_measure_names, GATE_COUNT + 1, &measure, d);
    if (s == OK)
        s = read_word(map, "role", gate_role_names, GATE_WATCH + 1, &role, d);
    if (s == OK && measure != GATE_COUNT)
        direction = -1;
    if (s == OK)
        s = read_word(map, "better", better, 2, &direction, d);
    if (s == OK)
        s = read_line(map, "unit", m->unit, sizeof m->unit, d);
    if (s == OK)
        s = read_line(map, "advice", m->advice, sizeof m->advice, d);
    if (s != OK)
        return s;
    m->measure = (gate_measure)measure;
    m->role = (gate_role)role;
    m->higher_is_better = direction == 1;
    return OK;
}

/* A key that this kind of metric does not have: better an error than a limit that nobody
 * looks at. */
static status refuse_idle_keys(const yaml_node *map, const gate_metric *m, diag *d) {
    const char *key = NULL;
    if (m->role != GATE_GAIN && yaml_get(map, "gain"))
        key = "gain";
    else if (m->measure != GATE_QUANTILE && yaml_get(map, "quantile"))
        key = "quantile";
    else if (m->measure == GATE_COUNT && yaml_get(map, "stop"))
        key = "stop";
    if (!key)
        return OK;
    yaml_at(yaml_get(map, key), d);
    return diag_field(d, ERR_INVALID, key, "means nothing for a %s %s",
                      gate_role_names[m->role], gate_measure_names[m->measure]);
}

static status read_metric(const yaml_node *map, gate_policy *p, gate_metric *m, diag *d) {
    static const char *const keys[] = {"metric",   "measure",   "quantile",  "unit",
                                       "better",   "role",      "tolerance", "gain",
                                       "stop",     "slices",    "labels",    "approvable",
                                       "evidence", "on_breach", "advice"};
    status s = yaml_only_keys(map, keys, COUNT(keys), d);
    if (s == OK)
        s = read_words(map, m, d);
    for (size_t i = 0; s == OK && i < p->n_metrics; i++)
        if (strcmp(p->metrics[i].name, m->name) == 0) {
            yaml_at(map, d);
            s = diag_field(d, ERR_INVALID, "metric", "%s is there already", m->name);
        }
    if (s == OK)
        s = read_number(map, "quantile", 0, 1, &m->quantile, d);
    if (s == OK)
        s = refuse_idle_keys(map, m, d);
    if (s == OK)
        s = read_limits(map, m, d);
    if (s == OK)
        s = read_on_slices(map, p, m, d);
    if (s == OK)
        s = read_bool(map, "labels", &m->labels, d);
    if (s == OK)
        s = read_bool(map, "approvable", &m->approvable, d);
    if (s == OK)
        s = read_metric_evidence(map, m, d);
    if (s == OK)
        s = read_breach(map, &m->on_breach, d);
    if (s == OK) {
        yaml_at(map, d);
        s = gate_metric_check(p, m, d);
    }
    return s;
}

static status read_metrics(const yaml_node *root, gate_policy *p, double sample,
                           double detectable, diag *d) {
    const yaml_node *list = NULL;
    status s = find_list(root, "metrics", GATE_METRICS_MAX, &list, d);
    if (s == OK && (!list || yaml_size(list) == 0))
        return missing(root, "metrics", "a list of at least one", d);
    for (size_t i = 0; s == OK && i < yaml_size(list); i++) {
        gate_metric *m = &p->metrics[p->n_metrics];
        m->sample = sample;
        m->detectable = detectable;
        s = read_metric(yaml_item(list, i), p, m, d);
        p->n_metrics += s == OK;
    }
    return s;
}

static status read_root(const yaml_node *root, gate_policy *p, diag *d) {
    static const char *const keys[] = {"gate",   "kind",     "arms",    "alpha",
                                       "slices", "approval", "metrics", "evidence"};
    double sample = 0, detectable = INFINITY;
    status s = yaml_only_keys(root, keys, COUNT(keys), d);
    if (s == OK)
        s = read_name(root, "gate", p->name, sizeof p->name, d);
    if (s == OK)
        s = read_line(root, "kind", p->kind, sizeof p->kind, d);
    if (s == OK)
        s = read_arms(root, p, d);
    if (s == OK)
        s = read_number(root, "alpha", 1e-6, 0.4, &p->alpha, d);
    if (s == OK)
        s = read_evidence(root, p, &sample, &detectable, d);
    if (s == OK)
        s = read_slices(root, p, d);
    if (s == OK)
        s = read_approval(root, p, d);
    if (s == OK)
        s = read_metrics(root, p, sample, detectable, d);
    if (s == OK) {
        yaml_at(root, d);
        s = gate_policy_check(p, d);
    }
    return s;
}

status gate_policy_read_text(const char *text, size_t n, const char *name,
                             gate_policy *out, diag *d) {
    yaml_document *document = NULL;
    status s = yaml_load_text(text, n, name, &document, d);
    if (s != OK)
        return s;
    gate_policy *p = calloc(1, sizeof *p);
    const yaml_node *root = yaml_root(document);
    diag_at(d, name, 0, 0);
    if (!p)
        s = diag_set(d, ERR_MEMORY, "no memory for the policy");
    else if (!root)
        s = diag_set(d, ERR_INVALID, "is empty; a gate is needed");
    if (s == OK) {
        p->alpha = 0.05;
        p->traffic_alpha = 0.001;
        p->max_age_s = INFINITY;
        p->audited = 200;
        p->wrong = 0.05;
        s = read_root(root, p, d);
    }
    if (s == OK)
        *out = *p;
    free(p);
    yaml_destroy(document);
    return s;
}
