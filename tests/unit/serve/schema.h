/* The oracle's little schema language over cJSON: enough to say whether a message has
 * the fields its type must have, of the right types. Include once. */
#ifndef TESTS_SCHEMA_H
#define TESTS_SCHEMA_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL: the oracle folder is not there. */
static inline cJSON *read_oracle(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", ROSTRUM_ORACLES, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = malloc(1u << 20);
    size_t n = fread(text, 1, 1u << 20, f);
    fclose(f);
    cJSON *tree = cJSON_ParseWithLength(text, n);
    free(text);
    return tree;
}

static inline bool schema_fits(const cJSON *oracle, const cJSON *schema, const cJSON *v);

static inline bool fits_name(const char *name, const cJSON *v) {
    return strcmp(name, "any") == 0 ||
           (strcmp(name, "string") == 0 && cJSON_IsString(v)) ||
           (strcmp(name, "number") == 0 && cJSON_IsNumber(v)) ||
           (strcmp(name, "boolean") == 0 && cJSON_IsBool(v)) ||
           (strcmp(name, "null") == 0 && cJSON_IsNull(v)) ||
           (strcmp(name, "bytes") == 0 && cJSON_IsString(v));
}

/* A known type with one missing or wrong field is what SDKs drop silently. */
static inline bool fits_object(const cJSON *oracle, const cJSON *schema, const cJSON *v) {
    const cJSON *field;
    if (!cJSON_IsObject(v))
        return false;
    cJSON_ArrayForEach(field, cJSON_GetObjectItem(schema, "required")) {
        const cJSON *has = cJSON_GetObjectItemCaseSensitive(v, field->string);
        if (!has || !schema_fits(oracle, field, has))
            return false;
    }
    cJSON_ArrayForEach(field, cJSON_GetObjectItem(schema, "optional")) {
        const cJSON *has = cJSON_GetObjectItemCaseSensitive(v, field->string);
        if (has && !schema_fits(oracle, field, has))
            return false;
    }
    return true;
}

static inline bool schema_fits(const cJSON *oracle, const cJSON *schema, const cJSON *v) {
    const cJSON *s, *item;
    if (cJSON_IsString(schema))
        return fits_name(schema->valuestring, v);
    if ((s = cJSON_GetObjectItem(schema, "const")))
        return cJSON_Compare(s, v, true);
    if ((s = cJSON_GetObjectItem(schema, "enum"))) {
        cJSON_ArrayForEach(item, s) if (cJSON_Compare(item, v, true)) return true;
        return false;
    }
    if ((s = cJSON_GetObjectItem(schema, "any_of"))) {
        cJSON_ArrayForEach(item, s) if (schema_fits(oracle, item, v)) return true;
        return false;
    }
    if ((s = cJSON_GetObjectItem(schema, "array_of"))) {
        if (!cJSON_IsArray(v))
            return false;
        cJSON_ArrayForEach(item, v) if (!schema_fits(oracle, s, item)) return false;
        return true;
    }
    if ((s = cJSON_GetObjectItem(schema, "map_of"))) {
        cJSON_ArrayForEach(item, v) if (!schema_fits(oracle, s, item)) return false;
        return cJSON_IsObject(v);
    }
    if ((s = cJSON_GetObjectItem(schema, "ref")))
        return schema_fits(oracle,
                           cJSON_GetObjectItemCaseSensitive(
                               cJSON_GetObjectItem(oracle, "defs"), s->valuestring),
                           v);
    return fits_object(oracle, schema, v);
}

#endif
