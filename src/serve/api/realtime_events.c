#include "serve/api/realtime_events.h"

#include <stdbool.h>
#include <string.h>

/* --- the scan --- */

typedef struct {
    const char *at;
    const char *end;
} cursor;

typedef struct {
    const char *text;
    size_t n;
} span;

static void skip_blanks(cursor *c) {
    while (c->at < c->end &&
           (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
}

static bool take(cursor *c, char wanted) {
    skip_blanks(c);
    if (c->at >= c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

/* A JSON string without escapes. */
static bool plain_string(cursor *c, span *out) {
    if (!take(c, '"'))
        return false;
    const char *close = memchr(c->at, '"', (size_t)(c->end - c->at));
    if (!close)
        return false;
    *out = (span){c->at, (size_t)(close - c->at)};
    c->at = close + 1;
    return memchr(out->text, '\\', out->n) == NULL;
}

static bool is(span s, const char *text) {
    return s.n == strlen(text) && memcmp(s.text, text, s.n) == 0;
}

/* An object of plain strings only, its type an append. false: let the parser see. */
static bool scan_append(const char *text, size_t n, realtime_event *out) {
    cursor c = {text, text + n};
    span key, value, type = {"", 0}, id = {"", 0}, audio = {NULL, 0};
    if (!take(&c, '{'))
        return false;
    do {
        if (!plain_string(&c, &key) || !take(&c, ':') || !plain_string(&c, &value))
            return false;
        if (is(key, "type"))
            type = value;
        else if (is(key, "audio"))
            audio = value;
        else if (is(key, "event_id"))
            id = value;
    } while (take(&c, ','));
    if (!take(&c, '}') || !is(type, "input_audio_buffer.append") || !audio.text)
        return false;
    skip_blanks(&c);
    if (c.at != c.end || id.n >= sizeof out->event_id ||
        memchr(id.text, '\0', id.n) != NULL)
        return false;
    out->kind = EVENT_APPEND;
    memcpy(out->event_id, id.text, id.n);
    out->audio = audio.text;
    out->audio_bytes = audio.n;
    return true;
}

/* --- the parser --- */

static const struct {
    const char *type;
    realtime_event_kind kind;
} types[] = {
    {"input_audio_buffer.append", EVENT_APPEND},
    {"input_audio_buffer.commit", EVENT_COMMIT},
    {"input_audio_buffer.clear", EVENT_CLEAR},
    {"session.update", EVENT_UPDATE},
    {"conversation.item.retrieve", EVENT_RETRIEVE},
    {"conversation.item.delete", EVENT_DELETE},
    {"response.cancel", EVENT_CANCEL},
    {"conversation.item.create", EVENT_CONVERSATION},
    {"conversation.item.truncate", EVENT_CONVERSATION},
    {"output_audio_buffer.clear", EVENT_CONVERSATION},
    {"response.create", EVENT_CONVERSATION},
};

static status event_type(const cJSON *tree, realtime_event *out, diag *d) {
    const char *type =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "type"));
    if (!type)
        return diag_field(d, ERR_INVALID, "type", "an event needs a type, a string");
    const char *names[sizeof types / sizeof *types];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        names[i] = types[i].type;
        if (strcmp(type, types[i].type) == 0) {
            out->kind = types[i].kind;
            return OK;
        }
    }
    const char *near = diag_nearest(type, names, sizeof types / sizeof *types);
    return diag_field(d, ERR_INVALID, "type", "no client event has this type%s%s",
                      near ? "; did you mean " : "", near ? near : "");
}

static status event_fields(const cJSON *tree, realtime_event *out, diag *d) {
    const cJSON *field;
    switch (out->kind) {
    case EVENT_APPEND:
        field = cJSON_GetObjectItemCaseSensitive(tree, "audio");
        out->audio = cJSON_GetStringValue(field);
        if (!out->audio)
            return diag_field(d, ERR_INVALID, "audio", "an append needs base64 audio");
        out->audio_bytes = strlen(out->audio);
        return OK;
    case EVENT_RETRIEVE:
    case EVENT_DELETE:
        field = cJSON_GetObjectItemCaseSensitive(tree, "item_id");
        out->item_id = cJSON_GetStringValue(field);
        return out->item_id ? OK : diag_field(d, ERR_INVALID, "item_id", "name an item");
    case EVENT_UPDATE:
        out->session = cJSON_GetObjectItemCaseSensitive(tree, "session");
        return cJSON_IsObject(out->session)
                   ? OK
                   : diag_field(d, ERR_INVALID, "session", "an update needs a session");
    default:
        return OK;
    }
}

static status read_tree(const cJSON *tree, realtime_event *out, diag *d) {
    if (!cJSON_IsObject(tree))
        return diag_set(d, ERR_SYNTAX, "an event is a JSON object");
    const char *id =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "event_id"));
    if (id && strlen(id) >= sizeof out->event_id)
        return diag_field(d, ERR_INVALID, "event_id", "at most %d bytes",
                          REALTIME_EVENT_ID - 1);
    if (id)
        memcpy(out->event_id, id, strlen(id) + 1);
    status st = event_type(tree, out, d);
    return st == OK ? event_fields(tree, out, d) : st;
}

status realtime_event_parse(const char *text, size_t n, realtime_event *out, diag *d) {
    *out = (realtime_event){0};
    if (scan_append(text, n, out))
        return OK;
    cJSON *tree = cJSON_ParseWithLength(text, n);
    if (!tree)
        return diag_set(d, ERR_SYNTAX, "the message is not JSON");
    status st = read_tree(tree, out, d);
    if (st != OK) {
        cJSON_Delete(tree);
        return st;
    }
    out->tree = tree;
    return OK;
}

void realtime_event_free(realtime_event *e) {
    cJSON_Delete(e->tree);
    *e = (realtime_event){0};
}
