/* Transcripts from JSONL. */
#include <stdio.h>
#include <string.h>

#include "records/json.h"
#include "records/transcripts_build.h"

#define ATTRIBUTES_MAX 64 /* of one record */
#define ENTITIES_MAX 256

static status no_memory(diag *d) {
    return diag_set(d, ERR_MEMORY, "no memory for this record");
}

/* A text that may be empty. required: the key must be there. */
static status read_text(transcripts *t, const cJSON *object, const char *key,
                        bool required, const char **out, size_t *out_bytes, diag *d) {
    const char *text;
    status s = json_text_or(object, key, NULL, &text, d);
    if (s != OK)
        return s;
    if (!text)
        return required ? diag_field(d, ERR_INVALID, key,
                                     "missing; a string is needed, \"\" for nothing said")
                        : OK;
    *out_bytes = strlen(text);
    *out = transcripts_text(t, text, *out_bytes);
    return *out ? OK : no_memory(d);
}

/* The value of an attribute as text; "" when the value is no scalar. */
static void scalar_text(const cJSON *value, char *out, size_t size) {
    out[0] = '\0';
    if (cJSON_IsBool(value))
        snprintf(out, size, "%s", cJSON_IsTrue(value) ? "true" : "false");
    else if (cJSON_IsNumber(value))
        snprintf(out, size, "%.15g", value->valuedouble);
    else if (cJSON_IsString(value))
        snprintf(out, size, "%s", value->valuestring);
}

static bool is_own_key(const char *key) {
    static const char *const keys[] = {"id",      "ref",      "hyp",
                                       "speaker", "entities", "slice"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

static status add_attributes(transcripts *t, const cJSON *object, bool top,
                             transcript_attribute *list, size_t *n, diag *d) {
    for (const cJSON *at = object ? object->child : NULL; at; at = at->next) {
        char text[256];
        scalar_text(at, text, sizeof text);
        if (!*text || (top && is_own_key(at->string)))
            continue;
        if (*n == ATTRIBUTES_MAX)
            return diag_set(d, ERR_LIMIT, "more than %d slice attributes",
                            ATTRIBUTES_MAX);
        list[*n].name = transcripts_text(t, at->string, strlen(at->string));
        list[*n].value = transcripts_text(t, text, strlen(text));
        if (!list[*n].name || !list[*n].value)
            return no_memory(d);
        (*n)++;
    }
    return OK;
}

static status read_attributes(transcripts *t, const cJSON *object, transcript *item,
                              diag *d) {
    transcript_attribute list[ATTRIBUTES_MAX];
    size_t n = 0;
    const cJSON *slice = cJSON_GetObjectItemCaseSensitive(object, "slice");
    if (slice && !cJSON_IsObject(slice))
        return diag_field(d, ERR_INVALID, "slice",
                          "an object of attributes is needed, {\"noise\": \"street\"}");
    status s = add_attributes(t, object, true, list, &n, d);
    if (s == OK)
        s = add_attributes(t, slice, false, list, &n, d);
    if (s != OK || n == 0)
        return s;
    transcript_attribute *kept = transcripts_keep(t, n * sizeof *kept);
    if (!kept)
        return no_memory(d);
    memcpy(kept, list, n * sizeof *kept);
    item->attributes = kept;
    item->n_attributes = (unsigned short)n;
    return OK;
}

static status read_entities(transcripts *t, const cJSON *object, transcript *item,
                            diag *d) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, "entities");
    if (!list)
        return OK;
    status s = json_list(object, "entities", &list, d);
    if (s != OK)
        return s;
    int n = cJSON_GetArraySize(list);
    if (n > ENTITIES_MAX)
        return diag_field(d, ERR_LIMIT, "entities", "more than %d", ENTITIES_MAX);
    transcript_entity *kept = transcripts_keep(t, (size_t)n * sizeof *kept);
    if (!kept)
        return no_memory(d);
    size_t i = 0;
    for (const cJSON *at = list->child; at; at = at->next, i++) {
        const char *type, *text;
        s = json_text(at, "type", &type, d);
        if (s == OK)
            s = json_text(at, "text", &text, d);
        if (s != OK)
            return s;
        kept[i].type = transcripts_text(t, type, strlen(type));
        kept[i].text = transcripts_text(t, text, strlen(text));
        if (!kept[i].type || !kept[i].text)
            return no_memory(d);
    }
    item->entities = kept;
    item->n_entities = (unsigned short)n;
    return OK;
}

static status read_record(transcripts *t, const cJSON *object, unsigned needs, diag *d) {
    transcript item = {.speaker = "", .line = d->line};
    const char *text;
    if (!cJSON_IsObject(object))
        return diag_set(d, ERR_INVALID, "an object a line is needed, {\"id\": ...}");
    status s = json_text(object, "id", &text, d);
    if (s == OK && !(item.id = transcripts_text(t, text, strlen(text))))
        s = no_memory(d);
    if (s == OK)
        s = json_text_or(object, "speaker", "", &text, d);
    if (s == OK && *text && !(item.speaker = transcripts_text(t, text, strlen(text))))
        s = no_memory(d);
    if (s == OK)
        s = read_text(t, object, "ref", needs & TRANSCRIPTS_REF, &item.ref,
                      &item.ref_bytes, d);
    if (s == OK)
        s = read_text(t, object, "hyp", needs & TRANSCRIPTS_HYP, &item.hyp,
                      &item.hyp_bytes, d);
    if (s == OK)
        s = read_attributes(t, object, &item, d);
    if (s == OK)
        s = read_entities(t, object, &item, d);
    return s == OK ? transcripts_add(t, &item, d) : s;
}

status transcripts_read_jsonl(transcripts *t, lines *from, unsigned needs, diag *d) {
    for (;;) {
        const char *text;
        size_t n;
        status s = lines_next(from, &text, &n, d);
        if (s != OK || !text)
            return s;
        if (strspn(text, " \t") == n)
            continue;
        cJSON *object;
        s = json_parse(text, n, &object, d);
        if (s != OK)
            return s;
        s = read_record(t, object, needs, d);
        cJSON_Delete(object);
        if (s != OK)
            return s;
    }
}
