#include "records/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define SAFE_INTEGER 9007199254740992.0 /* 2^53 */

/* The first key that an object inside the value holds twice. Iterative: foreign input
 * decides the depth. Quadratic in the keys of one object, so that is bounded. */
#define KEYS_MAX 512
static status check_keys(const cJSON *object, diag *d) {
    int n = 0;
    for (const cJSON *a = object->child; a; a = a->next) {
        if (++n > KEYS_MAX)
            return diag_set(d, ERR_LIMIT, "more than %d keys in one object", KEYS_MAX);
        for (const cJSON *b = a->next; b; b = b->next)
            if (strcmp(a->string, b->string) == 0)
                return diag_field(d, ERR_SYNTAX, a->string, "given twice");
    }
    return OK;
}

/* Visits every value below root, depth first, with an explicit stack. */
static status check_tree(const cJSON *root, diag *d) {
    const cJSON *stack[CJSON_NESTING_LIMIT + 1];
    size_t depth = 0;
    const cJSON *at = root;
    while (at) {
        if (cJSON_IsObject(at)) {
            status s = check_keys(at, d);
            if (s != OK)
                return s;
        }
        if (cJSON_IsNumber(at) && !isfinite(at->valuedouble))
            return diag_field(d, ERR_INVALID, at->string,
                              "the number is too large for a double");
        if (at->child) {
            stack[depth++] = at;
            at = at->child;
            continue;
        }
        while (!at->next && depth > 0)
            at = stack[--depth];
        at = depth > 0 ? at->next : NULL;
    }
    return OK;
}

/* A zero byte, or its escape: either would end a C string early. */
static bool holds_zero(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\0')
            return true;
        if (text[i] == '\\' && ++i + 5 <= n && memcmp(text + i, "u0000", 5) == 0)
            return true;
    }
    return false;
}

/* Does NaN or Infinity, which many writers write and JSON does not hold, begin here? */
static bool is_non_finite(const char *text, size_t n) {
    if (n > 0 && (text[0] == '-' || text[0] == '+')) {
        text++;
        n--;
    }
    return (n >= 3 && strncasecmp(text, "nan", 3) == 0) ||
           (n >= 3 && strncasecmp(text, "inf", 3) == 0);
}

/* Says where the parser stopped: the line, and the key when a number is not finite. */
static status refuse(const char *text, size_t n, size_t at, diag *d) {
    const char *key = "", *string = "";
    int key_bytes = 0, string_bytes = 0, line = 1;
    for (size_t i = 0; i < at; i++) {
        line += text[i] == '\n';
        if (text[i] == ':') {
            key = string;
            key_bytes = string_bytes < 64 ? string_bytes : 64;
        } else if (text[i] == '"') {
            size_t from = ++i;
            for (; i < at && text[i] != '"'; i++)
                i += text[i] == '\\';
            string = text + from;
            string_bytes = i < at ? (int)(i - from) : 0;
        }
    }
    if (d && d->line == 0)
        diag_at(d, NULL, line, 0);
    if (at < n && is_non_finite(text + at, n - at)) {
        char field[72];
        snprintf(field, sizeof field, "%.*s", key_bytes, key);
        return diag_field(d, ERR_INVALID, field,
                          "is not a finite number; JSON holds no NaN or Infinity");
    }
    return diag_set(d, ERR_SYNTAX, "not JSON from byte %zu on", at + 1);
}

status json_parse(const char *text, size_t n, cJSON **out, diag *d) {
    if (holds_zero(text, n))
        return diag_set(d, ERR_SYNTAX, "a zero byte: this is not JSON");
    if (n == 0)
        return diag_set(d, ERR_SYNTAX, "empty; a JSON value is needed");
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, n, &end, false);
    if (!root) {
        size_t at = end && end >= text ? (size_t)(end - text) : 0;
        return refuse(text, n, at < n ? at : n, d);
    }
    size_t rest = (size_t)(end - text);
    while (rest < n && strchr(" \t\r\n", text[rest]))
        rest++;
    status s = rest == n ? check_tree(root, d)
                         : diag_set(d, ERR_SYNTAX,
                                    "something stands behind the JSON value, at byte %zu",
                                    rest + 1);
    if (s != OK) {
        cJSON_Delete(root);
        return s;
    }
    *out = root;
    return OK;
}

static status read_all(FILE *file, size_t max_bytes, buf *text, diag *d) {
    char piece[16384];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(text, piece, n);
    if (ferror(file))
        return diag_set(d, ERR_IO, "reading failed: %s", strerror(errno));
    if (text->failed)
        return diag_set(d, ERR_LIMIT, "larger than %zu bytes", max_bytes);
    return OK;
}

status json_read_file(const char *path, size_t max_bytes, cJSON **out, diag *d) {
    bool standard = strcmp(path, "-") == 0;
    diag_at(d, standard ? "standard input" : path, 0, 0);
    FILE *file = standard ? stdin : fopen(path, "rb");
    if (!file)
        return diag_set(d, ERR_IO, "cannot be read: %s", strerror(errno));
    buf text;
    buf_init(&text, max_bytes);
    status s = read_all(file, max_bytes, &text, d);
    if (s == OK)
        s = json_parse(buf_text(&text), text.size, out, d);
    buf_deinit(&text);
    if (!standard)
        (void)fclose(file);
    return s;
}

