#include "records/partials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records/json.h"
#include "records/lines.h"

#define TIME_MAX_MS 1e15 /* Unix time in ms has room in it */
#define NUMBER_BYTES 32

struct partials {
    lines *from;
    cJSON *object;
    char *number; /* [NUMBER_BYTES] a numeric attribute as text */
};

status partials_open(const char *path, partials **out, diag *d) {
    partials *p = calloc(1, sizeof *p + NUMBER_BYTES);
    if (!p)
        return diag_set(d, ERR_MEMORY, "no memory");
    p->number = (char *)(p + 1);
    status s = lines_open(path, &p->from, d);
    if (s == OK)
        *out = p;
    else
        free(p);
    return s;
}

void partials_close(partials *p) {
    if (!p)
        return;
    cJSON_Delete(p->object);
    lines_close(p->from);
    free(p);
}

static status read_event(const cJSON *o, partial_event *e, diag *d) {
    const char *kind;
    int64_t committed = 0;
    status s = json_text(o, "session", &e->session, d);
    if (s == OK)
        s = json_text(o, "utterance", &e->utterance, d);
    if (s == OK)
        s = json_number(o, "time_ms", 0, TIME_MAX_MS, &e->time_ms, d);
    if (s == OK)
        s = json_text(o, "kind", &kind, d);
    if (s == OK && strcmp(kind, "partial") != 0 && strcmp(kind, "final") != 0)
        return diag_field(d, ERR_INVALID, "kind", "is neither \"partial\" nor \"final\"");
    if (s == OK)
        s = json_text_or(o, "text", NULL, &e->text, d);
    if (s == OK && !e->text)
        return diag_field(d, ERR_INVALID, "text", "missing; a string is needed");
    if (s == OK)
        s = json_integer_or(o, "committed", 0, 1000000, 0, &committed, d);
    if (s == OK)
        s = json_number_or(o, "speech_start_ms", 0, TIME_MAX_MS, -1, &e->speech_start_ms,
                           d);
    if (s == OK)
        s = json_number_or(o, "speech_end_ms", 0, TIME_MAX_MS, -1, &e->speech_end_ms, d);
    if (s != OK)
        return s;
    e->final = strcmp(kind, "final") == 0;
    e->text_bytes = strlen(e->text);
    e->committed = (size_t)committed;
    return OK;
}

status partials_next(partials *p, partial_event *out, bool *out_more, diag *d) {
    const char *text;
    size_t n;
    do {
        status s = lines_next(p->from, &text, &n, d);
        if (s != OK)
            return s;
    } while (text && strspn(text, " \t") == n);
    if (!text) {
        *out_more = false;
        return OK;
    }
    cJSON_Delete(p->object);
    p->object = NULL;
    partial_event e = {.record = p};
    status s = json_parse(text, n, &p->object, d);
    if (s == OK)
        s = read_event(p->object, &e, d);
    if (s != OK)
        return s;
    *out = e;
    *out_more = true;
    return OK;
}

static const char *scalar(const partials *p, const cJSON *value) {
    if (cJSON_IsString(value))
        return *value->valuestring ? value->valuestring : NULL;
    if (cJSON_IsBool(value))
        return cJSON_IsTrue(value) ? "true" : "false";
    if (!cJSON_IsNumber(value))
        return NULL;
    snprintf(p->number, NUMBER_BYTES, "%.15g", value->valuedouble);
    return p->number;
}

const char *partials_value(const void *record, const char *attribute) {
    const partials *p = record;
    const cJSON *slice = cJSON_GetObjectItemCaseSensitive(p->object, "slice");
    const char *value = scalar(p, cJSON_GetObjectItemCaseSensitive(slice, attribute));
    return value ? value
                 : scalar(p, cJSON_GetObjectItemCaseSensitive(p->object, attribute));
}
