#include "conf/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "conf/settings.h"
#include "conf/yaml.h"

const arg_option config_flags[CONFIG_FLAGS] = {
#include "conf/config_flags.def"
};

/* Names that start with ROSTRUM_ and are not settings of their own. */
static const char *const other_names[] = {"ROSTRUM_CONFIG", "ROSTRUM_URL",
                                          "ROSTRUM_API_KEY", "ROSTRUM_CACHE"};
enum { OTHER_NAMES = sizeof other_names / sizeof other_names[0] };

void config_defaults(config *c) {
    memset(c, 0, sizeof *c);
#define DEFAULT_STR(field, def) snprintf(c->field, sizeof c->field, "%s", def);
#define DEFAULT_INT(field, def) c->field = def;
#define DEFAULT_BOOL(field, def) c->field = def;
#define SETTING(type, field, path, def, min, max, unit, help) DEFAULT_##type(field, def)
#include "conf/config.def"
#undef SETTING
    for (size_t i = 0; i < CONFIG_SETTINGS; i++)
        snprintf(c->source[i], sizeof c->source[i], "default");
}

static status set_integer(config *c, const setting *row, const char *value, diag *d) {
    char *end;
    errno = 0;
    long long n = strtoll(value, &end, 10);
    if (!*value || *end || errno)
        return diag_field(d, ERR_INVALID, row->path, "needs a whole number");
    if (n < row->min || n > row->max)
        return diag_field(
            d, ERR_INVALID, row->path, "is %lld; must be from %lld to %lld%s%s", n,
            (long long)row->min, (long long)row->max, *row->unit ? " " : "", row->unit);
    *(config_INT *)setting_value(c, row) = n;
    return OK;
}

