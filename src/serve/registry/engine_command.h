/* serve/registry/engine_command.h: `rostrum engine list | check | calibrate`. */
#ifndef ROSTRUM_SERVE_ENGINE_COMMAND_H
#define ROSTRUM_SERVE_ENGINE_COMMAND_H

#include "base/args.h"
#include "conf/paths.h"
#include "serve/registry/manifest.h"

extern const command engine_list_command, engine_check_command, engine_calibrate_command;

/* What the three share. */
typedef struct {
    args arguments;
    config *config;
    config_paths paths;
    model_manifest *models; /* [n] every manifest installed */
    size_t n;
    char program_dir[CONFIG_TEXT];
} engine_command;

/* Parses, reads configuration and manifests. false: over, *out_exit is the exit status.
 * Afterwards engine_command_deinit in either case. */
bool engine_command_begin(const command *self, int argc, char **argv, engine_command *out,
                          int *out_exit);
void engine_command_deinit(engine_command *e);

/* OK: a worker of it could start (or it is a part of others and its files are right).
 * Otherwise d says what is missing and how to get it. */
MUST_CHECK status engine_available(const engine_command *e, const model_manifest *m,
                                   diag *d);

#endif
