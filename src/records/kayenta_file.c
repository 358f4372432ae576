#include "records/kayenta_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records/json.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

void kayenta_file_deinit(kayenta_file *f) {
    for (size_t i = 0; i < f->n; i++) {
        free(f->metrics[i].control);
        free(f->metrics[i].experiment);
    }
    free(f->metrics);
    *f = (kayenta_file){.n = 0};
}

static status read_values(const cJSON *object, const char *key, double **out,
                          size_t *out_n, diag *d) {
    const cJSON *list = NULL, *item;
    status s = json_list(object, key, &list, d);
    if (s != OK)
        return s;
    double *x = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *x);
    if (!x)
        return diag_set(d, ERR_MEMORY, "no memory for the values");
    *out = x;
    cJSON_ArrayForEach(item, list) {
        if (!cJSON_IsNumber(item) && !cJSON_IsNull(item))
            return diag_field(d, ERR_INVALID, key, "needs numbers, or null for missing");
        x[(*out_n)++] = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    }
    return OK;
}

/* One of words[n]; the first when the key is not there. */
static status read_word(const cJSON *object, const char *key, const char *const *words,
                        size_t n, int *out, diag *d) {
    const char *given = NULL;
    status s = json_text_or(object, key, words[0], &given, d);
    if (s != OK)
        return s;
    for (size_t i = 0; i < n; i++)
        if (strcmp(given, words[i]) == 0) {
            *out = (int)i;
            return OK;
        }
    const char *nearest = diag_nearest(given, words, n);
    return diag_field(d, ERR_INVALID, key, "is \"%.40s\"; %s is one of %zu words", given,
                      nearest ? nearest : words[0], n);
}

static status read_group(kayenta_file *f, const char *name, size_t *out, diag *d) {
    for (size_t i = 0; i < f->n_groups; i++)
        if (strcmp(f->groups[i], name) == 0) {
            *out = i;
            return OK;
        }
    if (f->n_groups == KAYENTA_GROUPS_MAX || strlen(name) >= sizeof f->groups[0])
        return diag_field(d, ERR_LIMIT, "groups", "more than %d, or a name over 63 bytes",
                          KAYENTA_GROUPS_MAX);
    f->weights[f->n_groups] = NAN;
    snprintf(f->groups[f->n_groups], sizeof f->groups[0], "%s", name);
    *out = f->n_groups++;
    return OK;
}

static status read_groups(kayenta_file *f, const cJSON *object, kayenta_series *m,
                          diag *d) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, "groups"), *item;
    size_t group = 0;
    status s = OK;
    if (!list) {
        s = read_group(f, "all", &group, d);
        m->groups = 1u << group;
        return s;
    }
    s = json_list(object, "groups", &list, d);
    if (s != OK)
        return s;
    cJSON_ArrayForEach(item, list) {
        if (!cJSON_IsString(item))
            return diag_field(d, ERR_INVALID, "groups", "needs names");
        s = read_group(f, item->valuestring, &group, d);
        if (s != OK)
            return s;
        m->groups |= 1u << group;
    }
    return OK;
}

static status read_outliers(const cJSON *object, kayenta_series *m, diag *d) {
    static const char *const keys[] = {"detector", "factor"};
    static const char *const detectors[] = {"ksigma", "iqr"};
    const cJSON *outliers = cJSON_GetObjectItemCaseSensitive(object, "outliers");
    int detector = 0;
    if (!outliers)
        return OK;
    status s = json_object(object, "outliers", &outliers, d);
    if (s == OK)
        s = json_only_keys(outliers, keys, 2, d);
    if (s == OK)
        s = read_word(outliers, "detector", detectors, 2, &detector, d);
    if (s == OK)
        s = json_number_or(outliers, "factor", 0, 1e9, 3, &m->factor, d);
    m->has_outliers = true;
    m->detector = detector == 1 ? KAYENTA_IQR : KAYENTA_K_SIGMA;
    return s;
}

