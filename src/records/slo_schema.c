#include "records/slo_schema.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum {
    TEXT,   /* at most `most` bytes where given */
    NAME,   /* RFC 1123 label */
    WORD,   /* one of `words` */
    NUMBER, /* low..high */
    BOOL,
    DURATION,
    SLICE,       /* a duration, or a number of minutes */
    LOCAL_TIME,  /* YYYY-MM-DD hh:mm:ss */
    MAP,         /* of `fields` */
    LIST,        /* of maps of `fields`, at least one, at most `most` where given */
    MAYBE_EMPTY, /* the same, none allowed */
    LABELS,      /* strings or lists of strings by key */
    ANNOTATIONS, /* strings by key */
    ANY
} field_type;

typedef struct field {
    const char *name;
    field_type type;
    bool needed;
    const struct field *fields; /* ends with a row without a name */
    const char *const *words;   /* ends with NULL */
    double low, high;
    const char *range; /* low..high in words */
    size_t most;
} field;

#define F(field_name, field_type) .name = field_name, .type = field_type
#define NEEDED .needed = true
#define OF(table) .fields = table
#define END                                                                              \
    { .name = NULL }
#define BELOW_1 0x1.fffffffffffffp-1   /* the largest double under 1 */
#define BELOW_100 0x1.8ffffffffffffp+6 /* and under 100 */
#define ABOVE_0 DBL_MIN

const char *const slo_kinds[SLO_KINDS] = {
    "SLO",        "SLI",     "AlertPolicy", "AlertCondition", "AlertNotificationTarget",
    "DataSource", "Service",
};
static const char *const api_versions[] = {"openslo/v1", NULL};
static const char *const methods[] = {"Occurrences", "Timeslices", "RatioTimeslices",
                                      NULL};
static const char *const operators[] = {"lte", "gte", "lt", "gt", NULL};
static const char *const raw_types[] = {"success", "failure", NULL};
static const char *const condition_kinds[] = {"burnrate", NULL};

static const field metadata[] = {{F("name", NAME), NEEDED},
                                 {F("displayName", TEXT)},
                                 {F("labels", LABELS)},
                                 {F("annotations", ANNOTATIONS)},
                                 END};

#define DESCRIPTION                                                                      \
    { F("description", TEXT), .most = SLO_DESCRIPTION_BYTES - 1 }

static const field source_spec[] = {
    {F("metricSourceRef", TEXT)}, {F("type", TEXT)}, {F("spec", ANY), NEEDED}, END};
static const field metric[] = {{F("metricSource", MAP), NEEDED, OF(source_spec)}, END};
static const field ratio[] = {{F("counter", BOOL)},
                              {F("good", MAP), OF(metric)},
                              {F("bad", MAP), OF(metric)},
                              {F("total", MAP), OF(metric)},
                              {F("rawType", WORD), .words = raw_types},
                              {F("raw", MAP), OF(metric)},
                              END};
static const field sli[] = {DESCRIPTION,
                            {F("thresholdMetric", MAP), OF(metric)},
                            {F("ratioMetric", MAP), OF(ratio)},
                            END};

/* An object written where it is used: with or without apiVersion and kind. */
#define INLINE(table)                                                                    \
    {F("apiVersion", WORD), .words = api_versions}, {F("kind", TEXT)},                   \
        {F("metadata", MAP), OF(metadata)}, {                                            \
        F("spec", MAP), OF(table)                                                        \
    }

static const field inline_sli[] = {{F("apiVersion", WORD), .words = api_versions},
                                   {F("kind", TEXT)},
                                   {F("metadata", MAP), NEEDED, OF(metadata)},
                                   {F("spec", MAP), NEEDED, OF(sli)},
                                   END};

static const field condition_inner[] = {
    {F("kind", WORD), .words = condition_kinds},
    {F("op", WORD), NEEDED, .words = operators},
    {F("threshold", NUMBER), NEEDED, .low = 0, .high = 1e9,
     .range = "a number of 0 or more"},
    {F("lookbackWindow", DURATION), NEEDED},
    {F("alertAfter", SLICE)}, /* "0m" is allowed: see check_scalar */
    END};
static const field alert_condition[] = {
    DESCRIPTION,
    {F("severity", TEXT), NEEDED, .most = 31},
    {F("condition", MAP), NEEDED, OF(condition_inner)},
    END};