static status set_bool(config *c, const setting *row, const char *value, diag *d) {
    bool yes = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
    if (!yes && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
        return diag_field(d, ERR_INVALID, row->path, "needs true or false");
    *(config_BOOL *)setting_value(c, row) = yes;
    return OK;
}

/* A piece [n] of a list into a name of 64 bytes. */
static status copy_name(const char *path, const char *piece, size_t n, char out[64],
                        diag *d) {
    if (n == 0)
        return diag_field(d, ERR_INVALID, path, "an empty name");
    if (n > 63)
        return diag_field(d, ERR_LIMIT, path, "a name longer than 63 bytes");
    memcpy(out, piece, n);
    out[n] = '\0';
    return OK;
}

static status add_model(config *c, const char *name, size_t n, diag *d) {
    if (c->n_models == CONFIG_MODELS_MAX)
        return diag_field(d, ERR_LIMIT, "models.serve", "more than %d models",
                          CONFIG_MODELS_MAX);
    status s = copy_name("models.serve", name, n, c->models[c->n_models], d);
    if (s == OK)
        c->n_models++;
    return s;
}

static status add_alias(config *c, const char *from, size_t n_from, const char *to,
                        size_t n_to, diag *d) {
    if (c->n_aliases == CONFIG_ALIASES_MAX)
        return diag_field(d, ERR_LIMIT, "models.aliases", "more than %d aliases",
                          CONFIG_ALIASES_MAX);
    status s =
        copy_name("models.aliases", from, n_from, c->aliases[c->n_aliases].from, d);
    if (s == OK)
        s = copy_name("models.aliases", to, n_to, c->aliases[c->n_aliases].to, d);
    if (s == OK)
        c->n_aliases++;
    return s;
}

/* "a,b" or "from=to,from=to", replacing what was there; "" is an empty list. */
static status set_list(config *c, const setting *row, const char *value, diag *d) {
    bool aliases = row->kind == SETTING_ALIASES;
    if (aliases)
        c->n_aliases = 0;
    else
        c->n_models = 0;
    while (*value) {
        size_t n = strcspn(value, ","), split = strcspn(value, "=,");
        status s;
        if (!aliases)
            s = add_model(c, value, n, d);
        else if (split < n)
            s = add_alias(c, value, split, value + split + 1, n - split - 1, d);
        else
            s = diag_field(d, ERR_INVALID, row->path,
                           "\"%.*s\" is no NAME=MODEL: the name clients use and the "
                           "model that answers, such as fast=moonshine-tiny "
                           "(`rostrum engine list` has the models)",
                           (int)n, value);
        if (s != OK)
            return s;
        value += n + (value[n] == ',');
    }
    return OK;
}

static status set_row(config *c, const setting *row, const char *value, diag *d) {
    switch (row->kind) {
    case SETTING_INT:
        return set_integer(c, row, value, d);
    case SETTING_BOOL:
        return set_bool(c, row, value, d);
    case SETTING_MODELS:
    case SETTING_ALIASES:
        return set_list(c, row, value, d);
    case SETTING_STR:
        break;
    }
    if (strlen(value) >= CONFIG_TEXT)
        return diag_field(d, ERR_LIMIT, row->path, "longer than %d bytes",
                          CONFIG_TEXT - 1);
    memcpy(setting_value(c, row), value, strlen(value) + 1);
    return OK;
}

static void set_source(config *c, const setting *row, const char *source) {
    char *to = c->source[setting_index(row)];
    snprintf(to, sizeof c->source[0], "%s", source);
}

/* models.serve: [a, b] and models.aliases: {from: to} of a file. */
static status read_list(config *c, const setting *row, const yaml_node *node, diag *d) {
    bool aliases = row->kind == SETTING_ALIASES;
    if (yaml_kind_of(node) != (aliases ? YAML_MAP : YAML_LIST)) {
        yaml_at(node, d);
        return diag_field(d, ERR_INVALID, row->path,
                          aliases ? "needs a map of client name: model"
                                  : "needs a list of model names");
    }
    status s = set_list(c, row, "", d);
    for (size_t i = 0; i < yaml_size(node) && s == OK; i++) {
        char name[64];
        const yaml_node *item = yaml_item(node, i);
        s = yaml_string(item, row->path, name, sizeof name, d);
        if (s != OK)
            break;
        yaml_at(item, d);
        if (aliases)
            s = add_alias(c, yaml_key(node, i), strlen(yaml_key(node, i)), name,
                          strlen(name), d);
        else
            s = add_model(c, name, strlen(name), d);
    }
    return s;
}

static status read_setting(config *c, const setting *row, const yaml_node *node,
                           const char *file, int line, diag *d) {
    status s;
    if (row->kind == SETTING_MODELS || row->kind == SETTING_ALIASES) {
        s = read_list(c, row, node, d);
    } else {
        char value[CONFIG_TEXT];
        s = yaml_string(node, row->path, value, sizeof value, d);
        if (s == OK) {
            yaml_at(node, d);
            s = set_row(c, row, value, d);
        }
    }
    if (s == OK) {
        char source[288];
        snprintf(source, sizeof source, "%s:%d", file, line);
        set_source(c, row, source);
    }
    return s;
}

/* One map of the file. Settings lie at most three names deep, so the walk keeps its
 * own short stack. */
static status read_map(config *c, const yaml_node *root, const char *file, diag *d) {
    struct {
        const yaml_node *map;
        size_t next;
        char prefix[128];
    } stack[4];
    size_t depth = 1;
    stack[0].map = root;
    stack[0].next = 0;
    stack[0].prefix[0] = '\0';
    while (depth > 0) {
        size_t top = depth - 1;
        if (stack[top].next == yaml_size(stack[top].map)) {
            depth--;
            continue;
        }
        size_t i = stack[top].next++;
        const yaml_node *node = yaml_item(stack[top].map, i);
        const yaml_node *key = yaml_key_node(stack[top].map, i);
        char path[128];
        int n = snprintf(path, sizeof path, "%s%s%s", stack[top].prefix,
                         *stack[top].prefix ? "." : "", yaml_text(key));
        diag place = DIAG_INIT;
        yaml_at(key, &place);
        const setting *row = setting_find(path);
        if (row) {
            status s = read_setting(c, row, node, file, place.line, d);
            if (s != OK)
                return s;
        } else if (n < (int)sizeof path && depth < 4 && setting_is_group(path)) {
            if (yaml_kind_of(node) != YAML_MAP) {
                yaml_at(node, d);
                return diag_field(d, ERR_INVALID, path, "needs a map of settings");
            }
            stack[depth].map = node;
            stack[depth].next = 0;
            snprintf(stack[depth].prefix, sizeof stack[depth].prefix, "%s", path);
            depth++;
        } else {
            yaml_at(key, d);
            return setting_unknown(path, "key", d);
        }
    }
    return OK;
}

status config_read_file(config *c, const char *path, diag *d) {
    yaml_document *doc = NULL;
    status s = yaml_load_file(path, &doc, d);
    if (s != OK)
        return s;
    const yaml_node *root = yaml_root(doc);
    if (root && yaml_kind_of(root) != YAML_MAP) {
        yaml_at(root, d);
        s = diag_set(d, ERR_INVALID, "needs a map of settings");
    } else if (root) {
        s = read_map(c, root, path, d);
    }
    yaml_destroy(doc);
    return s;
}

/* The place a value came from instead of its setting; what is wrong with it stays. */
static status named(diag *d, status s, const char *field) {
    if (d)
        snprintf(d->field, sizeof d->field, "%s", field);
    return s;
}

static status unknown_variable(const char *name, diag *d) {
    enum { NAMES = CONFIG_SETTINGS + OTHER_NAMES };
    char text[CONFIG_SETTINGS][64];
    const char *names[NAMES];
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        setting_environment(&settings[i], text[i]);
        names[i] = text[i];
    }
    for (size_t i = 0; i < OTHER_NAMES; i++)
        names[CONFIG_SETTINGS + i] = other_names[i];
    const char *nearest = diag_nearest(name, names, NAMES);
    if (nearest)
        return diag_field(d, ERR_INVALID, name,
                          "unknown environment variable; did you mean %s?", nearest);
    return diag_field(d, ERR_INVALID, name,
                      "unknown environment variable; see `rostrum config explain`");
}