static const char *kind_of(const cJSON *value) {
    if (cJSON_IsNumber(value))
        return "a number";
    if (cJSON_IsString(value))
        return "a string";
    if (cJSON_IsBool(value))
        return "true or false";
    if (cJSON_IsArray(value))
        return "a list";
    return cJSON_IsObject(value) ? "an object" : "null";
}

/* The value of key, which must be there. */
static status find(const cJSON *object, const char *key, const char *wanted,
                   const cJSON **out, diag *d) {
    *out = cJSON_GetObjectItemCaseSensitive(object, key);
    if (*out)
        return OK;
    if (!cJSON_IsObject(object))
        return diag_field(d, ERR_INVALID, key, "missing: %s holds no keys",
                          kind_of(object));
    return diag_field(d, ERR_INVALID, key, "missing; %s is needed", wanted);
}

static bool absent(const cJSON *object, const char *key) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    return !value || cJSON_IsNull(value);
}

status json_number(const cJSON *object, const char *key, double min, double max,
                   double *out, diag *d) {
    const cJSON *value;
    status s = find(object, key, "a number", &value, d);
    if (s != OK)
        return s;
    if (!cJSON_IsNumber(value))
        return diag_field(d, ERR_INVALID, key, "is %s; a number is needed",
                          kind_of(value));
    double x = value->valuedouble;
    if (!(x >= min && x <= max)) {
        if (x > max && max >= SAFE_INTEGER)
            return diag_field(d, ERR_INVALID, key, "is %g; at most %.0f is needed", x,
                              max);
        if (max >= SAFE_INTEGER)
            return diag_field(d, ERR_INVALID, key, "is %g; at least %g is needed", x,
                              min);
        return diag_field(d, ERR_INVALID, key, "is %g; %g to %g is needed", x, min, max);
    }
    *out = x;
    return OK;
}

status json_number_or(const cJSON *object, const char *key, double min, double max,
                      double otherwise, double *out, diag *d) {
    if (!absent(object, key))
        return json_number(object, key, min, max, out, d);
    *out = otherwise;
    return OK;
}

status json_integer(const cJSON *object, const char *key, int64_t min, int64_t max,
                    int64_t *out, diag *d) {
    double x = 0;
    double low = fmax((double)min, -SAFE_INTEGER);
    double high = fmin((double)max, SAFE_INTEGER);
    status s = json_number(object, key, low, high, &x, d);
    if (s != OK)
        return s;
    if (x != floor(x))
        return diag_field(d, ERR_INVALID, key, "is %g; a whole number is needed", x);
    *out = (int64_t)x;
    return OK;
}

status json_integer_or(const cJSON *object, const char *key, int64_t min, int64_t max,
                       int64_t otherwise, int64_t *out, diag *d) {
    if (!absent(object, key))
        return json_integer(object, key, min, max, out, d);
    *out = otherwise;
    return OK;
}

status json_bool_or(const cJSON *object, const char *key, bool otherwise, bool *out,
                    diag *d) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    if (absent(object, key)) {
        *out = otherwise;
        return OK;
    }
    if (!cJSON_IsBool(value))
        return diag_field(d, ERR_INVALID, key, "is %s; true or false is needed",
                          kind_of(value));
    *out = cJSON_IsTrue(value);
    return OK;
}

status json_text(const cJSON *object, const char *key, const char **out, diag *d) {
    const cJSON *value;
    status s = find(object, key, "a string", &value, d);
    if (s != OK)
        return s;
    if (!cJSON_IsString(value))
        return diag_field(d, ERR_INVALID, key, "is %s; a string is needed",
                          kind_of(value));
    if (!*value->valuestring)
        return diag_field(d, ERR_INVALID, key, "is empty; a string is needed");
    *out = value->valuestring;
    return OK;
}

status json_text_or(const cJSON *object, const char *key, const char *otherwise,
                    const char **out, diag *d) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    if (absent(object, key)) {
        *out = otherwise;
        return OK;
    }
    if (!cJSON_IsString(value))
        return diag_field(d, ERR_INVALID, key, "is %s; a string is needed",
                          kind_of(value));
    *out = value->valuestring;
    return OK;
}

static status find_kind(const cJSON *object, const char *key, const char *wanted,
                        cJSON_bool (*is)(const cJSON *const), const cJSON **out,
                        diag *d) {
    const cJSON *value;
    status s = find(object, key, wanted, &value, d);
    if (s != OK)
        return s;
    if (!is(value))
        return diag_field(d, ERR_INVALID, key, "is %s; %s is needed", kind_of(value),
                          wanted);
    *out = value;
    return OK;
}

status json_object(const cJSON *object, const char *key, const cJSON **out, diag *d) {
    return find_kind(object, key, "an object", cJSON_IsObject, out, d);
}

status json_list(const cJSON *object, const char *key, const cJSON **out, diag *d) {
    return find_kind(object, key, "a list", cJSON_IsArray, out, d);
}

status json_only_keys(const cJSON *object, const char *const *keys, size_t n, diag *d) {
    for (const cJSON *at = object->child; at; at = at->next) {
        size_t i = 0;
        while (i < n && strcmp(keys[i], at->string) != 0)
            i++;
        if (i < n)
            continue;
        const char *nearest = diag_nearest(at->string, keys, n);
        return diag_field(d, ERR_INVALID, at->string, "unknown key%s%s%s",
                          nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                          nearest ? "\"?" : "");
    }
    return OK;
}
