/* Reading objects and what the fields of one object demand of each other. What objects
 * demand of other objects is slo_objectives.c's. */
#include "records/slo_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "records/slo_objects.h"

slo_files *slo_files_create(void) {
    return calloc(1, sizeof(slo_files));
}

void slo_files_destroy(slo_files *f) {
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++)
        yaml_destroy(f->items[i].document);
    free(f);
}

size_t slo_files_count(const slo_files *f, slo_kind kind) {
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++)
        n += f->items[i].kind == kind;
    return n;
}

status slo_refuse(const yaml_node *at, const char *field, diag *d, const char *text) {
    yaml_at(at, d);
    return diag_field(d, ERR_INVALID, field, "%s", text);
}

/* Exactly one of the two keys. */
static status one_of(const yaml_node *map, const char *path, const char *a, const char *b,
                     diag *d) {
    bool has_a = yaml_get(map, a), has_b = yaml_get(map, b);
    if (has_a != has_b)
        return OK;
    yaml_at(map, d);
    return diag_field(d, ERR_INVALID, path, "needs exactly one of %s and %s", a, b);
}

static status check_source(const yaml_node *metric, const char *path, diag *d) {
    const yaml_node *source = slo_get(metric, "metricSource");
    if (yaml_get(source, "type") || yaml_get(source, "metricSourceRef"))
        return OK;
    yaml_at(source, d);
    return diag_field(d, ERR_INVALID, path,
                      "metricSource needs a type, unless metricSourceRef names a "
                      "DataSource");
}

static status check_ratio(const yaml_node *ratio, diag *d) {
    static const char at[] = "spec.ratioMetric";
    bool good = yaml_get(ratio, "good"), bad = yaml_get(ratio, "bad");
    bool total = yaml_get(ratio, "total"), raw = yaml_get(ratio, "raw");
    bool raw_type = yaml_get(ratio, "rawType");
    if (raw && (good || bad || total))
        return slo_refuse(ratio, at, d, "raw goes without good, bad and total");
    if (raw != raw_type)
        return slo_refuse(ratio, at, d, "raw and rawType go together");
    if (!raw && good == bad)
        return slo_refuse(ratio, at, d,
                          "needs exactly one of good and bad with total, or raw");
    if (!raw && !total)
        return slo_refuse(ratio, at, d, "good or bad needs total beside it");
    static const char *const parts[] = {"good", "bad", "total", "raw"};
    status s = OK;
    for (size_t i = 0; s == OK && i < sizeof parts / sizeof parts[0]; i++)
        if (yaml_get(ratio, parts[i]))
            s = check_source(yaml_get(ratio, parts[i]), at, d);
    return s;
}

/* The spec of an SLI, inline or not. */
static status check_sli(const yaml_node *spec, diag *d) {
    status s = one_of(spec, "spec", "thresholdMetric", "ratioMetric", d);
    if (s != OK)
        return s;
    const yaml_node *threshold = yaml_get(spec, "thresholdMetric");
    return threshold ? check_source(threshold, "spec.thresholdMetric", d)
                     : check_ratio(yaml_get(spec, "ratioMetric"), d);
}

/* An item that is a reference, or the object itself with its metadata and spec. */
static status check_inline(const yaml_node *item, const char *path, const char *reference,
                           const char *kind, diag *d) {
    status s = one_of(item, path, reference, "spec", d);
    if (s != OK || yaml_get(item, reference))
        return s;
    if (!yaml_get(item, "metadata"))
        return slo_refuse(item, path, d, "an inline object needs metadata with a name");
    if (yaml_get(item, "kind") && strcmp(slo_text(item, "kind"), kind) != 0) {
        yaml_at(yaml_get(item, "kind"), d);
        return diag_field(d, ERR_INVALID, path, "kind is \"%.64s\"; needs %s",
                          slo_text(item, "kind"), kind);
    }
    return OK;
}

static status check_policy(const yaml_node *spec, diag *d) {
    const yaml_node *condition = yaml_item(yaml_get(spec, "conditions"), 0);
    status s = check_inline(condition, "spec.conditions[0]", "conditionRef",
                            "AlertCondition", d);
    const yaml_node *targets = yaml_get(spec, "notificationTargets");
    for (size_t i = 0; s == OK && i < yaml_size(targets); i++)
        s = check_inline(yaml_item(targets, i), "spec.notificationTargets[]", "targetRef",
                         "AlertNotificationTarget", d);
    return s;
}