static const field notification_target[] = {
    {F("target", TEXT), NEEDED}, DESCRIPTION, END};
static const field policy_conditions[] = {
    {F("conditionRef", TEXT)}, INLINE(alert_condition), END};
static const field policy_targets[] = {
    {F("targetRef", TEXT)}, INLINE(notification_target), END};
static const field alert_policy[] = {
    DESCRIPTION,
    {F("alertWhenBreaching", BOOL)},
    {F("alertWhenResolved", BOOL)},
    {F("alertWhenNoData", BOOL)},
    {F("conditions", LIST), NEEDED, OF(policy_conditions), .most = 1},
    {F("notificationTargets", MAYBE_EMPTY), NEEDED, OF(policy_targets)},
    END};

static const field calendar[] = {
    {F("startTime", LOCAL_TIME)}, {F("timeZone", TEXT)}, END};
static const field time_window[] = {{F("duration", DURATION), NEEDED},
                                    {F("isRolling", BOOL)},
                                    {F("calendar", MAP), OF(calendar)},
                                    END};
static const field objective[] = {
    {F("displayName", TEXT)},
    {F("op", WORD), .words = operators},
    {F("value", NUMBER), .low = -1e15, .high = 1e15, .range = "a number"},
    {F("target", NUMBER), .low = 0, .high = BELOW_1,
     .range = "a share from 0 to below 1, e.g. 0.999"},
    {F("targetPercent", NUMBER), .low = 0, .high = BELOW_100,
     .range = "a percentage from 0 to below 100, e.g. 99.9"},
    {F("timeSliceTarget", NUMBER), .low = ABOVE_0, .high = 1,
     .range = "a share above 0, up to 1"},
    {F("timeSliceWindow", SLICE)},
    {F("indicator", MAP), OF(inline_sli)},
    {F("indicatorRef", TEXT)},
    {F("compositeWeight", NUMBER), .low = ABOVE_0, .high = DBL_MAX,
     .range = "a number above 0"},
    END};
static const field slo_policies[] = {
    {F("alertPolicyRef", TEXT)}, INLINE(alert_policy), END};
static const field slo[] = {DESCRIPTION,
                            {F("service", TEXT), NEEDED},
                            {F("indicator", MAP), OF(inline_sli)},
                            {F("indicatorRef", TEXT)},
                            {F("timeWindow", LIST), OF(time_window), .most = 1},
                            {F("budgetingMethod", WORD), NEEDED, .words = methods},
                            {F("objectives", LIST), NEEDED, OF(objective)},
                            {F("alertPolicies", MAYBE_EMPTY), OF(slo_policies)},
                            END};

static const field data_source[] = {
    DESCRIPTION, {F("type", TEXT), NEEDED}, {F("connectionDetails", ANY)}, END};
static const field service[] = {DESCRIPTION, END};

static const field *const specs[SLO_KINDS] = {
    slo, sli, alert_policy, alert_condition, notification_target, data_source, service};

bool slo_duration_parse(const char *text, slo_duration *out) {
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 6 || strlen(text) != digits + 1)
        return false;
    int64_t n = strtol(text, NULL, 10);
    static const struct {
        char letter;
        slo_duration each;
    } units[] = {{'m', {60, 0}}, {'h', {3600, 0}}, {'d', {86400, 0}}, {'w', {604800, 0}},
                 {'M', {0, 1}},  {'Q', {0, 3}},    {'Y', {0, 12}}};
    for (size_t i = 0; n > 0 && i < sizeof units / sizeof units[0]; i++)
        if (units[i].letter == text[digits]) {
            *out = (slo_duration){n * units[i].each.seconds, n * units[i].each.months};
            return true;
        }
    return false;
}

static bool alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* text[n]: characters of letters and digits or `between`, with letters or digits at both
 * ends. */
