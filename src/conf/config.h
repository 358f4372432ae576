/* conf/config.h: the server's settings: defaults, YAML file, environment, flags, in
 * that order, the later one wins. config.def is the list. Values are plain and are
 * read-only after start. */
#ifndef ROSTRUM_CONF_CONFIG_H
#define ROSTRUM_CONF_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"

#define CONFIG_TEXT 512
#define CONFIG_MODELS_MAX 16

typedef char config_STR[CONFIG_TEXT];
typedef int64_t config_INT;
typedef bool config_BOOL;

typedef struct config {
#define SETTING(type, field, path, def, min, max, unit, help) config_##type field;
#include "conf/config.def"
#undef SETTING
    /* models.serve: names of the models to run, in order; none: the default set */
    char models[CONFIG_MODELS_MAX][64];
    unsigned n_models;
    /* models.aliases: client name -> model */
    struct {
        char from[64], to[64];
    } aliases[32];
    unsigned n_aliases;
} config;

void config_defaults(config *c);
/* Unknown keys are errors that name the nearest one. */
MUST_CHECK status config_read_file(config *c, const char *path, diag *d);
/* environ-style list of NAME=value; other names are ignored, ROSTRUM_ ones checked. */
MUST_CHECK status config_read_environment(config *c, char *const *environment, diag *d);
/* One setting by its yaml path; from where it came is remembered for `config show`. */
MUST_CHECK status config_set(config *c, const char *path, const char *value,
                             const char *source, diag *d);

/* `config show`: every setting, its value and where it came from. */
void config_show(const config *c, bool json, buf *out);
/* `config explain [PATH]`: type, range, default, environment name, flag, help. */
MUST_CHECK status config_explain(const char *path_or_null, bool json, buf *out, diag *d);

#endif
