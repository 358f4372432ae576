/* conf/config.h: the server's settings: defaults, YAML file, environment, flags, in
 * that order, the later one wins. config.def is the list. Values are plain and are
 * read-only after start. About 32 KiB: keep one, off small stacks.
 *
 * Besides the list: models.serve (names) and models.aliases (client name -> model);
 * outside a file they are written "a,b" and "from=to,from=to".
 *
 * Any thread may read a config; writing is for start-up. File I/O in config_read_file
 * and config_load only. */
#ifndef ROSTRUM_CONF_CONFIG_H
#define ROSTRUM_CONF_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/args.h"
#include "base/buf.h"
#include "base/diag.h"

#define CONFIG_TEXT 512
#define CONFIG_MODELS_MAX 16
#define CONFIG_ALIASES_MAX 32

enum {
#define SETTING(type, field, path, def, min, max, unit, help) CONFIG_INDEX_##field,
#include "conf/config.def"
#undef SETTING
    CONFIG_INDEX_models,
    CONFIG_INDEX_aliases,
    CONFIG_SETTINGS
};

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
    } aliases[CONFIG_ALIASES_MAX];
    unsigned n_aliases;
    /* where each value came from: "default", "FILE:LINE", "environment NAME", "flag" */
    char source[CONFIG_SETTINGS][288];
} config;

void config_defaults(config *c);
/* Unknown keys are errors that name the nearest one; so are values out of range. d has
 * file, line and column. On an error *c may hold a part of the file. */
MUST_CHECK status config_read_file(config *c, const char *path, diag *d);
/* environ-style list of NAME=value; other names are ignored, ROSTRUM_ ones checked.
 * ROSTRUM_CACHE is short for models.cache_dir; ROSTRUM_CONFIG names the file and
 * ROSTRUM_URL, ROSTRUM_API_KEY are for clients: those three set nothing here. */
MUST_CHECK status config_read_environment(config *c, char *const *environment, diag *d);
/* What no single setting can know: a certificate without its key and the like. */
MUST_CHECK status config_check(const config *c, diag *d);
/* Puts the line of the file into d, when d is about a setting that the file set. */
void config_place(const config *c, diag *d);

/* The flags of every command that takes settings: --config FILE, then one for each
 * setting ("server.tls.cert" is typed --server-tls-cert). For command.options. */
enum { CONFIG_FLAGS = 1 + CONFIG_SETTINGS };
extern const arg_option config_flags[CONFIG_FLAGS];

/* All of it in order: defaults, the file (--config, else ROSTRUM_CONFIG, else none),
 * environment, flags, config_check. flags: of a command whose options hold
 * config_flags; NULL for none. *out is filled only on OK. */
MUST_CHECK status config_load(char *const *environment, const args *flags, config *out,
                              diag *d);

/* `config show`: every setting, its value and where it came from. */
void config_show(const config *c, bool json, buf *out);
/* `config explain [PATH]`: type, range, default, environment name, flag, help. */
MUST_CHECK status config_explain(const char *path_or_null, bool json, buf *out, diag *d);

#endif
