/* conf/paths.h: where this installation keeps its programs, manifests and weights.
 *
 * Settings of the config win. Otherwise, with DIR the folder of the running program:
 *   engines    DIR, or DIR/../libexec/rostrum where DIR has none
 *   manifests  DIR/models, or DIR/../share/rostrum/models
 *   cache      $XDG_CACHE_HOME/rostrum, or ~/.cache/rostrum (ROSTRUM_CACHE is a setting)
 * Reads the environment and the file system; any thread. */
#ifndef ROSTRUM_CONF_PATHS_H
#define ROSTRUM_CONF_PATHS_H

#include "conf/config.h"

typedef struct {
    char engine_dir[CONFIG_TEXT];
    char manifest_dir[CONFIG_TEXT];
    char cache_dir[CONFIG_TEXT];
} config_paths;

/* ERR_NOT_FOUND: no manifests, or no home folder for the cache; ERR_LIMIT: a path is
 * longer than CONFIG_TEXT. d names the setting that would help. */
MUST_CHECK status config_find_paths(const config *c, config_paths *out, diag *d);

#endif