/* An objective by itself; `threshold` when its indicator is here and is one. */
static status check_objective(const yaml_node *o, const yaml_node *spec, bool composite,
                              diag *d) {
    const char *method = slo_text(spec, "budgetingMethod");
    bool slices = strcmp(method, "Occurrences") != 0;
    status s = one_of(o, "spec.objectives[]", "target", "targetPercent", d);
    if (s == OK && composite)
        s = one_of(o, "spec.objectives[]", "indicator", "indicatorRef", d);
    if (s != OK)
        return s;
    if (!composite && (yaml_get(o, "indicator") || yaml_get(o, "indicatorRef")))
        return slo_refuse(o, "spec.objectives[].indicator", d,
                          "the SLO has an indicator already; objectives have their own "
                          "only without it");
    if (strcmp(method, "Timeslices") == 0 && !yaml_get(o, "timeSliceTarget"))
        return slo_refuse(o, "spec.objectives[].timeSliceTarget", d,
                          "missing; Timeslices needs it");
    if (slices && !yaml_get(o, "timeSliceWindow"))
        return slo_refuse(o, "spec.objectives[].timeSliceWindow", d,
                          "missing; time slices need their length");
    if (yaml_get(o, "compositeWeight") && yaml_size(yaml_get(spec, "objectives")) < 2)
        return slo_refuse(yaml_get(o, "compositeWeight"),
                          "spec.objectives[].compositeWeight", d,
                          "a weight needs several objectives");
    const yaml_node *own = yaml_get(o, "indicator");
    return own ? check_sli(yaml_get(own, "spec"), d) : OK;
}

static status check_window(const yaml_node *window, diag *d) {
    const yaml_node *calendar = yaml_get(window, "calendar");
    bool rolling = !calendar;
    if (yaml_get(window, "isRolling"))
        rolling = strcmp(slo_text(window, "isRolling"), "true") == 0;
    if (rolling == !calendar)
        return OK;
    return slo_refuse(window, "spec.timeWindow[0]", d,
                      rolling ? "isRolling is true; a calendar period does not roll"
                              : "isRolling is false; that needs a calendar");
}

static status check_slo(const yaml_node *spec, diag *d) {
    const yaml_node *objectives = yaml_get(spec, "objectives");
    const yaml_node *inner = yaml_get(spec, "indicator");
    bool composite = !inner && !yaml_get(spec, "indicatorRef");
    const yaml_node *first = yaml_item(objectives, 0);
    if (inner && yaml_get(spec, "indicatorRef"))
        return slo_refuse(spec, "spec", d,
                          "needs exactly one of indicator and indicatorRef");
    if (composite && !yaml_get(first, "indicator") && !yaml_get(first, "indicatorRef"))
        return slo_refuse(spec, "spec.indicator", d,
                          "missing; needs indicator or indicatorRef, here or in every "
                          "objective");
    status s = inner ? check_sli(yaml_get(inner, "spec"), d) : OK;
    for (size_t i = 0; s == OK && i < yaml_size(objectives); i++)
        s = check_objective(yaml_item(objectives, i), spec, composite, d);
    const yaml_node *windows = yaml_get(spec, "timeWindow");
    if (s == OK && windows)
        s = check_window(yaml_item(windows, 0), d);
    const yaml_node *policies = yaml_get(spec, "alertPolicies");
    for (size_t i = 0; s == OK && policies && i < yaml_size(policies); i++) {
        const yaml_node *item = yaml_item(policies, i);
        s = check_inline(item, "spec.alertPolicies[]", "alertPolicyRef", "AlertPolicy",
                         d);
        if (s == OK && yaml_get(item, "spec"))
            s = check_policy(yaml_get(item, "spec"), d);
    }
    return s;
}

