/* conf/settings.h: config.def as rows that can be walked; private to src/conf.
 * Pure. Safe from any thread. */
#ifndef ROSTRUM_CONF_SETTINGS_H
#define ROSTRUM_CONF_SETTINGS_H

#include <stddef.h>

#include "conf/config.h"

typedef enum {
    SETTING_STR,
    SETTING_INT,
    SETTING_BOOL,
    SETTING_MODELS, /* models.serve */
    SETTING_ALIASES /* models.aliases */
} setting_kind;

typedef struct {
    setting_kind kind;
    const char *path;
    size_t offset; /* of the field in config; unused for the two lists */
    const char *text_default;
    int64_t number_default, min, max;
    const char *unit, *help;
} setting;

extern const setting settings[CONFIG_SETTINGS];

const setting *setting_find(const char *path);             /* NULL: no such */
const setting *setting_find_environment(const char *name); /* NULL: no such */
bool setting_is_group(const char *path);                   /* "server", "server.tls" */
size_t setting_index(const setting *row);
void *setting_value(config *c, const setting *row);

/* "server.tls.cert" -> "ROSTRUM_SERVER_TLS_CERT" and "--server-tls-cert". */
void setting_environment(const setting *row, char out[64]);
void setting_flag(const setting *row, char out[64]);

/* ERR_INVALID "unknown WHAT", with the nearest path where there is one. */
MUST_CHECK status setting_unknown(const char *path, const char *what, diag *d);

#endif