/* variable is "NAME=value" and starts with ROSTRUM_. */
static status read_variable(config *c, const char *variable, diag *d) {
    size_t n = strcspn(variable, "=");
    char name[96];
    snprintf(name, sizeof name, "%.*s", (int)n, variable);
    const char *value = variable[n] ? variable + n + 1 : "";
    const setting *row = setting_find_environment(name);
    if (!row && strcmp(name, "ROSTRUM_CACHE") == 0)
        row = setting_find("models.cache_dir");
    if (!row) {
        for (size_t i = 0; i < OTHER_NAMES; i++)
            if (strcmp(name, other_names[i]) == 0)
                return OK;
        return unknown_variable(name, d);
    }
    status s = set_row(c, row, value, d);
    char source[288];
    if (s == OK) {
        snprintf(source, sizeof source, "environment %s", name);
        set_source(c, row, source);
        return OK;
    }
    return named(d, s, name);
}

status config_read_environment(config *c, char *const *environment, diag *d) {
    /* the short name first, so that the full one wins whatever their order */
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; environment[i]; i++) {
            bool is_short = strncmp(environment[i], "ROSTRUM_CACHE=", 14) == 0;
            if (strncmp(environment[i], "ROSTRUM_", 8) != 0 || is_short != (pass == 0))
                continue;
            status s = read_variable(c, environment[i], d);
            if (s != OK)
                return s;
        }
    }
    return OK;
}

void config_place(const config *c, diag *d) {
    const setting *row = setting_find(d->field);
    if (!row || d->file[0])
        return;
    const char *source = c->source[setting_index(row)];
    const char *colon = strrchr(source, ':'); /* only a place in the file has one */
    if (!colon)
        return;
    char file[sizeof c->source[0]];
    snprintf(file, sizeof file, "%.*s", (int)(colon - source), source);
    diag_at(d, file, (int)strtol(colon + 1, NULL, 10), 0);
}

status config_check(const config *c, diag *d) {
    log_level level;
    if (log_level_parse(c->log_level, &level) != 0)
        return diag_field(d, ERR_INVALID, "log.level",
                          "is \"%.32s\"; must be error, warn, info or debug",
                          c->log_level);
    if (!*c->host)
        return diag_field(d, ERR_INVALID, "server.host", "needs an address");
    if (*c->tls_cert && !*c->tls_key)
        return diag_field(d, ERR_INVALID, "server.tls.key",
                          "needed with server.tls.cert");
    if (*c->tls_key && !*c->tls_cert)
        return diag_field(d, ERR_INVALID, "server.tls.cert",
                          "needed with server.tls.key");
    return OK;
}

static const char *variable_of(char *const *environment, const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; environment[i]; i++)
        if (strncmp(environment[i], name, n) == 0 && environment[i][n] == '=')
            return environment[i] + n + 1;
    return NULL;
}

static status read_flags(config *c, const args *flags, diag *d) {
    for (size_t i = 0; i < flags->n_values; i++) {
        const arg_value *v = &flags->values[i];
        const setting *row = setting_find(v->option->name);
        if (!row)
            continue; /* the command's own flag */
        char typed[64], source[72];
        args_flag_name(v->option, typed);
        snprintf(source, sizeof source, "flag --%s", typed);
        status s = set_row(c, row, v->option->kind == ARG_FLAG ? "true" : v->text, d);
        if (s != OK)
            return named(d, s, source + 5);
        set_source(c, row, source);
    }
    return OK;
}

status config_load(char *const *environment, const args *flags, config *out, diag *d) {
    config *c = malloc(sizeof *c);
    if (!c)
        return diag_set(d, ERR_MEMORY, "no memory for the configuration");
    config_defaults(c);
    const char *file = flags ? args_text(flags, "config", NULL) : NULL;
    if (!file)
        file = variable_of(environment, "ROSTRUM_CONFIG");
    status s = file && *file ? config_read_file(c, file, d) : OK;
    if (s == OK) {
        diag_at(d, "", 0, 0);
        s = config_read_environment(c, environment, d);
    }
    if (s == OK && flags)
        s = read_flags(c, flags, d);
    if (s == OK)
        s = config_check(c, d);
    if (s == OK)
        *out = *c;
    else
        config_place(c, d);
    free(c);
    return s;
}
