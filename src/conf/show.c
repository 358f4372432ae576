/* `config show` and `config explain`: the settings as text and as JSON. */
#include <inttypes.h>
#include <string.h>

#include "conf/settings.h"

static const char *const kind_names[] = {"text", "number", "true|false", "list", "map"};

/* The value as YAML flow text, which is also how the JSON of scalars looks. */
static void add_value(const config *c, const setting *row, buf *out) {
    const void *value = (const char *)c + row->offset;
    switch (row->kind) {
    case SETTING_STR:
        buf_add_json(out, value);
        break;
    case SETTING_INT:
        buf_addf(out, "%" PRId64, *(const config_INT *)value);
        break;
    case SETTING_BOOL:
        buf_add_text(out, *(const config_BOOL *)value ? "true" : "false");
        break;
    case SETTING_MODELS:
        buf_add_text(out, "[");
        for (unsigned i = 0; i < c->n_models; i++) {
            buf_add_text(out, i ? ", " : "");
            buf_add_json(out, c->models[i]);
        }
        buf_add_text(out, "]");
        break;
    case SETTING_ALIASES:
        buf_add_text(out, "{");
        for (unsigned i = 0; i < c->n_aliases; i++) {
            buf_add_text(out, i ? ", " : "");
            buf_add_json(out, c->aliases[i].from);
            buf_add_text(out, ": ");
            buf_add_json(out, c->aliases[i].to);
        }
        buf_add_text(out, "}");
        break;
    }
}

void config_show(const config *c, bool json, buf *out) {
    buf_add_text(out, json ? "{\"settings\":[" : "");
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        const setting *row = &settings[i];
        if (json) {
            buf_add_text(out, i ? ",{\"path\":" : "{\"path\":");
            buf_add_json(out, row->path);
            buf_add_text(out, ",\"value\":");
            add_value(c, row, out);
            buf_add_text(out, ",\"source\":");
            buf_add_json(out, c->source[i]);
            buf_add_text(out, "}");
        } else {
            buf_addf(out, "%s: ", row->path);
            add_value(c, row, out);
            buf_addf(out, "  # %s\n", c->source[i]);
        }
    }
    buf_add_text(out, json ? "]}\n" : "");
}

static void explain_text(const setting *row, const config *defaults, buf *out) {
    char environment[64], flag[64];
    setting_environment(row, environment);
    setting_flag(row, flag);
    buf_addf(out, "%s (%s", row->path, kind_names[row->kind]);
    if (row->kind == SETTING_INT)
        buf_addf(out, ", %" PRId64 " to %" PRId64, row->min, row->max);
    buf_addf(out, "%s%s)\n    %s\n    default ", *row->unit ? ", " : "", row->unit,
             row->help);
    add_value(defaults, row, out);
    buf_addf(out, ", environment %s, flag %s\n", environment, flag);
}

static void explain_json(const setting *row, const config *defaults, buf *out) {
    char environment[64], flag[64];
    setting_environment(row, environment);
    setting_flag(row, flag);
    buf_add_text(out, "{\"path\":");
    buf_add_json(out, row->path);
    buf_addf(out, ",\"type\":\"%s\",\"unit\":\"%s\",\"help\":", kind_names[row->kind],
             row->unit);
    buf_add_json(out, row->help);
    buf_add_text(out, ",\"default\":");
    add_value(defaults, row, out);
    if (row->kind == SETTING_INT)
        buf_addf(out, ",\"min\":%" PRId64 ",\"max\":%" PRId64, row->min, row->max);
    buf_addf(out, ",\"environment\":\"%s\",\"flag\":\"%s\"}", environment, flag);
}

/* path names the row itself or a group above it. */
static bool selects(const char *path, const setting *row) {
    size_t n = strlen(path);
    return strncmp(path, row->path, n) == 0 && (!row->path[n] || row->path[n] == '.');
}

status config_explain(const char *path_or_null, bool json, buf *out, diag *d) {
    if (path_or_null && !setting_find(path_or_null) && !setting_is_group(path_or_null))
        return setting_unknown(path_or_null, "setting", d);
    config defaults;
    config_defaults(&defaults);
    size_t n = 0;
    buf_add_text(out, json ? "{\"settings\":[" : "");
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        if (path_or_null && !selects(path_or_null, &settings[i]))
            continue;
        if (n++ > 0)
            buf_add_text(out, json ? "," : "\n");
        if (json)
            explain_json(&settings[i], &defaults, out);
        else
            explain_text(&settings[i], &defaults, out);
    }
    buf_add_text(out, json ? "]}\n" : "");
    return OK;
}
