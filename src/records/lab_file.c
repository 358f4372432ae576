#include "records/lab_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "records/json.h"

static status number(const cJSON *object, const char *key, double *out, diag *d) {
    return json_number(object, key, -HUGE_VAL, HUGE_VAL, out, d);
}

/* A default stands for a missing key only: null is not a number. */
static status number_or(const cJSON *object, const char *key, double otherwise,
                        double *out, diag *d) {
    if (cJSON_GetObjectItemCaseSensitive(object, key))
        return number(object, key, out, d);
    *out = otherwise;
    return OK;
}

static status gate_of(const cJSON *root, lab_gate_metrics *out, diag *d) {
    lab_gate_metrics m;
    const struct {
        const char *key;
        double *to;
    } fields[] = {
        {"p95_latency_ms_delta", &m.p95_latency_ms_delta},
        {"far_field_wer_relative_delta", &m.far_field_wer_relative_delta},
        {"privacy_error_count", &m.privacy_error_count},
        {"overall_wer_relative_delta", &m.overall_wer_relative_delta},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        status s = number(root, fields[i].key, fields[i].to, d);
        if (s != OK)
            return s;
    }
    *out = m;
    return OK;
}

static status latencies_of(const cJSON *root, lab_burn_input *out, diag *d) {
    const cJSON *list, *item;
    status s = json_list(root, "latencies_ms", &list, d);
    if (s != OK)
        return s;
    size_t n = (size_t)cJSON_GetArraySize(list), i = 0;
    double *values = n > 0 ? malloc(n * sizeof *values) : NULL;
    if (n > 0 && !values)
        return diag_field(d, ERR_MEMORY, "latencies_ms", "no memory for %zu numbers", n);
    cJSON_ArrayForEach(item, list) {
        if (!cJSON_IsNumber(item)) {
            char field[40];
            snprintf(field, sizeof field, "latencies_ms[%zu]", i);
            free(values);
            return diag_field(d, ERR_INVALID, field,
                              "is not a number; milliseconds are needed");
        }
        values[i++] = item->valuedouble;
    }
    out->latencies_ms = values;
    out->n = n;
    return OK;
}

static status burn_of(const cJSON *root, lab_burn_input *out, diag *d) {
    static const char *const keys[] = {"latencies_ms", "threshold_ms",
                                       "allowed_bad_fraction"};
    lab_burn_input b = {0};
    status s = json_only_keys(root, keys, 3, d);
    if (s == OK)
        s = number_or(root, "threshold_ms", LAB_BURN_THRESHOLD_MS, &b.threshold_ms, d);
    if (s == OK)
        s = number_or(root, "allowed_bad_fraction", LAB_BURN_ALLOWED_BAD_FRACTION,
                      &b.allowed_bad_fraction, d);
    if (s == OK)
        s = latencies_of(root, &b, d);
    if (s == OK)
        *out = b;
    return s;
}

static status period_of(const cJSON *root, const char *which, lab_cost_period *out,
                        diag *d) {
    const cJSON *object;
    status s = json_object(root, which, &object, d);
    if (s != OK)
        return s;
    const struct {
        const char *key;
        double *to;
    } fields[] = {
        {"gpu_dollars", &out->gpu_dollars},
        {"successful_turns", &out->successful_turns},
        {"avg_context_tokens", &out->avg_context_tokens},
        {"retry_rate", &out->retry_rate},
        {"shadow_traffic_fraction", &out->shadow_traffic_fraction},
    };
    for (size_t i = 0; s == OK && i < sizeof fields / sizeof fields[0]; i++) {
        s = number(object, fields[i].key, fields[i].to, d);
        if (s != OK && d)
            snprintf(d->field, sizeof d->field, "%s.%s", which, fields[i].key);
    }
    return s;
}

static status cost_of(const cJSON *root, lab_cost_input *out, diag *d) {
    static const char *const keys[] = {"old", "new", "tolerance"};
    lab_cost_input c = {0};
    status s = json_only_keys(root, keys, 3, d);
    if (s == OK)
        s = period_of(root, "old", &c.old_period, d);
    if (s == OK)
        s = period_of(root, "new", &c.new_period, d);
    if (s == OK)
        s = number_or(root, "tolerance", LAB_COST_TOLERANCE, &c.tolerance, d);
    if (s == OK)
        *out = c;
    return s;
}

/* Both forms of a reader: from a file, from text. */
#define READER(noun, type)                                                               \
    status lab_##noun##_parse(const char *text, size_t n, type *out, diag *d) {          \
        cJSON *root = NULL;                                                              \
        status s = json_parse(text, n, &root, d);                                        \
        if (s == OK)                                                                     \
            s = noun##_of(root, out, d);                                                 \
        cJSON_Delete(root);                                                              \
        return s;                                                                        \
    }                                                                                    \
    status lab_##noun##_read(const char *path, type *out, diag *d) {                     \
        cJSON *root = NULL;                                                              \
        status s = json_read_file(path, LAB_FILE_BYTES, &root, d);                       \
        if (s == OK)                                                                     \
            s = noun##_of(root, out, d);                                                 \
        cJSON_Delete(root);                                                              \
        return s;                                                                        \
    }

READER(gate, lab_gate_metrics)
READER(burn, lab_burn_input)
READER(cost, lab_cost_input)

void lab_burn_input_deinit(lab_burn_input *b) {
    free(b->latencies_ms);
    *b = (lab_burn_input){0};
}