static status check_object(const yaml_node *root, slo_kind kind, diag *d) {
    const yaml_node *spec = yaml_get(root, "spec");
    switch (kind) {
    case SLO_KIND_SLO:
        return check_slo(spec, d);
    case SLO_KIND_SLI:
        return check_sli(spec, d);
    case SLO_KIND_ALERT_POLICY:
        return check_policy(spec, d);
    default:
        return OK;
    }
}

const slo_object *slo_object_find(const slo_files *f, slo_kind kind, const char *name) {
    for (size_t i = 0; i < f->n; i++)
        if (f->items[i].kind == kind &&
            strcmp(slo_text(yaml_root(f->items[i].document), "metadata.name"), name) == 0)
            return &f->items[i];
    return NULL;
}

/* One document; takes it. */
static status take_object(slo_files *f, yaml_document *document, diag *d) {
    const yaml_node *root = yaml_root(document);
    if (!root) {
        yaml_destroy(document);
        return OK; /* nothing between two "---" */
    }
    slo_kind kind = SLO_KINDS;
    status s = slo_schema_check(root, &kind, d);
    if (s == OK)
        s = check_object(root, kind, d);
    if (s == OK && f->n == SLO_OBJECTS_MAX)
        s = diag_set(d, ERR_LIMIT, "more than %d objects", SLO_OBJECTS_MAX);
    const char *name = slo_text(root, "metadata.name");
    if (s == OK && slo_object_find(f, kind, name)) {
        yaml_at(slo_get(root, "metadata.name"), d);
        s = diag_field(d, ERR_EXISTS, "metadata.name", "there is already a %s \"%s\"",
                       slo_kinds[kind], name);
    }
    if (s != OK) {
        yaml_destroy(document);
        return s;
    }
    f->items[f->n++] = (slo_object){document, kind};
    return OK;
}

/* Bytes up to the next line that begins with "---", or to the end. */
static size_t document_bytes(const char *text, size_t n) {
    for (size_t i = 0; i + 4 < n; i++)
        if (text[i] == '\n' && memcmp(text + i + 1, "---", 3) == 0)
            return i + 1;
    return n;
}

status slo_files_read_text(slo_files *f, const char *text, size_t n, const char *name,
                           diag *d) {
    if (n > LIMIT_CONFIG_BYTES) {
        diag_at(d, name, 0, 0);
        return diag_set(d, ERR_LIMIT, "larger than %u bytes", LIMIT_CONFIG_BYTES);
    }
    status s = OK;
    size_t lines = 0;
    for (size_t at = 0; s == OK && at < n;) {
        size_t bytes = document_bytes(text + at, n - at);
        buf piece; /* with empty lines for all before it: places stay true */
        buf_init(&piece, LIMIT_CONFIG_BYTES);
        for (size_t i = 0; i < lines; i++)
            buf_add(&piece, "\n", 1);
        buf_add(&piece, text + at, bytes);
        yaml_document *document = NULL;
        s = piece.failed ? diag_set(d, ERR_MEMORY, "no memory for the file")
                         : yaml_load_text((const char *)piece.data, piece.size, name,
                                          &document, d);
        buf_deinit(&piece);
        if (s == OK)
            s = take_object(f, document, d);
        for (size_t i = 0; i < bytes; i++)
            lines += text[at + i] == '\n';
        at += bytes;
    }
    return s;
}

status slo_files_read(slo_files *f, const char *path, diag *d) {
    diag_at(d, path, 0, 0);
    FILE *file = fopen(path, "rb");
    if (!file)
        return diag_set(d, ERR_IO, "cannot be read: %s", strerror(errno));
    buf text;
    buf_init(&text, LIMIT_CONFIG_BYTES + 1);
    char piece[8192];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, file)) > 0 && !text.failed)
        buf_add(&text, piece, n);
    bool broken = ferror(file);
    (void)fclose(file);
    status s;
    size_t before = f->n;
    if (broken)
        s = diag_set(d, ERR_IO, "reading failed; it must be a file");
    else if (text.failed)
        s = diag_set(d, ERR_LIMIT, "larger than %u bytes", LIMIT_CONFIG_BYTES);
    else
        s = slo_files_read_text(f, buf_text(&text), text.size, path, d);
    buf_deinit(&text);
    if (s == OK && f->n == before)
        return diag_set(d, ERR_INVALID, "holds no OpenSLO object");
    return s;
}
