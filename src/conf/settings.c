#include "conf/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ROW_STR(def) def, 0
#define ROW_INT(def) "", def
#define ROW_BOOL(def) "", def
const setting settings[CONFIG_SETTINGS] = {
#define SETTING(type, field, path, def, min, max, unit, help)                            \
    {SETTING_##type, path, offsetof(config, field), ROW_##type(def), min, max,           \
     unit,           help},
#include "conf/config.def"
#undef SETTING
    {SETTING_MODELS, "models.serve", 0, "", 0, 0, 0, "",
     "list of models to run, in order; empty: the default set"},
    {SETTING_ALIASES, "models.aliases", 0, "", 0, 0, 0, "",
     "map of the names clients use to the models that answer"},
};

const setting *setting_find(const char *path) {
    for (size_t i = 0; i < CONFIG_SETTINGS; i++)
        if (strcmp(settings[i].path, path) == 0)
            return &settings[i];
    return NULL;
}

const setting *setting_find_environment(const char *name) {
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        char known[64];
        setting_environment(&settings[i], known);
        if (strcmp(known, name) == 0)
            return &settings[i];
    }
    return NULL;
}

bool setting_is_group(const char *path) {
    size_t n = strlen(path);
    for (size_t i = 0; i < CONFIG_SETTINGS; i++)
        if (strncmp(settings[i].path, path, n) == 0 && settings[i].path[n] == '.')
            return true;
    return false;
}

size_t setting_index(const setting *row) {
    return (size_t)(row - settings);
}

void *setting_value(config *c, const setting *row) {
    return (char *)c + row->offset;
}

void setting_environment(const setting *row, char out[64]) {
    int n = snprintf(out, 64, "ROSTRUM_%s", row->path);
    for (int i = 0; i < n && i < 63; i++)
        out[i] = out[i] == '.' ? '_' : (char)toupper((unsigned char)out[i]);
}

void setting_flag(const setting *row, char out[64]) {
    int n = snprintf(out, 64, "--%s", row->path);
    for (int i = 2; i < n && i < 63; i++)
        if (out[i] == '.' || out[i] == '_')
            out[i] = '-';
}

status setting_unknown(const char *path, const char *what, diag *d) {
    const char *names[CONFIG_SETTINGS];
    for (size_t i = 0; i < CONFIG_SETTINGS; i++)
        names[i] = settings[i].path;
    const char *nearest = diag_nearest(path, names, CONFIG_SETTINGS);
    if (nearest)
        return diag_field(d, ERR_INVALID, path, "unknown %s; did you mean %s?", what,
                          nearest);
    return diag_field(d, ERR_INVALID, path,
                      "unknown %s; `rostrum config explain` lists them", what);
}