static bool is_token(const char *text, size_t n, size_t most, const char *between) {
    if (n == 0 || n > most || !alphanumeric(text[0]) || !alphanumeric(text[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!alphanumeric(text[i]) && !strchr(between, text[i]))
            return false;
    return true;
}

static bool is_name(const char *text) {
    for (const char *c = text; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            return false;
    return is_token(text, strlen(text), 63, "-");
}

/* "2026-01-31 08:00:00", each part in its range. */
static bool is_local_time(const char *text) {
    static const char shape[] = "dddd-dd-dd dd:dd:dd";
    if (strlen(text) != sizeof shape - 1)
        return false;
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return false;
    int month = atoi(text + 5), day = atoi(text + 8);
    return month >= 1 && month <= 12 && day >= 1 && day <= 31 && atoi(text + 11) < 24 &&
           atoi(text + 14) < 60 && atoi(text + 17) < 60;
}

static status wrong(const yaml_node *at, const char *path, diag *d, const char *wanted) {
    yaml_at(at, d);
    return diag_field(d, ERR_INVALID, path, "needs %s", wanted);
}

static status check_word(const yaml_node *n, const field *f, const char *path, diag *d) {
    const char *text = yaml_text(n);
    char all[160] = "";
    size_t i = 0;
    for (; f->words[i]; i++) {
        if (strcmp(f->words[i], text) == 0)
            return OK;
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", f->words[i]);
    }
    yaml_at(n, d);
    if (strlen(text) > 64)
        return diag_field(d, ERR_INVALID, path, "needs one of %s", all);
    return diag_field(d, ERR_INVALID, path, "is \"%s\"; needs %s%s", text,
                      i > 1 ? "one of " : "", all);
}

static status check_scalar(const yaml_node *n, const field *f, const char *path,
                           diag *d) {
    if (yaml_kind_of(n) != YAML_SCALAR)
        return wrong(n, path, d, "one value, not a map or a list");
    const char *text = yaml_text(n);
    slo_duration duration;
    double number;
    int64_t minutes;
    bool flag;
    switch (f->type) {
    case TEXT:
        if (f->needed && !*text)
            return wrong(n, path, d, "a text");
        if (strlen(text) > (f->most ? f->most : SLO_QUERY_BYTES - 1)) {
            yaml_at(n, d);
            return diag_field(d, ERR_LIMIT, path, "longer than %zu bytes",
                              f->most ? f->most : SLO_QUERY_BYTES - 1);
        }
        return OK;
    case NAME:
        return is_name(text) ? OK
                             : wrong(n, path, d,
                                     "an RFC 1123 label: at most 63 lower-case letters, "
                                     "digits or \"-\", none of those at the ends");
    case WORD:
        return check_word(n, f, path, d);
    case NUMBER:
        return yaml_number(n, path, f->low, f->high, &number, NULL) == OK
                   ? OK
                   : wrong(n, path, d, f->range);
    case BOOL:
        return yaml_bool(n, path, &flag, d);
    case DURATION:
        if (!slo_duration_parse(text, &duration))
            return wrong(n, path, d,
                         "a duration: a whole number and one of m h d w M Q Y, e.g. 30d");
        return OK;
    case SLICE: /* "0m" and bare minutes */
        if (strcmp(text, "0m") == 0 || slo_duration_parse(text, &duration))
            return OK;
        return yaml_integer(n, path, 0, 999999, &minutes, NULL) == OK
                   ? OK
                   : wrong(n, path, d,
                           "a duration such as 5m, or a whole number of minutes");
    case LOCAL_TIME:
        return is_local_time(text)
                   ? OK
                   : wrong(n, path, d, "a time without zone, YYYY-MM-DD hh:mm:ss");
    default:
        return OK;
    }
}

/* A key of labels (no prefix) or annotations (optional "prefix/"). */
static bool is_key(const char *key, bool prefixed) {
    const char *slash = prefixed ? strchr(key, '/') : NULL;
    if (slash && !is_token(key, (size_t)(slash - key), 253, "-."))
        return false;
    const char *name = slash ? slash + 1 : key;
    return is_token(name, strlen(name), 63, "-_.");
}

static status check_strings(const yaml_node *n, const field *f, const char *path,
                            diag *d) {
    bool annotations = f->type == ANNOTATIONS;
    if (yaml_kind_of(n) != YAML_MAP)
        return wrong(n, path, d, "a map of keys and texts");
    for (size_t i = 0; i < yaml_size(n); i++) {
        const char *key = yaml_key(n, i);
        const yaml_node *value = yaml_item(n, i);
        if (!is_key(key, annotations))
            return wrong(
                yaml_key_node(n, i), path, d,
                "keys of at most 63 letters, digits, \"-\", \"_\" or \".\", with "
                "letters or digits at the ends");
        if (annotations && strncmp(key, "openslo.com/", 12) == 0)
            return wrong(yaml_key_node(n, i), path, d,
                         "another prefix: openslo.com is reserved");
        bool list = !annotations && yaml_kind_of(value) == YAML_LIST;
        for (size_t k = 0; list && k < yaml_size(value); k++)
            if (yaml_kind_of(yaml_item(value, k)) != YAML_SCALAR)
                return wrong(yaml_item(value, k), path, d, "a list of texts");
        if (!list && yaml_kind_of(value) != YAML_SCALAR)
            return wrong(value, path, d, "texts as values");
    }
    return OK;
}

static status check_map(const yaml_node *map, const field *fields, const char *path,
                        diag *d);

static status check_list(const yaml_node *n, const field *f, const char *path, diag *d) {
    if (yaml_kind_of(n) != YAML_LIST)
        return wrong(n, path, d, "a list");
    size_t size = yaml_size(n);
    if ((size == 0 && f->type == LIST) || (f->most && size > f->most)) {
        yaml_at(n, d);
        return diag_field(d, ERR_INVALID, path, "has %zu items; needs %s", size,
                          f->most == 1 ? "exactly one" : "at least one");
    }
    for (size_t i = 0; i < size; i++) {
        char item[192];
        snprintf(item, sizeof item, "%.160s[%zu]", path, i);
        status s = check_map(yaml_item(n, i), f->fields, item, d);
        if (s != OK)
            return s;
    }
    return OK;
}

static status check_field(const yaml_node *n, const field *f, const char *path, diag *d) {
    switch (f->type) {
    case MAP:
        return check_map(n, f->fields, path, d);
    case LIST:
    case MAYBE_EMPTY:
        return check_list(n, f, path, d);
    case LABELS:
    case ANNOTATIONS:
        return check_strings(n, f, path, d);
    case ANY:
        return OK;
    default:
        return check_scalar(n, f, path, d);
    }
}

static status check_map(const yaml_node *map, const field *fields, const char *path,
                        diag *d) {
    enum { FIELDS_MOST = 16 };
    const char *names[FIELDS_MOST];
    size_t n = 0;
    for (; fields[n].name; n++)
        names[n] = fields[n].name;
    if (yaml_kind_of(map) != YAML_MAP)
        return wrong(map, path, d, "a map of keys and values");
    status s = yaml_only_keys(map, names, n, d);
    for (size_t i = 0; s == OK && i < n; i++) {
        char inner[224];
        snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "." : "", names[i]);
        const yaml_node *value = yaml_get(map, names[i]);
        if (value) {
            s = check_field(value, &fields[i], inner, d);
        } else if (fields[i].needed) {
            yaml_at(map, d);
            s = diag_field(d, ERR_INVALID, inner, "missing; it is needed");
        }
    }
    return s;
}

status slo_schema_check(const yaml_node *document, slo_kind *out_kind, diag *d) {
    if (yaml_kind_of(document) != YAML_MAP)
        return wrong(document, "", d,
                     "an OpenSLO object: a map with apiVersion and kind");
    const char *kind = slo_text(document, "kind");
    size_t k = 0;
    while (k < SLO_KINDS && strcmp(slo_kinds[k], kind) != 0)
        k++;
    const yaml_node *at = yaml_get(document, "kind");
    if (!at || k == SLO_KINDS) {
        const char *nearest = at ? diag_nearest(kind, slo_kinds, SLO_KINDS) : NULL;
        yaml_at(at ? at : document, d);
        if (nearest)
            return diag_field(d, ERR_INVALID, "kind", "unknown; did you mean %s?",
                              nearest);
        return diag_field(d, ERR_INVALID, "kind",
                          "needs one of SLO, SLI, AlertPolicy, AlertCondition, "
                          "AlertNotificationTarget, DataSource, Service");
    }
    const field whole[] = {{F("apiVersion", WORD), NEEDED, .words = api_versions},
                           {F("kind", TEXT), NEEDED},
                           {F("metadata", MAP), NEEDED, OF(metadata)},
                           {F("spec", MAP), NEEDED, OF(specs[k])},
                           END};
    status s = check_map(document, whole, "", d);
    if (s == OK)
        *out_kind = (slo_kind)k;
    return s;
}

const yaml_node *slo_get(const yaml_node *map, const char *path) {
    while (map && *path) {
        char key[64];
        size_t n = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        map = yaml_get(map, key);
        path += n + (path[n] == '.');
    }
    return map;
}

const char *slo_text(const yaml_node *map, const char *path) {
    const yaml_node *n = slo_get(map, path);
    return n ? yaml_text(n) : "";
}