static status read_options(const cJSON *object, kayenta_options *o, diag *d) {
    static const char *const directions[] = {"either", "increase", "decrease"};
    static const char *const strategies[] = {"remove", "replace"};
    static const char *const effects[] = {"meanRatio", "cles", "cohenD"};
    static const char *const classifiers[] = {"mann_whitney", "mean_inequality"};
    int direction = 0, strategy = 0, effect = 0, classifier = 0;
    const struct {
        const char *key;
        double least, most;
        double *out;
    } numbers[] = {{"tolerance", 0, 1e6, &o->tolerance},
                   {"confidence_level", 0.5, 0.999999, &o->confidence},
                   {"allowed_decrease", 0, 1e6, &o->allowed_decrease},
                   {"allowed_increase", 0, 1e6, &o->allowed_increase},
                   {"critical_decrease", 0, 1e6, &o->critical_decrease},
                   {"critical_increase", 0, 1e6, &o->critical_increase}};
    *o = kayenta_defaults;
    status s = read_word(object, "direction", directions, 3, &direction, d);
    if (s == OK)
        s = read_word(object, "nan_strategy", strategies, 2, &strategy, d);
    if (s == OK)
        s = read_word(object, "effect_size", effects, 3, &effect, d);
    if (s == OK)
        s = read_word(object, "classifier", classifiers, 2, &classifier, d);
    if (s == OK)
        s = json_bool_or(object, "critical", false, &o->critical, d);
    if (s == OK)
        s = json_bool_or(object, "must_have_data", false, &o->must_have_data, d);
    for (size_t i = 0; s == OK && i < COUNT(numbers); i++)
        s = json_number_or(object, numbers[i].key, numbers[i].least, numbers[i].most,
                           *numbers[i].out, numbers[i].out, d);
    o->direction = (kayenta_direction)direction;
    o->replace_nan = strategy == 1;
    o->effect = (kayenta_effect)effect;
    o->mean_inequality = classifier == 1;
    return s;
}

static status read_metric(kayenta_file *f, const cJSON *object, diag *d) {
    static const char *const keys[] = {"name",
                                       "control",
                                       "experiment",
                                       "groups",
                                       "direction",
                                       "nan_strategy",
                                       "critical",
                                       "must_have_data",
                                       "tolerance",
                                       "confidence_level",
                                       "allowed_increase",
                                       "allowed_decrease",
                                       "critical_increase",
                                       "critical_decrease",
                                       "effect_size",
                                       "classifier",
                                       "outliers"};
    kayenta_series *m = &f->metrics[f->n++];
    const char *name = NULL;
    status s = json_only_keys(object, keys, COUNT(keys), d);
    if (s == OK)
        s = json_text(object, "name", &name, d);
    if (s == OK)
        snprintf(m->name, sizeof m->name, "%s", name);
    if (s == OK)
        s = read_values(object, "control", &m->control, &m->n_control, d);
    if (s == OK)
        s = read_values(object, "experiment", &m->experiment, &m->n_experiment, d);
    if (s == OK)
        s = read_options(object, &m->options, d);
    if (s == OK)
        s = read_groups(f, object, m, d);
    return s == OK ? read_outliers(object, m, d) : s;
}

static status read_weights(kayenta_file *f, const cJSON *root, diag *d) {
    const cJSON *map = cJSON_GetObjectItemCaseSensitive(root, "group_weights"), *item;
    if (!map)
        return OK;
    status s = json_object(root, "group_weights", &map, d);
    if (s != OK)
        return s;
    cJSON_ArrayForEach(item, map) {
        size_t group = 0;
        double weight = 0;
        s = read_group(f, item->string, &group, d);
        if (s == OK)
            s = json_number(map, item->string, 0, 100, &weight, d);
        if (s != OK)
            return s;
        f->weights[group] = weight;
    }
    return OK;
}

static status read_root(kayenta_file *f, const cJSON *root, diag *d) {
    static const char *const keys[] = {"metrics", "group_weights", "pass", "marginal"};
    const cJSON *list = NULL, *item;
    status s = cJSON_IsObject(root) ? json_only_keys(root, keys, COUNT(keys), d)
                                    : diag_set(d, ERR_INVALID, "needs a JSON object");
    if (s == OK)
        s = json_list(root, "metrics", &list, d);
    if (s != OK)
        return s;
    int n = cJSON_GetArraySize(list);
    if (n < 1 || n > KAYENTA_METRICS_MAX)
        return diag_field(d, ERR_LIMIT, "metrics", "has %d; 1 to %d are needed", n,
                          KAYENTA_METRICS_MAX);
    f->metrics = calloc((size_t)n, sizeof *f->metrics);
    if (!f->metrics)
        return diag_set(d, ERR_MEMORY, "no memory for the metrics");
    cJSON_ArrayForEach(item, list) {
        s = read_metric(f, item, d);
        if (s != OK)
            return s;
    }
    s = read_weights(f, root, d);
    if (s == OK)
        s = json_number_or(root, "pass", 0, 100, 95, &f->pass, d);
    return s == OK ? json_number_or(root, "marginal", 0, f->pass, fmin(75, f->pass),
                                    &f->marginal, d)
                   : s;
}

status kayenta_file_read(const char *path, kayenta_file *out, diag *d) {
    cJSON *root = NULL;
    kayenta_file f = {.n = 0};
    status s = json_read_file(path, KAYENTA_FILE_BYTES, &root, d);
    if (s == OK)
        s = read_root(&f, root, d);
    cJSON_Delete(root);
    if (s == OK)
        *out = f;
    else
        kayenta_file_deinit(&f);
    return s;
}
