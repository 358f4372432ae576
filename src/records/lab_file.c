#include "records/lab_file.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "records/json.h"

/* NaN and Infinity are written by many JSON writers and are no JSON. The parser can only
 * say at which byte it stopped; this names the field. Looks outside strings for a letter
 * that starts one of them. */
static status refuse_non_finite(const char *text, size_t n, diag *d) {
    const char *key = "", *string = "";
    int key_bytes = 0, string_bytes = 0, line = 1;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"') {
            string = text + i + 1;
            for (i++; i < n && text[i] != '"'; i++)
                i += text[i] == '\\';
            string_bytes = i < n ? (int)(text + i - string) : 0;
        } else if (text[i] == ':') {
            key = string;
            key_bytes = string_bytes < 64 ? string_bytes : 64;
        } else if (text[i] == 'N' || text[i] == 'I' || text[i] == 'i' ||
                   (text[i] == 'n' && i + 1 < n && text[i + 1] == 'a')) {
            char field[72];
            snprintf(field, sizeof field, "%.*s", key_bytes, key);
            diag_at(d, NULL, line, 0);
            return diag_field(d, ERR_INVALID, field,
                              "is not a finite number; JSON holds no NaN or Infinity");
        }
        line += i < n && text[i] == '\n';
    }
    return OK;
}

static status parse(const char *text, size_t n, cJSON **out, diag *d) {
    status s = refuse_non_finite(text, n, d);
    return s == OK ? json_parse(text, n, out, d) : s;
}

/* The whole file into text. */
static status read_text(const char *path, buf *text, diag *d) {
    bool standard = strcmp(path, "-") == 0;
    diag_at(d, standard ? "standard input" : path, 0, 0);
    FILE *file = standard ? stdin : fopen(path, "rb");
    if (!file)
        return diag_set(d, ERR_IO, "cannot be read: %s", strerror(errno));
    char piece[16384];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(text, piece, n);
    bool failed = ferror(file) != 0;
    if (!standard)
        (void)fclose(file);
    if (failed)
        return diag_set(d, ERR_IO, "reading failed");
    if (text->failed)
        return diag_set(d, ERR_LIMIT, "larger than %u MiB", LAB_FILE_BYTES >> 20);
    return OK;
}

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
        status s = parse(text, n, &root, d);                                             \
        if (s == OK)                                                                     \
            s = noun##_of(root, out, d);                                                 \
        cJSON_Delete(root);                                                              \
        return s;                                                                        \
    }                                                                                    \
    status lab_##noun##_read(const char *path, type *out, diag *d) {                     \
        buf text;                                                                        \
        buf_init(&text, LAB_FILE_BYTES);                                                 \
        status s = read_text(path, &text, d);                                            \
        if (s == OK)                                                                     \
            s = lab_##noun##_parse(buf_text(&text), text.size, out, d);                  \
        buf_deinit(&text);                                                               \
        return s;                                                                        \
    }

READER(gate, lab_gate_metrics)
READER(burn, lab_burn_input)
READER(cost, lab_cost_input)

void lab_burn_input_deinit(lab_burn_input *b) {
    free(b->latencies_ms);
    *b = (lab_burn_input){0};
}
